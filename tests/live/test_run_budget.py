"""A budget as a promise, and adaptive rounds that survive a kill, on real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Project, eventually, finished, measuring_process

from bench.session.schedule import allotted_rounds, opening
from bench.store import load_header

pytestmark = pytest.mark.live
#: How far a budget may be missed.
PROMISE = 1.05


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_slow_function_does_not_overrun_the_budget(project: Project) -> None:
    """Trials of 0.3 s: measuring ends within the budget, and the run is complete."""
    directory = project.add_function(init="time.sleep(0.3)")

    result = project.run(str(directory), "--budget", "4s", "-q")

    record = project.record()
    assert record.complete, result.stderr
    assert record.trials
    assert record.wall_ns <= 4e9 * PROMISE


def test_a_trial_that_is_longer_than_the_budget_is_ended(project: Project) -> None:
    """A function that would take 9 s has one second; nothing is left of it."""
    directory = project.add_function(init="time.sleep(9)")

    result = project.run(str(directory), "--budget", "1s", "-q")

    assert result.returncode == 4, result.stderr
    assert "Traceback" not in result.stderr
    assert project.record().wall_ns <= 1e9 * PROMISE
    assert project.record().complete
    assert project.processes() == []


def test_a_killed_adaptive_run_goes_on_with_the_same_looks(project: Project) -> None:
    """What was allotted before the kill stays allotted, and is done before anything else."""
    project.add_variants("two", {"one": {}, "other": {"init": "tuple(range(99))"}})
    name = str(project.directory / "functions" / "two")
    process = project.start("run", name, "--memory", "1769", "--budget", "12s", "-q")
    measuring = measuring_process(process)
    eventually(lambda: _has_asked(project), "the first look")
    before = load_header(project.record_directory)

    measuring.kill()
    finished(process)
    project.call("run", "--resume", project.record_directory.name, "-q")

    record = project.record()
    allotted = allotted_rounds(record.plan, record.allocations)
    assert record.complete
    assert record.plan == before.plan
    assert record.allocations[: len(before.allocations)] == before.allocations
    assert {(t.round, t.cell) for t in record.trials} <= {
        (number, cell) for cell, numbers in allotted.items() for number in numbers
    }
    assert record.wall_ns <= 12e9 * PROMISE


def _has_asked(project: Project) -> bool:
    if not project.record_directories():
        return False
    record = load_header(project.record_directory)
    return len(record.allocations) > len(opening(record.plan))
