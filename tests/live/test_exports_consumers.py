"""Exports in the hands of the tools that they are for."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import report_sample

from bench.build import BuildCache
from bench.build.process import ProcessRunner
from bench.build.toolchain import Toolchains
from bench.report import render

pytestmark = pytest.mark.live

BENCHSTAT = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"
_UNREACHABLE = re.compile(r"dial tcp|no such host|connection refused|i/o timeout|proxyconnect")


@pytest.fixture(name="benchstat", scope="session")
def _benchstat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the pinned benchstat into a directory of this session."""
    directory = tmp_path_factory.mktemp("benchstat")
    go = Toolchains(BuildCache(), ProcessRunner(), os.environ).go("1.25").path
    result = subprocess.run(
        [go, "install", BENCHSTAT],
        env=os.environ | {"GOBIN": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if result.returncode and _UNREACHABLE.search(result.stderr):
        pytest.skip(f"the Go module proxy cannot be reached: {result.stderr.strip()}")
    assert result.returncode == 0, result.stderr
    return directory / "benchstat"


def export(directory: Path, name: str, *, fit: bool = True) -> Path:
    judgement = report_sample.judgement()
    text = render(
        report_sample.record(), judgement if fit else report_sample.unfit(judgement), name
    )
    file = directory / f"{name}-{'fit' if fit else 'unfit'}.txt"
    file.write_text(text)
    return file


def call(*command: object) -> str:
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_benchstat_reads_every_trial(benchstat: Path, tmp_path: Path) -> None:
    """It sees all rounds of each variant, in seconds, and finds what the sample holds."""
    file = export(tmp_path, "benchstat")

    text = call(
        benchstat, "-col", "/variant", "-filter", "/function:hello .unit:cold-total-ns", file
    )

    assert "9.341m ± 1%" in text
    assert "-24.72% (p=0.000 n=16)" in text


def test_benchstat_takes_sizes_as_exact(benchstat: Path, tmp_path: Path) -> None:
    """Package sizes are compared without statistics, in bytes."""
    file = export(tmp_path, "benchstat")

    table = call(
        benchstat,
        *("-format", "csv", "-col", "/variant", "-filter", "/function:hello .unit:zip-bytes"),
        file,
    )

    rows = [row for row in csv.reader(io.StringIO(table)) if row and row[0].startswith("Package")]
    assert rows[0][1] == "4.01e+06"
    assert "p=" not in table.partition("geomean")[0]


def test_benchstat_does_not_compare_an_unfit_run(benchstat: Path, tmp_path: Path) -> None:
    """A fit and an unfit file are in tables of their own, and the unfit one says why."""
    text = call(benchstat, export(tmp_path, "benchstat"), export(tmp_path, "benchstat", fit=False))

    assert "vs base" not in text
    assert "unfit: unfit run: the A/A interval of go/hello excludes 1" in text


def test_pytest_benchmark_compares_exports(tmp_path: Path) -> None:
    """`pytest-benchmark compare` shows the variants of a function in one table."""
    text = call(
        *(sys.executable, "-m", "pytest_benchmark", "compare", "--columns=median,rounds"),
        export(tmp_path, "pytest-benchmark"),
    )

    assert "benchmark 'go/hello (hello, 1769 MB): cold_total': 4 tests" in text
    assert re.search(r"go/hello default \(hello, 1769 MB\) .* 9\.3406 \(1\.33\) +16", text)


def test_pytest_benchmark_shows_the_mark_of_an_unfit_run(tmp_path: Path) -> None:
    """Each name has the mark, and none of them is that of a fit run."""
    text = call(
        *(sys.executable, "-m", "pytest_benchmark", "compare", "--columns=median"),
        export(tmp_path, "pytest-benchmark", fit=False),
    )

    assert "UNFIT: go/hello default" in text
    assert not re.search(r"^go/hello", text, re.MULTILINE)


def test_hyperfine_plots_can_be_drawn(tmp_path: Path) -> None:
    """What its plotting scripts do with a file, matplotlib can do with ours: boxes by command."""
    results = json.loads(export(tmp_path, "hyperfine").read_text())["results"]
    results.sort(key=lambda result: result["median"])
    axes = Figure().subplots()

    drawn = axes.boxplot([r["times"] for r in results], tick_labels=[r["command"] for r in results])

    medians = [float(line.get_ydata()[0]) for line in drawn["medians"]]
    assert medians == pytest.approx([result["median"] for result in results])
    parameters = [float(result["parameters"]["memory_mb"]) for result in results]
    axes.errorbar(parameters, medians, yerr=[r["stddev"] for r in results])
