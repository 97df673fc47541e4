"""Functions and builds that fail beside others that do not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from projects import Project

pytestmark = pytest.mark.live

ROUNDS = 8
#: Variant -> how it fails, Lambda's name for it, and what it wrote to its log.
FAILURES: Mapping[str, tuple[Mapping[str, str], str, str]] = {
    "exits": (
        {"init": "print('no table of prices', flush=True)\nos._exit(3)"},
        "Runtime.ExitError",
        "no table of prices",
    ),
    "hangs": (
        {"handler": "print('asking the stock', flush=True)\ntime.sleep(60)"},
        "Sandbox.Timedout",
        "asking the stock",
    ),
    "floods": (
        {
            "handler": "print('all orders at once', flush=True)\n"
            "post('invocation/' + request_id + '/response', b'\"' + b'x' * 7_000_000 + b'\"')"
        },
        "Function.ResponseSizeTooLarge",
        "all orders at once",
    ),
    "babbles": (
        {
            "handler": "print('a page for you', flush=True)\n"
            "post('invocation/' + request_id + '/response', b'<html>')"
        },
        "Function.InvalidResponse",
        "a page for you",
    ),
}
#: Two variants that differ, and so are measured both.
HEALTHY: Mapping[str, Mapping[str, str]] = {"good": {}, "better": {"init": "import json"}}


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@dataclass
class Run:
    """A run of healthy and failing variants."""

    project: Project
    result: subprocess.CompletedProcess[str]

    def json(self) -> dict[str, Any]:
        """The machine-readable report."""
        data: dict[str, Any] = json.loads((self.project.out / "latest.json").read_text())
        return data


@pytest.fixture(name="mixed", scope="module")
def _mixed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    project = Project(tmp_path_factory.mktemp("mixed"))
    failing = {name: statements for name, (statements, _, _) in FAILURES.items()}
    directory = project.add_variants("shop", {**HEALTHY, **failing})
    return Run(project, project.run(str(directory), "--rounds", str(ROUNDS)))


def test_a_cell_without_a_valid_trial_is_a_failed_measurement(mixed: Run) -> None:
    """The run goes on to its end, and its code is 4."""
    assert mixed.result.returncode == 4, mixed.result.stderr
    assert "Traceback" not in mixed.result.stderr
    assert mixed.project.record().complete


@pytest.mark.parametrize("variant", FAILURES)
def test_the_report_names_a_failing_variant_and_quotes_its_log(mixed: Run, variant: str) -> None:
    """Lambda's name for the failure and the end of the function's own log are in the report."""
    _, kind, logged = FAILURES[variant]
    errors = [t.error for t in mixed.project.record().trials if t.variant == variant]

    assert {error.type for error in errors if error} == {kind}
    assert None not in errors
    for text in (mixed.result.stdout, (mixed.project.out / "latest.md").read_text()):
        assert kind in text
        assert logged in text


@pytest.mark.parametrize("variant", HEALTHY)
def test_its_healthy_siblings_have_all_their_rounds(mixed: Run, variant: str) -> None:
    """A failing variant costs the others nothing."""
    trials = [
        t
        for t in mixed.project.record().trials
        if t.variant == variant and t.arm == "variant" and not t.discarded
    ]

    assert [t.outcome for t in trials] == ["ok"] * ROUNDS


def test_its_healthy_siblings_are_compared(mixed: Run) -> None:
    """A function's own failures do not make the run unfit."""
    report = mixed.json()
    compared = [
        c
        for c in report["comparisons"]
        if c["candidate"] == "better" and c["metric"] == "cpu_cold_total"
    ]

    assert report["run"]["fit"] is True
    assert report["run"]["verdict"] not in ("unfit", "incomparable")
    assert compared
    assert all(c["verdict"] != "incomparable" for c in compared)


def test_a_cell_that_always_fails_is_given_up(mixed: Run) -> None:
    """A function that hangs does not cost its timeout in every round."""
    hung = [t for t in mixed.project.record().trials if t.variant == "hangs"]

    assert 0 < len(hung) < ROUNDS


def test_a_failed_build_beside_a_function_that_works(project: Project) -> None:
    """Code 3; the other function is measured, and the report has the compiler's words."""
    targets = (str(project.add_broken_go_function()), str(project.add_function()))

    result = project.run(*targets, "--rounds", "4")

    assert result.returncode == 3, result.stderr
    assert "undefined: undefinedName" in result.stderr
    assert "undefined: undefinedName" in (project.out / "latest.md").read_text()
    assert "go/broken" in result.stdout
    record = project.record()
    measured = {t.function for t in record.trials if t.outcome == "ok"}
    assert measured == {"custom/quick", "go/known-shift"}
    assert [f.function for f in record.failed_builds] == ["go/broken"]


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_nothing_but_a_failed_build(project: Project, quiet: tuple[str, ...]) -> None:
    """Code 3, not 4: the compiler's message, function, variant and command, also when quiet."""
    result = project.run(str(project.add_broken_go_function()), "--smoke", *quiet)

    assert result.returncode == 3, result.stderr
    for words in ("undefined: undefinedName", "go/broken", "default", "go build"):
        assert words in result.stderr
    assert "Traceback" not in result.stderr
