"""The launcher: processes beside the function's, and what becomes of all when we are gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.freezer import Freezer
from bench.emulator.limits import Cgroup
from bench.emulator.processes import CannotExecute, Launcher, ProcessOrder

pytestmark = pytest.mark.live

#: Starts a function that has a child which left the session, and waits to be killed.
RUN = """
import sys, time
from pathlib import Path
from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.freezer import Freezer
from bench.emulator.processes import Launcher, ProcessOrder

directory = Path(sys.argv[1])
launcher = Launcher()
cgroup = limits.create(limits.usable(enter_v2(detect())), limits.owner_name())
if cgroup is not None:
    launcher.join(cgroup.procs_files)
script = "echo $$ > function; setsid sh -c 'echo $$ > daemon; sleep 60' & sleep 60"
launcher.prepare(ProcessOrder(argv=["/bin/sh", "-c", script], environment={},
                              directory=directory, log_path=directory / "log"))
launcher.open_gate()
while not (directory / "daemon").exists():
    time.sleep(0.01)
if sys.argv[2] == "frozen":
    Freezer(launcher, cgroup).freeze()
(directory / "launcher").write_text(str(launcher.own_pid))
time.sleep(60)
"""


@pytest.fixture(name="launcher")
def _launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture(name="cgroup")
def _cgroup(launcher: Launcher) -> Iterator[Cgroup]:
    """A cgroup with the launcher in it."""
    support = limits.usable(enter_v2(detect()))
    cgroup = limits.create(support, f"{limits.owner_name()}-test")
    if cgroup is None:
        pytest.skip(support.reason)
    launcher.join(cgroup.procs_files)
    yield cgroup
    cgroup.remove()


def shell(directory: Path, script: str, log: str = "log") -> ProcessOrder:
    """A process that runs a shell script."""
    return ProcessOrder(
        argv=["/bin/sh", "-c", script],
        environment={"WHO": "extension"},
        directory=directory,
        log_path=directory / log,
    )


def test_another_process_can_be_started_before_the_function(
    launcher: Launcher, tmp_path: Path
) -> None:
    """The launcher waits at the gate meanwhile; log, directory and exit of both are their own."""
    launcher.prepare(shell(tmp_path, "echo function; sleep 0.2"))
    extension = launcher.spawn(shell(tmp_path, "echo $WHO; pwd; exit 3", "extension.log"))
    launcher.open_gate()
    launcher.await_stamps()

    assert str(launcher.exited(extension, 5)) == "exit status 3"
    assert str(launcher.exited(launcher.pid, 5)) == "exit status 0"
    assert (tmp_path / "log").read_text() == "function\n"
    assert (tmp_path / "extension.log").read_text() == f"extension\n{tmp_path}\n"


def test_another_process_can_be_started_while_the_function_runs(
    launcher: Launcher, tmp_path: Path
) -> None:
    """It is in a session of its own, so that it can be killed alone."""
    launcher.prepare(shell(tmp_path, "sleep 60"))
    launcher.open_gate()
    launcher.await_stamps()
    late = launcher.spawn(shell(tmp_path, "kill -s KILL 0", "late.log"))

    assert str(launcher.exited(late, 5)) == "signal: killed"
    assert launcher.exited(launcher.pid) is None


def test_a_program_that_cannot_be_executed_is_told_at_once(
    launcher: Launcher, tmp_path: Path
) -> None:
    """The launcher goes on to wait at the gate."""
    launcher.prepare(shell(tmp_path, "exit 0"))
    nothing = ProcessOrder(
        argv=[str(tmp_path / "nothing")],
        environment={},
        directory=tmp_path,
        log_path=tmp_path / "log",
    )

    with pytest.raises(CannotExecute, match="No such file"):
        launcher.spawn(nothing)
    launcher.open_gate()
    launcher.await_stamps()
    assert str(launcher.exited(launcher.pid, 5)) == "exit status 0"


def test_nothing_runs_while_it_is_frozen(
    launcher: Launcher, cgroup: Cgroup, tmp_path: Path
) -> None:
    """A background process makes no progress, and goes on when it is thawed."""
    freezer = Freezer(launcher, cgroup)
    if not freezer.works:
        pytest.skip("there is no freezer")
    ticks = tmp_path / "ticks"
    launcher.prepare(shell(tmp_path, "while :; do echo >> ticks; sleep 0.01; done"))
    launcher.open_gate()
    assert until(lambda: size(ticks) > 3)

    freezer.freeze()
    at_freeze = size(ticks)
    time.sleep(0.2)
    while_frozen = size(ticks)
    freezer.thaw()

    assert while_frozen == at_freeze
    assert until(lambda: size(ticks) > at_freeze)


def test_a_new_environment_is_frozen_like_the_first(
    launcher: Launcher, cgroup: Cgroup, tmp_path: Path
) -> None:
    """The launcher, which steps aside for a freeze, is back in the cgroup for the next one."""
    freezer = Freezer(launcher, cgroup)
    if not freezer.works:
        pytest.skip("there is no freezer")
    freezer.freeze()
    freezer.admit()
    launcher.prepare(shell(tmp_path, "while :; do echo >> ticks; sleep 0.01; done"))
    launcher.open_gate()
    assert until(lambda: size(tmp_path / "ticks") > 3)

    freezer.freeze()
    at_freeze = size(tmp_path / "ticks")
    time.sleep(0.2)

    assert size(tmp_path / "ticks") == at_freeze


def test_a_fork_bomb_is_ended(launcher: Launcher, cgroup: Cgroup, tmp_path: Path) -> None:
    """It forks faster than it can be killed, so that forks are refused first."""
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    order = ProcessOrder(
        argv=[sys.executable, "-S", "-c", bomb],
        environment={},
        directory=tmp_path,
        log_path=tmp_path / "log",
    )
    launcher.prepare(order)
    launcher.open_gate()
    assert until(lambda: len(members(cgroup)) > 50)

    cgroup.kill_all_but(launcher.own_pid)

    assert members(cgroup) == {launcher.own_pid}
    again = launcher.spawn(shell(tmp_path, "true & wait"))
    assert str(launcher.exited(again, 5)) == "exit status 0"


def test_without_a_cgroup_all_that_descends_from_the_launcher_is_killed(
    launcher: Launcher, tmp_path: Path
) -> None:
    """A daemon that forked twice and left the session is found by its parents."""
    launcher.prepare(shell(tmp_path, "setsid sh -c 'sleep 60 & echo $! > daemon' & sleep 60"))
    launcher.open_gate()
    assert until(lambda: size(tmp_path / "daemon") > 0)
    daemon = int((tmp_path / "daemon").read_text())

    launcher.kill_all()

    assert not runs(daemon)
    assert str(launcher.exited(launcher.pid, 5)) == "signal: killed"


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_nothing_survives_us_but_what_the_next_run_removes(tmp_path: Path, state: str) -> None:
    """After a kill -9 the launcher ends function and daemon; the next run removes the cgroup."""
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path), state])
    assert until((tmp_path / "launcher").exists)
    pids = [int((tmp_path / name).read_text()) for name in ("function", "daemon", "launcher")]
    assert all(runs(pid) for pid in pids)

    run.send_signal(signal.SIGKILL)
    run.wait()

    assert until(lambda: not any(runs(pid) for pid in pids))
    support = limits.usable(enter_v2(detect()))
    limits.remove_abandoned(support)
    pattern = f"coldbench-{run.pid}-*"
    assert [d for p in support.parents.values() for d in p.glob(pattern)] == []


def test_the_groups_of_a_run_that_lives_are_left_alone(cgroup: Cgroup) -> None:
    """Another run that cleans up removes only what nobody owns any more."""
    limits.remove_abandoned(detect())

    assert all(Path(path).exists() for path in cgroup.procs_files)


def members(cgroup: Cgroup) -> set[int]:
    """The processes in a cgroup."""
    return {int(pid) for pid in Path(cgroup.procs_files[0]).read_text().split()}


def size(path: Path) -> int:
    """The size of a file; 0 as long as it is not there."""
    return path.stat().st_size if path.exists() else 0


def runs(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, not for ever."""
    for _ in range(1_000):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_a_crowd_that_uses_up_the_memory_leaves_the_launcher_alive(
    launcher: Launcher, cgroup: Cgroup, tmp_path: Path
) -> None:
    """The kernel kills the function's processes first, however small each of them is."""
    (tmp_path / "crowd.py").write_text(
        "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(60)\n"
    )
    launcher.prepare(shell(tmp_path, f"exec {sys.executable} -I -S crowd.py"))
    cgroup.limit_memory(32_000_000)
    launcher.open_gate()
    launcher.await_stamps()
    assert launcher.exited(launcher.pid, 30.0) is not None
    cgroup.kill_all_but(launcher.own_pid)
    cgroup.limit_memory(None)

    launcher.prepare(shell(tmp_path, "exit 0"))
    launcher.open_gate()
    launcher.await_stamps()
    assert str(launcher.exited(launcher.pid, 30.0)) == "exit status 0"
