"""The measuring side of the launcher: start a function's process at a known instant, and end it."""

from __future__ import annotations

import json
import mmap
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.emulator import launcher as program
from bench.errors import MeasurementError

_ANSWER_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOrder:
    """What to start: program, environment (the whole of it), directory, log and placement."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log_path: Path
    #: Processors the function may use; None leaves the choice to the scheduler.
    cpus: Sequence[int] | None = None
    #: Directory to bind over ``/tmp`` where privileges permit; None leaves ``/tmp`` alone.
    tmp: Path | None = None


class CannotExecute(Exception):
    """The program of a :class:`ProcessOrder` could not be executed; the message is the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a process ended; ``str()`` gives the words Lambda uses."""

    pid: int
    status: int

    def __str__(self) -> str:
        if os.WIFSIGNALED(self.status):
            name = signal.strsignal(os.WTERMSIG(self.status)) or str(os.WTERMSIG(self.status))
            return f"signal: {name.lower()}"
        return f"exit status {os.waitstatus_to_exitcode(self.status)}"


class Launcher:
    """Owns one launcher process (see :mod:`bench.emulator.launcher`). Not thread-safe."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gate_read, self._gate = os.pipe2(os.O_CLOEXEC)
        stamps_fd = os.memfd_create("coldbench-stamps", os.MFD_CLOEXEC)
        os.ftruncate(stamps_fd, program.STAMP_PAGE_BYTES)
        self._page = mmap.mmap(stamps_fd, program.STAMP_PAGE_BYTES)
        self.stamps = memoryview(self._page).cast("Q")
        self.channel = ours
        passed = (theirs.fileno(), gate_read, stamps_fd)
        for fd in passed:
            os.set_inheritable(fd, True)
        argv = [sys.executable, "-I", "-S", program.__file__, *map(str, passed)]
        self.own_pid = os.posix_spawn(
            sys.executable, argv, {}, setpgroup=0, setsigdef=[signal.SIGINT, signal.SIGTERM]
        )
        theirs.close()
        os.close(gate_read)
        os.close(stamps_fd)
        self._exits: dict[int, ExitStatus] = {}

    def join(self, procs_files: Sequence[str]) -> None:
        """Move the launcher, and with it all functions it starts, to cgroups.

        Raises:
            MeasurementError: they cannot be joined.
        """
        self._ask({"join": list(procs_files)})
        answer = self._answer("joined")
        if "failed" in answer:
            raise MeasurementError(
                f"cannot join the cgroup of the trials: {answer['failed']}",
                hint="`coldbench doctor` shows what this machine permits",
            )

    def prepare(self, order: ProcessOrder) -> bool:
        """Have the launcher take on what the function inherits and wait at the gate.

        Returns whether the function will see ``order.tmp`` as its ``/tmp``.

        Raises:
            MeasurementError: it could not be prepared; the message has the cause.
        """
        self._exits.clear()
        self._ask(
            {
                "prepare": {
                    "argv": list(order.argv),
                    "environment": dict(order.environment),
                    "directory": str(order.directory),
                    "log": str(order.log_path),
                    "cpus": None if order.cpus is None else list(order.cpus),
                    "tmp": None if order.tmp is None else str(order.tmp),
                }
            }
        )
        answer = self._answer("ready")
        if "failed" in answer:
            raise MeasurementError(
                f"cannot prepare `{order.argv[0]}` in `{order.directory}`: {answer['failed']}",
                hint="`coldbench doctor` shows what this machine permits",
            )
        return bool(answer["private_tmp"])

    def open_gate(self) -> None:
        """Let the function start. The start stamp follows within microseconds."""
        os.write(self._gate, b"g")

    def abandon(self) -> None:
        """Let the launcher turn away from the gate without starting anything."""
        os.write(self._gate, b"x")

    @property
    def pid(self) -> int:
        """The function's process, which leads its own session and group; 0 before it exists."""
        if self.stamps[program.STAMP_EXECUTED_NS] == 0:
            return 0
        return self.stamps[program.STAMP_PID]

    def await_stamps(self) -> None:
        """Wait until the launcher has written all its stamps.

        On a busy machine a function can be through its init before the launcher, which shared a
        processor with it, has returned from ``posix_spawn``.

        Raises:
            MeasurementError: the launcher does not come back.
        """
        deadline = time.monotonic() + _ANSWER_LIMIT_S
        while self.stamps[program.STAMP_EXECUTED_NS] == 0:
            if time.monotonic() > deadline:
                raise MeasurementError(
                    f"the launcher did not return from spawning within {_ANSWER_LIMIT_S:.0f} s",
                    hint="the machine may be overloaded; try `coldbench doctor`",
                )
            time.sleep(0.0001)

    def exited(self, pid: int, timeout_s: float = 0.0) -> ExitStatus | None:
        """The exit of ``pid``, waiting at most ``timeout_s`` for it.

        Raises:
            CannotExecute: there never was such a process, because its program cannot be executed.
        """
        deadline = time.monotonic() + timeout_s
        while pid not in self._exits:
            answer = self._receive(max(0.0, deadline - time.monotonic()))
            if answer is None:
                return None
            if "failed" in answer:
                raise CannotExecute(answer["failed"])
        return self._exits[pid]

    def close(self) -> None:
        """End the launcher."""
        self.channel.close()
        os.close(self._gate)
        os.waitpid(self.own_pid, 0)
        self.stamps.release()
        self._page.close()

    def _ask(self, message: dict[str, Any]) -> None:
        self.channel.send(json.dumps(message).encode())

    def _answer(self, key: str) -> dict[str, Any]:
        deadline = time.monotonic() + _ANSWER_LIMIT_S
        while True:
            answer = self._receive(max(0.0, deadline - time.monotonic()))
            if answer is None:
                raise MeasurementError(
                    f"the launcher did not answer within {_ANSWER_LIMIT_S:.0f} s",
                    hint="the machine may be out of memory or processes; try `coldbench doctor`",
                )
            if key in answer or "failed" in answer:
                return answer

    def _receive(self, timeout_s: float) -> dict[str, Any] | None:
        readable, _, _ = select.select([self.channel], [], [], timeout_s)
        if not readable:
            return None
        message = self.channel.recv(1 << 16)
        if not message:
            raise MeasurementError(
                "the launcher process ended unexpectedly",
                hint="was it killed? run again; if it recurs, try `coldbench doctor`",
            )
        answer: dict[str, Any] = json.loads(message)
        if "exited" in answer:
            self._exits[answer["exited"]] = ExitStatus(
                pid=answer["exited"], status=answer["status"]
            )
        return answer


def kill_group(pid: int) -> None:
    """SIGKILL the process group that ``pid`` leads; nothing happens if it is gone."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
