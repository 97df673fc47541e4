"""The file formats of other tools: their shape, their units, and the mark of an unfit run."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import jsonschema
import numpy as np
import pytest
import report_sample
from pytest_benchmark.stats import Stats
from scipy import stats

from bench.judgement import Gate, GateFinding, Judgement
from bench.model import Cell, Record
from bench.report import render
from bench.report.exports import EXPORTS
from bench.report.exports.pytest_benchmark import spread

DEFAULT = "go/hello default (hello, 1769 MB)"
#: github-action-benchmark's own description of a custom result.
CUSTOM_RESULT = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "unit", "value"],
        "properties": {
            "name": {"type": "string"},
            "unit": {"type": "string"},
            "value": {"type": "number"},
            "range": {"type": "string"},
            "extra": {"type": "string"},
        },
        "additionalProperties": False,
    },
}


def exported(name: str, judgement: Judgement | None = None, record: Record | None = None) -> str:
    return render(record or report_sample.record(), judgement or report_sample.judgement(), name)


def unfit() -> Judgement:
    return report_sample.unfit(report_sample.judgement())


def cold_totals() -> list[int]:
    (cell,) = [
        s for s in report_sample.judgement().cells if s.cell == report_sample.go_cell("default")
    ]
    return list(cell.samples["cold_total"])


def hyperfine_results() -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = json.loads(exported("hyperfine"))["results"]
    return results


def cases(text: str) -> dict[tuple[str, str], ET.Element]:
    found = ET.fromstring(text).iter("testcase")
    return {(case.attrib["classname"], case.attrib["name"]): case for case in found}


@pytest.mark.parametrize("name", EXPORTS)
def test_every_format_says_that_a_run_is_unfit(name: str) -> None:
    """The reason of an unfit run is in the file, and is not in that of a fit one."""
    reason = "the A/A interval of go/hello excludes 1"

    assert reason in exported(name, unfit())
    assert reason not in exported(name)


@pytest.mark.parametrize("name", EXPORTS)
def test_every_format_says_that_a_run_was_a_smoke_run(name: str) -> None:
    """One trial per cell is never handed over as a measurement."""
    record = report_sample.record()
    smoke = replace(record, plan=replace(record.plan, smoke=True))

    assert "smoke run" in exported(name, record=smoke)


@pytest.mark.parametrize("name", EXPORTS)
def test_no_format_has_modelled_times(name: str) -> None:
    """A modelled memory size has no samples, so it is in no file of samples."""
    assert "512" not in {word.strip('",=MB') for word in exported(name).split()}


def test_benchstat_lines_are_nanoseconds_of_single_trials() -> None:
    """Each judged trial is a line, with integers as they were measured."""
    lines = [
        line.split("\t")
        for line in exported("benchstat").splitlines()
        if line.startswith("BenchmarkColdStart/runtime=go/function=hello/variant=default/")
    ]

    assert [line[1] for line in lines] == ["1"] * report_sample.ROUNDS
    values = [next(v for v in line if v.endswith(" cold-total-ns")) for line in lines]
    assert [int(value.split()[0]) for value in values] == cold_totals()


def test_benchstat_knows_that_sizes_are_exact() -> None:
    """Bytes are declared exact, durations are not."""
    lines = exported("benchstat").splitlines()

    assert "Unit zip-bytes better=lower assume=exact" in lines
    assert "Unit cold-total-ns better=lower" in lines


def test_benchstat_counts_the_failures() -> None:
    """A cell that failed is no result, but it is not passed over in silence."""
    assert (
        "# 16 failed trials of go/hello stripped-trimpath (hello, 1769 MB) are not in here"
        in exported("benchstat").splitlines()
    )


def test_benchstat_names_have_no_spaces_or_slashes() -> None:
    """What an event may be called cannot break a line into other parts."""
    record = report_sample.record()
    cell = replace(report_sample.go_cell("default"), event="a b/c")
    trials = tuple(replace(t, event="a b/c") for t in record.trials if t.variant == "default")
    renamed = replace(record, plan=replace(record.plan, cells=(cell,)), trials=trials)

    assert "/event=a%20b%2Fc/cache=warm/" in exported("benchstat", record=renamed)


def test_hyperfine_times_are_seconds() -> None:
    """A time is the cold total of a trial in seconds, in the order of the rounds."""
    result = next(r for r in hyperfine_results() if r["command"] == DEFAULT)

    assert result["times"] == [ns / 1e9 for ns in cold_totals()]
    assert result["exit_codes"] == [0] * report_sample.ROUNDS
    assert result["parameters"]["memory_mb"] == "1769"


def test_hyperfine_statistics_are_those_of_its_scripts() -> None:
    """What its statistics script computes of the times is what the file says of them."""
    for result in hyperfine_results():
        times = np.array(result["times"])
        assert result["mean"] == pytest.approx(np.mean(times), rel=1e-12)
        assert result["stddev"] == pytest.approx(np.std(times, ddof=1), rel=1e-9)
        assert result["median"] == pytest.approx(np.median(times), rel=1e-12)
        assert (result["min"], result["max"]) == (times.min(), times.max())
        assert 0 < result["user"] + result["system"] <= result["mean"]


def test_hyperfine_test_script_finds_the_difference() -> None:
    """Welch's test, as its script does it on two results, agrees with what the sample holds."""
    by_command = {r["command"]: r["times"] for r in hyperfine_results()}

    test = stats.ttest_ind(
        by_command[DEFAULT],
        by_command["go/hello static (hello, 1769 MB)"],
        equal_var=False,
    )

    assert test.pvalue < 0.05
    assert test.statistic > 0


def test_hyperfine_marks_the_name_of_an_unfit_command() -> None:
    """The name is what each of its scripts prints, so the mark is in the name."""
    results = json.loads(exported("hyperfine", unfit()))["results"]

    assert all(result["command"].startswith("UNFIT: ") for result in results)


def test_github_action_benchmark_has_its_documented_shape() -> None:
    """The list is what `customSmallerIsBetter` takes, and every name is there once."""
    rows = json.loads(exported("github-action-benchmark"))

    jsonschema.validate(rows, CUSTOM_RESULT)
    assert len({row["name"] for row in rows}) == len(rows)


def test_github_action_benchmark_values_are_milliseconds_and_bytes() -> None:
    """A median has its unit beside it and its interval as the range."""
    rows = {row["name"]: row for row in json.loads(exported("github-action-benchmark"))}
    total = rows[f"{DEFAULT} cold_total"]

    assert (total["unit"], total["value"]) == ("ms", sorted(cold_totals())[8] / 1e6)
    assert rows["go/hello default zip_bytes"]["value"] == 4_010_000


def test_github_action_benchmark_keeps_an_unfit_run_out_of_every_series() -> None:
    """Values are compared with the last of the same name, which an unfit run does not have."""
    fit = {row["name"] for row in json.loads(exported("github-action-benchmark"))}
    marked = {row["name"] for row in json.loads(exported("github-action-benchmark", unfit()))}

    assert not fit & marked


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 8, 21, 30])
def test_spread_is_as_pytest_benchmark_defines_it(n: int) -> None:
    """Every statistic is what pytest-benchmark itself makes of the same values."""
    data = [float(value) for value in np.random.default_rng(n).lognormal(0.0, 0.7, n)]
    theirs = Stats()
    for value in data:
        theirs.update(value)

    ours = spread(data)

    assert ours.pop("outliers") == theirs.outliers
    numbers = {field: getattr(theirs, field) for field in Stats.fields if field in ours}
    assert {field: ours[field] for field in numbers} == pytest.approx(numbers, rel=1e-12)
    assert set(Stats.fields) - set(numbers) == {"outliers"}


def test_junit_is_well_formed_and_counts_right() -> None:
    """The counts of the root are those of the cases below it."""
    root = ET.fromstring(exported("junit"))

    assert int(root.attrib["tests"]) == len(list(root.iter("testcase")))
    assert int(root.attrib["failures"]) == len(list(root.iter("failure"))) == 2
    assert int(root.attrib["errors"]) == len(list(root.iter("error"))) == 2
    assert int(root.attrib["skipped"]) == len(list(root.iter("skipped"))) == 1


def test_junit_failures_are_regressions() -> None:
    """A slower cell of a regressed run fails with its ratio; a faster one passes."""
    found = cases(exported("junit"))
    failure = found["python/analyse", "eager-source-only (used, 1769 MB)"].find("failure")

    assert failure is not None
    assert "×1.67 [1.65, 1.69]" in failure.attrib["message"]
    assert found["go/hello", "static (hello, 1769 MB)"].find("failure") is None


def test_junit_alternatives_do_not_fail() -> None:
    """A slower variant of a run without a regression passes, and says that it is slower."""
    found = cases(exported("junit", replace(report_sample.judgement(), verdict="no regression")))
    case = found["python/analyse", "eager-source-only (used, 1769 MB)"]

    assert [child.tag for child in case] == ["system-out"]
    assert case[0].text is not None
    assert case[0].text.startswith("slower")


def test_junit_fails_exactly_the_cells_that_a_gate_fails_for() -> None:
    """By the rule, whatever the verdict at the margin is; what is slower elsewhere passes."""
    judgement = report_sample.judgement()
    within = next(c for c in judgement.comparisons if c.verdict == "same")
    slower = next(c for c in judgement.comparisons if c.verdict == "slower")
    finding = GateFinding(
        rule="slower:1%",
        state="regression",
        function=within.function,
        candidate=within.candidate,
        metric=judgement.primary,
        message="slower",
        cell=Cell(
            function=within.function,
            variant=within.candidate,
            memory_mb=within.memory_mb,
            event=within.event,
            page_cache=within.page_cache,
        ),
    )
    gate = Gate(
        rules=("slower:1%",), strict=False, verdict="regression", exit_code=1, findings=(finding,)
    )
    found = cases(exported("junit", replace(judgement, gate=gate, verdict="regression")))

    failed = {name for name, case in found.items() if case.find("failure") is not None}
    assert failed == {
        (within.function, f"{within.candidate} ({within.event}, {within.memory_mb} MB)")
    }
    assert (slower.function, slower.candidate) != (within.function, within.candidate)


def test_junit_skips_what_is_not_decided() -> None:
    """An inconclusive comparison is skipped with its interval, not passed."""
    skipped = cases(exported("junit"))["python/analyse", "lazy (used, 1769 MB)"].find("skipped")

    assert skipped is not None
    assert skipped.attrib["message"].startswith("inconclusive")


def test_junit_passes_nothing_of_an_unfit_run() -> None:
    """The run is an error, and every cell that worked is skipped."""
    found = cases(exported("junit", unfit()))

    assert found["coldbench", "the run can be trusted"].find("error") is not None
    assert all(case.find("system-out") is None for case in found.values())


def test_junit_survives_what_a_function_may_print() -> None:
    """Control characters of a log, which XML does not have, are left out."""
    record = report_sample.record()
    noisy = tuple(
        replace(t, error=replace(t.error, log_tail="\x00\x08<&>\x1b[31m]]>")) if t.error else t
        for t in record.trials
    )

    found = cases(exported("junit", record=replace(record, trials=noisy)))

    error = found["go/hello", "stripped-trimpath (hello, 1769 MB)"].find("error")
    assert error is not None
    assert error.text == "<&>]]>"
