"""Starts the measuring process for a record and follows it: the reporting side of a session."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import bench
from bench.codec import to_json
from bench.emulator import limits
from bench.emulator.cgroups import detect
from bench.errors import BenchError, Interrupted, MeasurementError, RecordError, StorageError
from bench.model import Allocation
from bench.owned_directory import owned_directory
from bench.session.dialogue import STOP_SIGNALS, Advisor, Observer
from bench.session.session import SessionOrder

_ORDER_FILE = "session.json"


def measure(order: SessionOrder, observer: Observer, advisor: Advisor | None = None) -> None:
    """Run a session to its end; SIGINT and SIGTERM are passed on and end it early.

    At the looks of the run the measuring process asks what to measure next, and ``advisor``
    answers; without one, the run ends at its first look.

    The measuring process is a session leader of its own, so that Ctrl-C reaches it once, from
    here.

    Raises:
        Interrupted: the run was interrupted; the record is sealed.
        StorageError: the record could not be written.
        MeasurementError: the measuring process failed.
    """
    with owned_directory("coldbench-session-") as scratch:
        order_file = scratch / _ORDER_FILE
        order_file.write_text(json.dumps(to_json(order)))
        stderr_file = scratch / "stderr"
        with stderr_file.open("wb") as stderr, _signals_blocked():
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.session", str(order_file), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=Path(bench.__file__).resolve().parent.parent,
                start_new_session=True,
                text=True,
            )
            passed_on = _pass_signals_on(process)
        with process, passed_on:
            error = _follow(process, observer, advisor)
        _raise_outcome(process.returncode, error, stderr_file)


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """No signal comes between the start of the child, which inherits this, and our handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def _pass_signals_on(process: subprocess.Popen[str]) -> ExitStack:
    """Hand SIGINT and SIGTERM to the measuring process, until the stack is closed.

    Once one has come, later ones do nothing: what follows is cleaning up.
    """
    came = []

    def pass_on(signum: int, _frame: FrameType | None) -> None:
        came.append(signum)
        process.send_signal(signum)

    def hand_back(signum: int, handler: Any) -> None:
        signal.signal(signum, (lambda *_: None) if came else handler)

    stack = ExitStack()
    for signum in STOP_SIGNALS:
        stack.callback(hand_back, signum, signal.signal(signum, pass_on))
    return stack


def _follow(
    process: subprocess.Popen[str], observer: Observer, advisor: Advisor | None
) -> dict[str, Any] | None:
    """Hand events to the observer, and questions to the advisor, until the process ends.

    Gives the error that it told, or None.
    """
    assert process.stdout is not None
    error = None
    try:
        for line in process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == "error":
                error = event
            elif event["event"] == "look":
                _answer(process, advisor(event["remaining_s"]) if advisor else ())
            else:
                observer(event)
        process.wait()
    except BaseException:
        process.terminate()
        raise
    return error


def _answer(process: subprocess.Popen[str], allocations: tuple[Allocation, ...]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps({"allocations": to_json(allocations)}) + "\n")
        process.stdin.flush()
    except BrokenPipeError:  # it was interrupted meanwhile, and says so itself
        with suppress(BrokenPipeError):
            process.stdin.close()  # or the unwritten rest would fail once more at the end


def _raise_outcome(code: int, error: dict[str, Any] | None, stderr_file: Path) -> None:
    if code == 0:
        return
    if error is None:
        limits.remove_abandoned(detect())
        last = stderr_file.read_text(errors="replace").strip().splitlines()
        ended = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise MeasurementError(
            f"the measuring process ended with {ended}: {last[-1] if last else 'no message'}",
            hint="what was measured is recorded; `coldbench run --resume` goes on from there",
        )
    kinds: dict[int, type[BenchError]] = {
        Interrupted.exit_code: Interrupted,
        StorageError.exit_code: StorageError,
        RecordError.exit_code: RecordError,
    }
    raise kinds.get(code, MeasurementError)(error["message"], hint=error["hint"])
