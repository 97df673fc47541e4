"""Runs that are interrupted or killed at any moment, and what `--resume` makes of them."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest
from projects import (
    Project,
    eventually,
    finished,
    groups_of,
    launcher_process,
    measuring_process,
    planned,
    recorded,
)

from bench.emulator.cgroups import detect
from bench.store import RECORD_FILE

pytestmark = pytest.mark.live

Process = subprocess.Popen[str]


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(name="holding")
def _holding(project: Project) -> Iterator[tuple[Process, psutil.Process]]:
    """A smoke run of 24 trials, some done, and one that does not end by itself."""
    directory = project.add_holding_function(events=12)
    process = project.start("run", str(directory), "--smoke", "--memory", "1769")
    project.wait_for_trials(4)
    project.hold.touch()
    eventually(project.held.exists, "a function that waits")
    yield process, measuring_process(process)
    project.hold.unlink()
    finished(process)


def assert_nothing_runs(project: Project, measuring_pid: int) -> None:
    """No process of the run is left, and no cgroup."""
    eventually(lambda: project.processes() == [], "processes to end")
    assert groups_of(measuring_pid) == []


def advised(stderr: str, command: str) -> list[str]:
    """The arguments of the command line that the hint tells to type."""
    found = re.search(f"`coldbench ({command} [^`]*)`", stderr)
    assert found, stderr
    return shlex.split(found[1])


def assert_resumed(project: Project, arguments: Sequence[str] = ()) -> None:
    """The rest of the plan is done, and what was there is still there, once."""
    project.hold.unlink()
    before = project.recorded_trials()

    result = project.call(*(arguments or ("run", "--resume", project.record_directory.name)))

    assert result.returncode == 0, result.stderr
    assert project.recorded_trials().startswith(before)
    record = project.record()
    assert record.complete
    assert recorded(record) == planned(record)
    assert project.staged() == []


def assert_only_the_trial_in_flight_is_lost(project: Project) -> None:
    """The record loads, is not complete, and has the trials of the plan up to some point."""
    record = project.record()
    done = recorded(record)
    assert not record.complete
    assert len(done) >= 4
    assert done == planned(record)[: len(done)]


@pytest.mark.parametrize(
    ("signum", "events", "length"),
    [(signal.SIGINT, 1, ("--rounds", "8")), (signal.SIGTERM, 12, ("--smoke",))],
)
def test_an_interrupted_run_is_sealed_and_can_be_resumed(
    project: Project, signum: int, events: int, length: Sequence[str]
) -> None:
    """Code 130, a valid partial record, nothing left behind, and the command that goes on."""
    directory = project.add_holding_function(events=events)
    arguments = (*length, "--memory", "1769", "--out", "elsewhere", "-q")
    project.out = project.directory / "elsewhere"
    process = project.start("run", str(directory), *arguments)
    measuring = measuring_process(process)
    project.wait_for_trials(4)
    project.hold.touch()
    eventually(project.held.exists, "a function that waits")

    process.send_signal(signum)
    result = finished(process)

    assert result.returncode == 130, result.stderr
    assert "Traceback" not in result.stderr
    assert_nothing_runs(project, measuring.pid)
    assert project.staged() == []
    assert list(project.temporary.iterdir()) == []
    assert_only_the_trial_in_flight_is_lost(project)
    assert project.record().wall_ns > 0
    assert_resumed(project, advised(result.stderr, "run"))


def measuring_starts(_project: Project, process: Process) -> int:
    """The measuring process exists; it may not have begun to import."""
    return measuring_process(process).pid


def backend_starts(_project: Project, process: Process) -> int:
    """The measuring process has made its cgroup, and nothing else yet."""
    pid = measuring_process(process).pid
    if detect().version != "none":
        eventually(lambda: groups_of(pid), "the cgroup of the run")
    return pid


def trials_start(project: Project, process: Process) -> int:
    """The first trial is recorded."""
    pid = measuring_process(process).pid
    project.wait_for_trials(1)
    return pid


@pytest.mark.parametrize(
    ("signum", "begun", "delay_s"),
    [
        (signal.SIGINT, measuring_starts, 0),
        (signal.SIGTERM, measuring_starts, 0.04),
        (signal.SIGINT, measuring_starts, 0.08),
        (signal.SIGTERM, backend_starts, 0),
        (signal.SIGINT, backend_starts, 0.02),
        (signal.SIGTERM, trials_start, 0),
    ],
)
def test_an_interruption_as_measuring_begins(
    project: Project, signum: int, begun: Callable[[Project, Process], int], delay_s: float
) -> None:
    """Whatever is half made is taken back, and the record is sealed all the same."""
    directory = project.add_function(events=20)
    process = project.start("run", str(directory), "--rounds", "100", "--memory", "1769", "-q")
    measuring_pid = begun(project, process)
    time.sleep(delay_s)

    process.send_signal(signum)
    result = finished(process)

    assert result.returncode == 130, result.stderr
    assert "Traceback" not in result.stderr
    assert project.record_directory.name in advised(result.stderr, "run")
    assert_nothing_runs(project, measuring_pid)
    assert project.staged() == []
    assert list(project.temporary.iterdir()) == []
    record = project.record()
    assert not record.complete
    assert recorded(record) == planned(record)[: len(record.trials)]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_as_soon_as_there_is_a_record(project: Project, signum: int) -> None:
    """Before the measuring process exists: code 130, how to go on, and no copies left."""
    directory = project.add_function(events=20)
    process = project.start("run", str(directory), "--rounds", "100", "--memory", "1769", "-q")
    eventually(lambda: list(project.out.glob(f"records/[!.]*/{RECORD_FILE}")), "the record")

    process.send_signal(signum)
    result = finished(process)

    assert result.returncode == 130, result.stderr
    assert project.record_directory.name in advised(result.stderr, "run")
    assert not project.record().complete
    assert project.processes() == []
    assert project.staged() == []
    assert list(project.temporary.iterdir()) == []


@pytest.mark.parametrize("begun", [measuring_starts, backend_starts])
def test_the_reporting_process_is_killed_as_measuring_begins(
    project: Project, begun: Callable[[Project, Process], int]
) -> None:
    """The measuring process does not go on alone, however early its parent died."""
    directory = project.add_function(events=20)
    process = project.start("run", str(directory), "--rounds", "100", "--memory", "1769", "-q")
    measuring_pid = begun(project, process)

    process.kill()
    finished(process)

    try:
        assert_nothing_runs(project, measuring_pid)
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(measuring_pid).terminate()
    assert not project.record().complete


def test_an_interruption_at_any_moment_of_a_trial(project: Project) -> None:
    """A measuring process that is stopped again and again leaves nothing, and never repeats.

    The killed reporting process leaves what a measuring process needs: copies and an order.
    """
    directory = project.add_function(events=20)
    process = project.start("run", str(directory), "--rounds", "100", "--memory", "1769", "-q")
    project.wait_for_trials(1)
    process.kill()
    finished(process)
    eventually(lambda: project.processes() == [], "processes to end")
    (order,) = project.temporary.glob("*/session.json")

    for delay_ms in range(0, 60, 6):
        before = project.recorded_trials()
        session = project.start_measuring(order)
        eventually(lambda known=before: project.recorded_trials() != known, "one more trial")
        time.sleep(delay_ms / 1000)
        session.terminate()
        result = finished(session)

        assert result.returncode == 130, (delay_ms, result.stderr)
        assert result.stderr == ""
        assert_nothing_runs(project, session.pid)
        assert project.recorded_trials().startswith(before)
    assert_only_the_trial_in_flight_is_lost(project)


def test_the_record_of_an_interrupted_run_can_be_reported(project: Project) -> None:
    """The other command of the hint works too, wherever the record is."""
    directory = str(project.add_function(events=20))
    project.out = project.directory / "elsewhere"
    process = project.start("run", directory, "--rounds", "100", "--out", "elsewhere", "-q")
    project.wait_for_trials(4)
    process.send_signal(signal.SIGINT)

    result = project.call(*advised(finished(process).stderr, "report"))

    assert result.returncode in (0, 4), result.stderr
    assert "interrupted" in result.stdout


@pytest.mark.parametrize("delay_s", [0, 0.02, 0.05, 0.1, 0.2])
def test_two_interruptions_are_one(
    project: Project, holding: tuple[Process, object], delay_s: float
) -> None:
    """An impatient second Ctrl-C keeps neither the record nor the command from its end."""
    process, _ = holding

    process.send_signal(signal.SIGINT)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    result = finished(process)

    assert result.returncode == 130, result.stderr
    assert "Traceback" not in result.stderr
    assert project.record().wall_ns > 0
    assert project.staged() == []
    eventually(lambda: project.processes() == [], "processes to end")


def test_a_killed_reporting_process(
    project: Project, holding: tuple[Process, psutil.Process]
) -> None:
    """The measuring process notices, seals and ends; the next run deletes the copies."""
    process, measuring = holding

    process.kill()
    finished(process)

    assert_nothing_runs(project, measuring.pid)
    assert_only_the_trial_in_flight_is_lost(project)
    assert project.staged() != []
    assert_resumed(project)


def test_a_killed_measuring_process(
    project: Project, holding: tuple[Process, psutil.Process]
) -> None:
    """The command says so with code 4, the function dies, the next run removes the cgroup."""
    process, measuring = holding

    measuring.kill()
    result = finished(process)

    assert result.returncode == 4, result.stderr
    assert "signal 9" in result.stderr
    assert "--resume" in result.stderr
    eventually(lambda: project.processes() == [], "the function to end")
    assert project.staged() == []
    assert_only_the_trial_in_flight_is_lost(project)
    assert_resumed(project)
    assert groups_of(measuring.pid) == []


def test_a_killed_launcher(project: Project, holding: tuple[Process, psutil.Process]) -> None:
    """The command says so with code 4, and the function does not outlive the run."""
    process, measuring = holding

    launcher_process(process).kill()
    result = finished(process)

    assert result.returncode == 4, result.stderr
    assert "launcher" in result.stderr
    assert "--resume" in result.stderr
    assert "Traceback" not in result.stderr
    assert_nothing_runs(project, measuring.pid)
    assert project.staged() == []
    assert_only_the_trial_in_flight_is_lost(project)
    assert_resumed(project)


def test_a_live_run_is_not_resumed(
    project: Project, holding: tuple[Process, psutil.Process]
) -> None:
    """Code 2, and the live run does not notice: it completes with everything it had."""
    process, measuring = holding
    before, staged = project.recorded_trials(), project.staged()

    result = project.call("run", "--resume", project.record_directory.name)

    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert (project.recorded_trials(), project.staged()) == (before, staged)
    assert groups_of(measuring.pid) or detect().version == "none"

    project.hold.unlink()
    live = finished(process)

    assert live.returncode == 0, live.stderr
    assert recorded(project.record()) == planned(project.record())
