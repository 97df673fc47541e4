"""One trial at a time, in real processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from bootstraps import ANSWER, order_of, write_bootstrap

from bench.backends.local import LocalBackend
from bench.model import Trial

pytestmark = pytest.mark.live

Run = Callable[..., Trial]


def test_a_trial_has_every_phase_its_cpu_time_and_peak_memory(trial: Run) -> None:
    """Init, first invoke and warm invokes are there, and they add up."""
    result = trial()

    assert result.outcome == "ok"
    assert result.error is None
    phases = result.phases
    assert phases["cold_total"] == phases["init"] + phases["first_invoke"]
    assert 0 < phases["spawn"] < phases["init"]
    assert phases["first_invoke"] <= phases["first_next"]
    assert len(result.warm_invokes_ns) == len(result.warm_cpu_ns) == 2
    assert result.cpu["init"] > 0
    assert 1_000_000 < (result.peak_memory_bytes or 0) < 100_000_000


def test_its_own_round_trip_can_be_measured(backend: LocalBackend, trial: Run) -> None:
    """Before the trials, and it leaves nothing that those would see."""
    figures = backend.round_trip()

    assert 0 < figures["p50_ns"] <= figures["p99_ns"]
    assert figures["n"] > 100
    assert trial().outcome == "ok"


def test_work_in_init_is_in_init_and_work_in_the_handler_in_the_invoke(trial: Run) -> None:
    """A sleep on one side does not show on the other, and CPU time shows neither."""
    in_init = trial(init="time.sleep(0.3)")
    in_handler = trial(handler="time.sleep(0.3)\n" + ANSWER)

    assert in_init.phases["init"] > 300_000_000 > in_init.phases["first_invoke"]
    assert in_handler.phases["first_invoke"] > 300_000_000 > in_handler.phases["init"]
    assert max(in_init.cpu["init"], in_handler.cpu["first_invoke"]) < 200_000_000


def test_work_after_the_response_is_not_in_the_first_invoke(trial: Run) -> None:
    """What a caller waits for ends with the response; the wait for the next event ends later."""
    result = trial(handler=ANSWER + "\ntime.sleep(0.2)")

    assert result.phases["first_next"] - result.phases["first_invoke"] > 150_000_000


def test_cpu_time_of_child_processes_counts_where_there_are_cgroups(
    trial: Run, backend: LocalBackend
) -> None:
    """A handler that works in a subprocess has that work in its CPU time."""
    if backend.cgroups.version == "none":
        pytest.skip("without cgroups only the main process is accounted for")
    burn = "import subprocess\nsubprocess.run([sys.executable, '-S', '-c', 'sum(range(10**7))'])\n"

    assert trial(handler=burn + ANSWER).cpu["first_invoke"] > 30_000_000


def test_the_memory_size_throttles_the_handler_and_not_init(
    trial: Run, backend: LocalBackend
) -> None:
    """At 128 MB the same loop takes many times its CPU time in the handler only."""
    if backend.cgroups.version == "none":
        pytest.skip("without cgroups nothing is throttled")
    burn = "end = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"

    result = trial(init=burn, handler=burn + ANSWER, memory_mb=128)

    assert result.phases["first_invoke"] > 7 * result.cpu["first_invoke"]
    assert result.phases["init"] < 5 * result.cpu["init"]
    assert result.guards["throttled_periods"] > 10


def test_memory_above_the_limit_kills_the_function(trial: Run, backend: LocalBackend) -> None:
    """Lambda says that the runtime was killed, and the next trial is not affected."""
    if "memory" not in backend.cgroups.parents:
        pytest.skip("without the memory controller nothing is limited")
    grow = "x = bytearray(200_000_000)\nx[::4096] = b'x' * len(x[::4096])\n"

    killed, enough = (trial(handler=grow + ANSWER, memory_mb=mb) for mb in (128, 512))

    assert killed.error is not None
    assert (killed.error.type, enough.outcome) == ("Runtime.ExitError", "ok")
    assert "signal: killed" in killed.error.message


def test_processes_above_the_limit_are_refused(trial: Run, backend: LocalBackend) -> None:
    """A fork bomb ends at 1,024 processes, and all of them are gone afterwards."""
    if "pids" not in backend.cgroups.parents:
        pytest.skip("without the pids controller nothing is limited")
    bomb = """
children = 0
try:
    while children < 3000:
        if os.fork() == 0:
            time.sleep(60)
        children += 1
except BlockingIOError:
    sys.exit(42 if 1000 < children <= 1023 else 1)
"""

    result = trial(init=bomb)

    assert result.error is not None
    assert "exit status 42" in result.error.message


def test_nothing_of_the_caller_leaks_into_the_function(
    trial: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable, no open descriptor, no working directory; stdin is empty."""
    monkeypatch.setenv("SECRET_TOKEN", "do-not-leak")
    monkeypatch.setenv("AWS_PROFILE", "production")
    with open(os.devnull) as held:
        os.set_inheritable(held.fileno(), True)
        result = trial(
            init="""
print(sorted(os.environ))
print(sorted(int(fd) for fd in os.listdir("/proc/self/fd")))
print(os.getcwd() == os.environ["LAMBDA_TASK_ROOT"], repr(sys.stdin.read()))
sys.exit(1)
"""
        )
    names, descriptors, rest = _said(result).splitlines()

    assert "SECRET_TOKEN" not in names
    assert "AWS_PROFILE" not in names
    assert "AWS_LAMBDA_RUNTIME_API" in names
    assert descriptors == "[0, 1, 2, 3, 4]"
    assert rest == "True ''"


def test_each_trial_has_a_fresh_temporary_directory(trial: Run) -> None:
    """What one trial writes to its temporary directory the next does not find in init."""
    init = """
import tempfile
mark = os.path.join(tempfile.gettempdir(), "mark")
if os.path.exists(mark): sys.exit(1)
open(mark, "w").close()
"""

    assert [trial(init=init).outcome for _ in range(2)] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("statements", "kind", "words"),
    [
        ({"init": "sys.exit(3)"}, "Runtime.ExitError", "exit status 3"),
        ({"init": "os._exit(0)"}, "Runtime.ExitError", "without providing a reason"),
        ({"init": "os.kill(os.getpid(), 9)"}, "Runtime.ExitError", "signal: killed"),
        ({"init": "raise ValueError('bad table')"}, "Runtime.ExitError", "exit status 1"),
        ({"handler": "os._exit(4)"}, "Runtime.ExitError", "exit status 4"),
        ({"handler": ANSWER + "\nos._exit(5)"}, "Runtime.ExitError", "exit status 5"),
        (
            {"handler": "time.sleep(60)", "timeout_s": 0.3},
            "Sandbox.Timedout",
            "Task timed out after 0.30 seconds",
        ),
        (
            {"handler": "post('invocation/' + request_id + '/response', b'x' * 7_000_000)"},
            "Function.ResponseSizeTooLarge",
            "7000000 bytes",
        ),
        (
            {"handler": "post('invocation/' + request_id + '/response', b'<html>')"},
            "Function.InvalidResponse",
            "<html>",
        ),
        (
            {
                "handler": "post('invocation/' + request_id + '/error', "
                'b\'{"errorType": "Boom", "errorMessage": "no stock"}\')'
            },
            "Boom",
            "no stock",
        ),
        (
            {"init": 'post("init/error", b\'{"errorType": "Init", "errorMessage": "no db"}\')'},
            "Init",
            "no db",
        ),
        (
            {"init": "server.sendall(b'hello\\r\\n\\r\\n'); time.sleep(0.2); sys.exit(1)"},
            "Runtime.ExitError",
            "malformed request",
        ),
    ],
)
def test_a_function_that_fails_gives_one_clear_failed_trial(
    trial: Run, statements: dict[str, object], kind: str, words: str
) -> None:
    """Each failure has Lambda's name for it and says what happened."""
    result = trial(**statements)

    assert result.outcome == "failed"
    assert result.error is not None
    assert result.error.type == kind
    assert words in result.error.message


def test_a_failed_trial_quotes_the_function_and_keeps_its_log(trial: Run) -> None:
    """The traceback that the function printed is in the trial, and the log file stays."""
    result = trial(init="raise ValueError('bad table')")

    assert result.error is not None
    assert "ValueError: bad table" in result.error.log_tail
    assert result.error.log_path is not None
    assert "ValueError: bad table" in Path(result.error.log_path).read_text()


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("#!/bin/sh\n", 0o644, "Permission denied"),
        ("\x7fNOT", 0o755, "Exec format error"),
        ("#!/no/such/interpreter\n", 0o755, "No such file"),
        (None, 0, "No such file"),
    ],
)
def test_a_bootstrap_that_cannot_be_executed(
    backend: LocalBackend, tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    """Lambda calls it Runtime.InvalidEntrypoint; the system's reason is in the message."""
    tree = tmp_path / "function"
    tree.mkdir()
    if content is not None:
        (tree / "bootstrap").write_text(content)
        (tree / "bootstrap").chmod(mode)

    result = backend.run(order_of(tree))

    assert result.error is not None
    assert result.error.type == "Runtime.InvalidEntrypoint"
    assert words in result.error.message


def test_the_backend_goes_on_after_failures(trial: Run) -> None:
    """A crash, a hang and a program that cannot start leave nothing that the next trial meets."""
    trial(handler="os._exit(4)")
    trial(handler="time.sleep(60)", timeout_s=0.2)

    assert trial().outcome == "ok"


def test_nothing_survives_a_trial(trial: Run, tmp_path: Path) -> None:
    """Children in the function's session are gone, and so are cgroups and scratch directories."""
    fork = """
child = os.fork()
if child == 0:
    time.sleep(60)
print(child)
sys.exit(1)
"""

    assert not _runs(int(_said(trial(init=fork))))
    assert list((tmp_path / "work").iterdir()) == []


def test_a_closed_backend_leaves_no_cgroup_and_no_process(tmp_path: Path) -> None:
    """The group of the run is gone, and the launcher with it."""
    for name in ("work", "logs"):
        (tmp_path / name).mkdir()
    backend = LocalBackend(
        work_directory=tmp_path / "work", log_directory=tmp_path / "logs", python=None
    )
    backend.run(order_of(write_bootstrap(tmp_path / "function")))
    backend.close()

    ours = f"coldbench-{os.getpid()}-*"
    assert [g for p in backend.cgroups.parents.values() for g in p.glob(ours)] == []
    assert psutil.Process().children(recursive=True) == []


def test_a_daemon_that_left_the_session_does_not_survive_where_there_are_cgroups(
    trial: Run, backend: LocalBackend
) -> None:
    """A double fork with a session of its own is still in the trial's cgroup."""
    if backend.cgroups.version == "none":
        pytest.skip("without cgroups only the process group is known")
    daemon = """
read, write = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(write, str(os.getpid()).encode())
        time.sleep(60)
    os._exit(0)
print(os.read(read, 9).decode())
sys.exit(1)
"""

    assert not _runs(int(_said(trial(init=daemon))))


def test_pages_are_evicted_before_a_trial_of_an_evicted_cell(
    backend: LocalBackend, tmp_path: Path
) -> None:
    """The check with mincore finds no page of the staged tree in the cache."""
    tree = write_bootstrap(tmp_path / "function")
    (tree / "data").write_bytes(os.urandom(1_000_000))
    os.sync()
    warm = order_of(tree)
    order = replace(warm, cell=replace(warm.cell, page_cache="evicted"))

    assert backend.run(order).guards["resident_pages"] == 0


def _said(trial: Trial) -> str:
    """What a function that failed had printed before."""
    assert trial.error is not None
    return trial.error.log_tail


def _runs(pid: int) -> bool:
    """Whether a process exists and is no zombie; a killed one may take a moment to go."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True
