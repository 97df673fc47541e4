"""Processes in a cgroup directory: kill them, and remove it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from bench.errors import MeasurementError

_EMPTY_LIMIT_S = 5.0
_POLL_S = 0.0005


def flat_value(path: Path, key: str) -> int:
    """The number behind ``key`` in a flat keyed file such as ``cpu.stat``; 0 without it."""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def kill_all_but(directory: Path, keep: int) -> None:
    """Kill until nobody but ``keep`` is left.

    What forks faster than it can be killed is stopped first: where the group has a limit on
    processes, it is lowered to none.

    Raises:
        MeasurementError: something in it cannot be killed.
    """
    others = _others(directory, keep)
    if not others:
        return
    with _no_forks(directory):
        deadline = time.monotonic() + _EMPTY_LIMIT_S
        while others:
            for pid in others:
                _kill(pid)
            if time.monotonic() > deadline:
                raise MeasurementError(
                    f"processes of a finished trial do not end: {sorted(others)}",
                    hint=f"look at `cat {directory}/cgroup.procs` and `cat /proc/PID/stack`",
                )
            time.sleep(_POLL_S)
            others = _others(directory, keep)


def empty_and_remove(directory: Path) -> None:
    """Kill what is left in a group and remove it; nothing happens if there is no such group.

    Raises:
        MeasurementError: something in it cannot be killed.
    """
    if not directory.exists():
        return
    kill_all_but(directory, keep=0)
    deadline = time.monotonic() + _EMPTY_LIMIT_S
    while True:
        try:
            directory.rmdir()
            return
        except OSError as error:  # the last process is gone from the list before it is gone
            if time.monotonic() > deadline:
                raise MeasurementError(f"cannot remove the cgroup {directory}: {error}") from error
            time.sleep(_POLL_S)


def await_text(path: Path, text: str) -> None:
    """Wait until the file says ``text``: processes stop one after the other.

    Raises:
        MeasurementError: it does not come to that.
    """
    deadline = time.monotonic() + _EMPTY_LIMIT_S
    while text not in path.read_text():
        if time.monotonic() > deadline:
            raise MeasurementError(
                f"the processes of an environment cannot be frozen: {path} does not say `{text}`",
                hint="a process may wait for storage that does not answer",
            )
        time.sleep(_POLL_S)


def thaw(directory: Path) -> None:
    """Let the processes of a group run again, if it is a frozen one: only then can they die."""
    for name, text in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
        if (directory / name).exists():
            (directory / name).write_text(text)


@contextlib.contextmanager
def _no_forks(directory: Path) -> Iterator[None]:
    limit = directory / "pids.max"
    before = limit.read_text() if limit.exists() else None
    if before is not None:
        limit.write_text("0")
    try:
        yield
    finally:
        if before is not None:
            limit.write_text(before)


def _others(directory: Path, keep: int) -> set[int]:
    return {int(p) for p in (directory / "cgroup.procs").read_text().split()} - {keep, 0}


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
