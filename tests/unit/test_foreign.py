"""Files of other tools: what they allow to be said, and that they never get a verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bench import foreign
from bench.commands import judge
from bench.commands.options import JudgeOptions
from bench.config import load_settings
from bench.errors import RecordError
from bench.foreign.drift import estimate


def command(name: str, times: list[float] | None, **changes: Any) -> dict[str, Any]:
    mean = float(np.mean(times)) if times else 0.01
    row = {"command": name, "mean": mean, "median": mean, "times": times}
    return row | {"exit_codes": [0] * len(times or [])} | changes


def steady(level: float, *, n: int = 60, seed: int = 1) -> list[float]:
    return [float(t) for t in level * np.random.default_rng(seed).normal(1, 0.004, n)]


def write(path: Path, *commands: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"results": list(commands)}))
    return path


def benchmark(name: str, **stats_of: Any) -> dict[str, Any]:
    return {"name": name, "group": None, "stats": {"mean": 0.01, "median": 0.01} | stats_of}


def write_benchmarks(path: Path, *benchmarks: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"machine_info": {}, "benchmarks": list(benchmarks)}))
    return path


def assessed(path: Path) -> foreign.Assessment:
    file = foreign.read(path)
    assert file is not None
    return foreign.assess(file)


def judged(path: Path, *, as_json: bool = False) -> tuple[str, int]:
    settings = load_settings({}, cwd=path.parent, environ={})
    return judge.execute(
        JudgeOptions(settings=settings, cwd=path.parent, command="", record=path.name, json=as_json)
    )


def test_a_file_of_hyperfine_is_incomparable(tmp_path: Path) -> None:
    """The verdict is `incomparable`, the code 6, and the block order is the reason."""
    path = write(tmp_path / "h.json", command("a", steady(0.01)), command("b", steady(0.02)))

    text, code = judged(path)

    assert code == 6
    assert text.startswith("incomparable: a file of hyperfine gives no verdict\n")
    assert "all of one command and then all of the next (blocks)" in text


def test_one_command_alone_is_no_pass_either(tmp_path: Path) -> None:
    """Nothing to compare is not success."""
    assert judged(write(tmp_path / "h.json", command("a", steady(0.01))))[1] == 6


def test_the_same_as_json(tmp_path: Path) -> None:
    """A script reads the verdict, the reasons and each difference without one."""
    path = write(tmp_path / "h.json", command("a", steady(0.01)), command("b", steady(0.02)))

    text, code = judged(path, as_json=True)

    found = json.loads(text)
    assert (code, found["schema"], found["verdict"]) == (6, "coldbench-foreign/1", "incomparable")
    assert [d["verdict"] for d in found["differences"]] == ["incomparable"]
    assert found["differences"][0]["ratio"] == pytest.approx(2, rel=0.01)
    assert found["cannot_conclude"]


def test_a_difference_within_the_drift_says_nothing(tmp_path: Path) -> None:
    """The drift inside a block is the measure of what happens between two."""
    drifting = [0.01 * (1 + 0.1 * k / 60) for k in range(60)]
    path = write(tmp_path / "h.json", command("a", drifting), command("b", steady(0.0108)))

    (difference,) = assessed(path).differences

    assert difference.beyond_drift is False
    assert difference.words.endswith("nothing can be said")


def test_a_difference_beyond_the_drift_is_worth_a_test(tmp_path: Path) -> None:
    """More than the machine moved is a hint, with the reason why it is no more than that."""
    path = write(tmp_path / "h.json", command("a", steady(0.01)), command("b", steady(0.02)))

    (difference,) = assessed(path).differences

    assert difference.beyond_drift is True
    assert "not excluded" in difference.words


def test_a_drift_is_reported_with_its_size(tmp_path: Path) -> None:
    """A block that slows down has no level, and the reason names how far it went."""
    drifting = [t * (1 + 0.2 * k / 60) for k, t in enumerate(steady(0.01))]

    found = assessed(write(tmp_path / "h.json", command("a", drifting)))

    (sentence,) = [s for s in found.cannot if s.startswith("a level of `a`")]
    assert "+13." in sentence


def test_a_steady_block_has_no_drift(tmp_path: Path) -> None:
    """Noise alone is not called drift."""
    found = assessed(write(tmp_path / "h.json", command("a", steady(0.01))))

    assert not any("drifted" in sentence for sentence in found.cannot)


def test_means_only_is_said(tmp_path: Path) -> None:
    """Without single times there is no drift, no median, and a sentence that says so."""
    found = assessed(write(tmp_path / "h.json", command("a", None), command("b", None)))

    assert any("the file has summaries only" in sentence for sentence in found.cannot)
    assert found.unrest is None
    assert found.differences[0].beyond_drift is None


def test_failed_runs_are_said(tmp_path: Path) -> None:
    """With -i, hyperfine keeps the times of failures among the others."""
    row = command("a", steady(0.01, n=12), exit_codes=[1, 1, *[0] * 10])

    found = assessed(write(tmp_path / "h.json", row))

    assert any("2 of its 12 runs failed" in sentence for sentence in found.cannot)


def test_a_cold_first_run_is_said(tmp_path: Path) -> None:
    """A first time far above the others is another state of the page cache."""
    found = assessed(write(tmp_path / "h.json", command("a", [0.05, *steady(0.01)])))

    assert any("its first time was 5.0 times" in sentence for sentence in found.cannot)


def test_a_file_of_pytest_benchmark_is_incomparable(tmp_path: Path) -> None:
    """Tests run one after the other, and averaged calls are named."""
    path = write_benchmarks(
        tmp_path / "p.json",
        benchmark("test_a", data=steady(0.01), iterations=5, rounds=60),
        benchmark("test_b", data=steady(0.01, seed=2), iterations=1, rounds=60),
    )

    text, code = judged(path)

    assert code == 6
    assert "in the order of the tests" in text
    assert "mean of up to 5 calls" in text


def test_groups_of_pytest_benchmark_are_not_mixed(tmp_path: Path) -> None:
    """Only benchmarks of one group are set side by side."""
    rows = [benchmark("a") | {"group": "x"}, benchmark("b") | {"group": "y"}]

    assert assessed(write_benchmarks(tmp_path / "p.json", *rows)).differences == ()


def test_benchmarks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Four metrics of one variant are four lines that say which is which."""
    rows = [
        benchmark("python/a lazy") | {"group": f"python/a: {m}", "fullname": f"{m}: python/a lazy"}
        for m in ("cold_total", "init")
    ]

    text, _ = judged(write_benchmarks(tmp_path / "p.json", *rows, benchmark("alone")))

    assert "\n  cold_total: python/a lazy: median" in text
    assert "\n  init: python/a lazy: median" in text
    assert "\n  alone: median" in text


def test_without_full_names_the_group_tells_apart(tmp_path: Path) -> None:
    """The group is all that is left to say which is which."""
    rows = [benchmark("a") | {"group": "x"}, benchmark("a") | {"group": "y"}]

    found = assessed(write_benchmarks(tmp_path / "p.json", *rows))

    assert [series.name for series in found.series] == ["a (x)", "a (y)"]


@pytest.mark.parametrize(
    "content",
    [
        '{"results": [{"command": "a", "mean": "fast"}]}',
        '{"results": [{"command": "a", "mean": 1, "times": [1, -1]}]}',
        '{"results": [{"command": "a", "mean": 1, "times": [1, NaN]}]}',
        '{"results": [{"command": "a", "mean": 1, "times": [1, 2], "exit_codes": [0]}]}',
        '{"results": [{"command": "a", "mean": 1, "times": 3}]}',
        '{"results": []}',
        '{"results": [{"command": "a", "mean": 1, "times": [1, 2]',
        '{"machine_info": {}, "benchmarks": []}',
        '{"machine_info": {}, "benchmarks": [{"name": "a"}]}',
        '{"machine_info": {}, "benchmarks": ["a"]}',
        '{"machine_info": {}, "benchmarks": [{"stats": {"mean": 1, "iterations": 0}}]}',
        '{"anything": "else"}',
        "[]",
        "",
    ],
)
def test_a_damaged_or_unknown_file_is_exit_2(tmp_path: Path, content: str) -> None:
    """What cannot be read is an error of its own, never a verdict."""
    path = tmp_path / "f.json"
    path.write_text(content)

    with pytest.raises(RecordError) as error:
        judged(path)

    assert error.value.exit_code == 2


def test_an_export_of_ours_leads_back_to_its_run(tmp_path: Path) -> None:
    """What was interleaved and lost it in the format has its verdicts in the record."""
    path = tmp_path / "h.json"
    row = command("a", steady(0.01))
    path.write_text(json.dumps({"results": [row], "coldbench": {"run": "20260102-030405-7f3a"}}))

    text, code = judged(path)

    assert code == 6
    assert "`coldbench judge 20260102-030405-7f3a`" in text


def test_rank_correlation_is_spearmans() -> None:
    """Ties included, the correlation with order is scipy's."""
    times = [round(t, 4) for t in steady(0.01, n=40)]

    found = estimate(times)

    assert found is not None
    expected = stats.spearmanr(times, range(40)).statistic
    assert found.correlation == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("times", [[0.01] * 11, [0.01] * 20 + [0.0]])
def test_too_little_to_estimate_a_drift(times: list[float]) -> None:
    """Few values, or one of zero, give none."""
    assert estimate(times) is None


def test_constant_times_do_not_drift() -> None:
    """A clock too coarse to see anything shows no order."""
    found = estimate([0.01] * 30)

    assert found is not None
    assert (found.trend, found.correlation, found.p) == (0.0, 0.0, 1.0)
