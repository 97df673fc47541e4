"""Starts the measuring process for a record and follows it: the reporting side of a session."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import bench
from bench.codec import to_json
from bench.errors import BenchError, Interrupted, MeasurementError, StorageError
from bench.session import Observer, SessionOrder

_ORDER_FILE = "session.json"


def measure(order: SessionOrder, observer: Observer) -> None:
    """Run a session to its end; SIGINT and SIGTERM are passed on and end it early.

    The measuring process is a session leader of its own, so that Ctrl-C reaches it once, from
    here.

    Raises:
        Interrupted: the run was interrupted; the record is sealed.
        StorageError: the record could not be written.
        MeasurementError: the measuring process failed.
    """
    with tempfile.TemporaryDirectory(prefix="coldbench-session-") as scratch:
        order_file = Path(scratch) / _ORDER_FILE
        order_file.write_text(json.dumps(to_json(order)))
        stderr_file = Path(scratch) / "stderr"
        with stderr_file.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.session", str(order_file)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=Path(bench.__file__).resolve().parent.parent,
                start_new_session=True,
                text=True,
            )
        with process, _signals_passed_on(process):
            error = _follow(process, observer)
        _raise_outcome(process.returncode, error, stderr_file)


@contextmanager
def _signals_passed_on(process: subprocess.Popen[str]) -> Iterator[None]:
    def pass_on(signum: int, _frame: FrameType | None) -> None:
        process.send_signal(signum)

    before = {s: signal.signal(s, pass_on) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _follow(process: subprocess.Popen[str], observer: Observer) -> dict[str, Any] | None:
    """Hand events to the observer until the process ends; the error it told, or None."""
    assert process.stdout is not None
    error = None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["event"] == "error":
            error = event
        else:
            observer(event)
    process.wait()
    return error


def _raise_outcome(code: int, error: dict[str, Any] | None, stderr_file: Path) -> None:
    if code == 0:
        return
    if error is None:
        last = stderr_file.read_text(errors="replace").strip().splitlines()
        ended = f"signal {-code}" if code < 0 else f"exit status {code}"
        raise MeasurementError(
            f"the measuring process ended with {ended}: {last[-1] if last else 'no message'}",
            hint="what was measured is recorded; `coldbench run --resume` goes on from there",
        )
    kinds: dict[int, type[BenchError]] = {
        Interrupted.exit_code: Interrupted,
        StorageError.exit_code: StorageError,
    }
    raise kinds.get(code, MeasurementError)(error["message"], hint=error["hint"])
