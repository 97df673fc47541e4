"""The pytest plugin in sessions of its own, on functions that take milliseconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bootstraps import write_bootstrap

pytestmark = pytest.mark.live
pytest_plugins = ["pytester"]

BUSY = "sum(range(2_000_000))"
QUIET = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist")


@pytest.fixture(name="project")
def _project(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> pytest.Pytester:
    """Make a project with two functions: `quick`, and `busy`, which computes in its init."""
    functions = pytester.path / "functions"
    functions.mkdir()
    write_bootstrap(functions / "quick")
    busy = functions / "busy"
    busy.mkdir()
    write_bootstrap(busy / "plain")
    write_bootstrap(busy / "computing", init=BUSY)
    busy.joinpath("function.toml").write_text(
        '[variants.plain]\npath = "plain"\n[variants.computing]\npath = "computing"\n'
    )
    monkeypatch.setenv("COLDBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    return pytester


def session(project: pytest.Pytester, test: str, *arguments: str) -> pytest.RunResult:
    """Run the body of one test in a session of its own."""
    body = "\n".join(f"    {line}" for line in test.strip().splitlines())
    project.makepyfile(test_it=f"def test_it(cold_start):\n{body}\n")
    return project.runpytest_subprocess(*QUIET, *arguments, timeout=300)


MEASURE = """
start = cold_start("functions/quick", rounds=2, event={"order": 1}, allow_unfit=True)
assert len(start.samples["cold_total"]) == 2
assert start.failures == 0
assert start.cold_total.median == start.metrics["cold_total"].median > 0
assert start.peak_memory.unit == "bytes"
assert (start.function, start.variant, start.event) == ("custom/quick", "default", "event")
"""


def test_metrics_and_every_file_of_pytest_benchmark(project: pytest.Pytester) -> None:
    """One test's trials are metrics, a table, a JSON file, and a run saved for comparison."""
    result = session(
        project, MEASURE, "--benchmark-json=b.json", "--benchmark-autosave", "--benchmark-save-data"
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*benchmark: 1 tests*", "test_it *"])
    (benchmark,) = json.loads((project.path / "b.json").read_text())["benchmarks"]
    assert benchmark["extra_info"]["coldbench"]["function"] == "custom/quick"
    assert benchmark["stats"]["rounds"] == 2
    assert 1e-4 < benchmark["stats"]["min"] < 10
    (saved,) = project.path.glob(".benchmarks/*/0001_*.json")
    assert json.loads(saved.read_text())["benchmarks"][0]["stats"]["data"] == pytest.approx(
        benchmark["stats"]["data"]
    )


def test_saved_runs_are_compared_by_pytest_benchmark(project: pytest.Pytester) -> None:
    """A later session finds the earlier cold start of the same test."""
    measure = 'cold_start("functions/quick", rounds=2, allow_unfit=True)'
    session(project, measure, "--benchmark-autosave").assert_outcomes(passed=1)

    result = session(project, measure, "--benchmark-compare=0001")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*benchmark: 2 tests*"])
    result.stdout.re_match_lines_random([r"test_it \(0001_\w+\)\s.*", r"test_it \(NOW\)\s.*"])


def test_histograms_show_cold_starts(project: pytest.Pytester) -> None:
    """Where pytest-benchmark can draw, it draws them."""
    pytest.importorskip("pygal", reason="pytest-benchmark draws with pygal, which is not installed")

    result = session(
        project,
        'cold_start("functions/quick", rounds=2, allow_unfit=True)',
        "--benchmark-histogram=drawn",
    )

    result.assert_outcomes(passed=1)
    assert "test_it" in (project.path / "drawn.svg").read_text()


@pytest.mark.parametrize("option", ["-pno:benchmark", "--benchmark-disable"])
def test_metrics_without_pytest_benchmark(project: pytest.Pytester, option: str) -> None:
    """Absent or disabled, its features are missing and nothing else."""
    result = session(project, MEASURE, option)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*benchmark: 1 tests*")


def test_flags_of_pytest_benchmark_choose_cold_starts(project: pytest.Pytester) -> None:
    """--benchmark-skip skips them before anything is measured."""
    session(project, "raise SystemExit", "--benchmark-skip").assert_outcomes(skipped=1)


def test_the_mark_chooses_cold_starts(project: pytest.Pytester) -> None:
    """Each test that measures has the mark, without being given it."""
    session(project, "raise SystemExit", "-m", "not cold_start").assert_outcomes(deselected=1)


def test_two_measurements_of_one_test_are_two_benchmarks(project: pytest.Pytester) -> None:
    """The first has the test's name, the second that of its function beside it."""
    measure = """
for _ in "ab":
    cold_start("functions/quick", rounds=1, metric="init", allow_unfit=True)
"""

    result = session(project, measure, "--benchmark-json=b.json")

    result.assert_outcomes(passed=1)
    names = [b["name"] for b in json.loads((project.path / "b.json").read_text())["benchmarks"]]
    assert names == ["test_it", "test_it (custom/quick default empty 1769 MB)"]


def test_a_slower_variant_fails_with_its_numbers(project: pytest.Pytester) -> None:
    """The message has the change with its interval, the margin, and where the record is."""
    result = session(
        project,
        'cold_start.assert_not_slower("functions/busy", variant="computing", than="plain",'
        " margin=0.03)",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*the cold start is slower than `plain` by more than the 3 % allowed:",
            "*custom/busy computing*",
            "*computing against plain: +* % [[]+* %, +* %], n = *",
            "*coldbench report *",
        ]
    )


def test_a_faster_variant_passes(project: pytest.Pytester) -> None:
    """What is shown not to be slower passes, and is no benchmark of pytest-benchmark."""
    result = session(
        project,
        'cold_start.assert_not_slower("functions/busy", than="computing", margin=0.03)',
    )

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*was not used at all*")


def test_what_was_measured_last_is_compared(project: pytest.Pytester) -> None:
    """Without a directory the assertion is about the last measurement, variant included."""
    result = session(
        project,
        'cold_start("functions/busy", variant="computing", rounds=1, allow_unfit=True)\n'
        'cold_start.assert_not_slower(than="plain", margin=0.03)',
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*computing against plain: +*"])


def test_too_few_rounds_never_pass(project: pytest.Pytester) -> None:
    """A run without an interval fails the test, whatever its ratio."""
    result = session(
        project,
        'cold_start.assert_not_slower("functions/busy", than="computing", rounds=3)',
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*too few*"])


def test_another_directory_is_compared(project: pytest.Pytester) -> None:
    """Two directories are measured in one run, and the slower one fails."""
    for name, init in (("before", ""), ("after", BUSY)):
        (project.path / name).mkdir()
        write_bootstrap(project.path / name / "order", init=init)

    result = session(
        project, 'cold_start.assert_not_slower("after/order", than="before/order", margin=0.03)'
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the cold start is slower than `before/order`*", "*: +* %*"])


def test_a_revision_is_compared_with_the_working_tree(project: pytest.Pytester) -> None:
    """Uncommitted work that computes in init is slower than HEAD."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "functions"), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *command], cwd=project.path, check=True)
    write_bootstrap(project.path / "functions" / "quick", init=BUSY)

    result = session(
        project, 'cold_start.assert_not_slower("functions/quick", than="HEAD", margin=0.03)'
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the cold start is slower than `HEAD`*", "*: +* %*"])


@pytest.mark.parametrize(
    ("mistake", "advice"),
    [
        ('cold_start("functions/quik")', "there is no directory `functions/quik`"),
        ('cold_start("functions")', "its sub-directories busy, quick are functions"),
        ('cold_start("functions/busy", variant="plane")', "did you mean `plain`?"),
        ('cold_start("functions/quick", event="used")', "unknown event `used`"),
        ('cold_start("functions/quick", memory=64)', "128 to 10,240"),
        (
            'cold_start("functions/quick", rounds=1, metric="peak_memory", allow_unfit=True)',
            "is none of init",
        ),
        ('cold_start.assert_not_slower(than="plain")', "name the function's directory"),
        ('cold_start("functions/quick", rounds=1, allow_unfit=True).cold', "no metric `cold`"),
    ],
)
def test_a_mistake_gets_advice(project: pytest.Pytester, mistake: str, advice: str) -> None:
    """A wrong argument fails the test with what to do, without our traceback."""
    result = session(project, mistake)

    result.assert_outcomes(failed=1)
    assert advice in result.stdout.str()
    assert "pytest_plugin/" not in result.stdout.str()


#: Fails in every third environment; they are counted in the names of their log streams.
FLAKY = """\
if int(os.environ["AWS_LAMBDA_LOG_STREAM_NAME"][-32:], 16) % 3 == 0:
    print("the stock did not answer", flush=True)
    os._exit(3)
"""


@pytest.fixture(name="flaky")
def _flaky(project: pytest.Pytester) -> pytest.Pytester:
    """Add a function some of whose cold starts fail."""
    write_bootstrap(project.path / "functions" / "flaky", init=FLAKY)
    return project


def test_failed_trials_fail_the_test(flaky: pytest.Pytester) -> None:
    """Metrics of the survivors alone would hide them; the message says how many and the first."""
    result = session(flaky, 'cold_start("functions/flaky", rounds=8, allow_unfit=True)')

    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines_random(
        [
            r".*custom/flaky, variant default \(empty, 1769 MB\): \d+ of \d+ trials failed",
            r".*first error, in round \d+: Runtime\.ExitError: .*",
            r".*the stock did not answer",
            r".*log: .*/logs/custom_flaky-default-.*\.log",
            r".*hint: `coldbench invoke .*/functions/flaky .*allow_failures=True.*",
        ]
    )
    assert "pytest_plugin/" not in result.stdout.str()


def test_failed_trials_are_counted_where_they_are_allowed(flaky: pytest.Pytester) -> None:
    """The metrics are those of the trials that succeeded, beside the number of the others."""
    measure = """
start = cold_start("functions/flaky", rounds=8, allow_failures=True, allow_unfit=True)
assert 0 < start.failures < start.trials
assert 0 < start.cold_total.n <= 8
"""

    session(flaky, measure).assert_outcomes(passed=1)


def test_workers_of_xdist_are_refused(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the tests of other workers nothing is measured, and the advice says what to do."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")

    result = session(project, MEASURE)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*`pytest -m cold_start -n 0`*"])


def test_pytest_starts_without_anything_of_ours(tmp_path: Path) -> None:
    """A session that measures nothing loads the plugin's own module and no other."""
    code = (
        "import sys, pytest; pytest.main(['--collect-only', '-q']); "
        "print(sorted(m for m in sys.modules if m.startswith(('bench', 'numpy', 'pandas'))))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert result.stdout.splitlines()[-1] == "['bench', 'bench.pytest_plugin']"
