"""The measuring side of the launcher: start a function's process at a known instant, and end it."""

from __future__ import annotations

import contextlib
import marshal
import mmap
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.emulator import process_tree
from bench.emulator.agreement import REAL_ROOT, STAMP_EXECUTED_NS, STAMP_PAGE_BYTES, STAMP_PID
from bench.emulator.orders import CannotExecute, ExitStatus, Files, ProcessOrder
from bench.errors import MeasurementError

__all__ = ["CannotExecute", "ExitStatus", "Files", "Launcher", "ProcessOrder", "kill_group"]

_ANSWER_LIMIT_S = 30.0
_KILL_POLL_S = 0.0005
#: ``-I -S`` starts fastest and knows nothing but the standard library.
_PROGRAM = f"""\
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from bench.emulator.launcher import main
main()
"""


class Launcher:
    """Owns one launcher process (see :mod:`bench.emulator.launcher`). Not thread-safe."""

    def __init__(self, *, private_root: bool = True) -> None:
        """Start it. Without ``private_root`` its functions see the host's files in any case."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gate_read, self._gate = os.pipe2(os.O_CLOEXEC)
        stamps_fd = os.memfd_create("coldbench-stamps", os.MFD_CLOEXEC)
        os.ftruncate(stamps_fd, STAMP_PAGE_BYTES)
        self._page = mmap.mmap(stamps_fd, STAMP_PAGE_BYTES)
        self.stamps = memoryview(self._page).cast("Q")
        self.channel = ours
        passed = (theirs.fileno(), gate_read, stamps_fd)
        for fd in passed:
            os.set_inheritable(fd, True)
        argv = [sys.executable, "-I", "-S", "-c", _PROGRAM, *map(str, passed)]
        if not private_root:
            argv.append(REAL_ROOT)
        self.own_pid = os.posix_spawn(
            sys.executable, argv, {}, setpgroup=0, setsigdef=[signal.SIGINT, signal.SIGTERM]
        )
        theirs.close()
        os.close(gate_read)
        os.close(stamps_fd)
        self._exits: dict[int, ExitStatus] = {}
        self._at_gate = False
        #: Whether it is not in the cgroup that its functions are in, see `freezer.py`.
        self.stepped_aside = False
        self._root_known = False
        self._root_obstacle: str | None = None

    @property
    def root_obstacle(self) -> str | None:
        """Why functions have no root directory of their own here; None where they have."""
        if not self._root_known:
            self._answer("root")
        return self._root_obstacle

    def join(self, procs_files: Sequence[str], *, thaw: tuple[str, str] | None = None) -> None:
        """Move the launcher, and with it all functions it starts from now on, to cgroups.

        ``thaw`` is what to write where before it kills its functions, should we be gone: frozen
        ones do not die.

        Raises:
            MeasurementError: they cannot be joined.
        """
        self.begin_join(procs_files, thaw=thaw)
        self.await_join()

    def begin_join(
        self, procs_files: Sequence[str], *, thaw: tuple[str, str] | None = None
    ) -> None:
        """The same without waiting for the kernel, which takes 5 to 20 ms for it.

        :meth:`await_join` has to follow before anything else is asked.
        """
        self._ask({"join": list(procs_files), "thaw": thaw})
        self.stepped_aside = thaw is not None

    def await_join(self) -> None:
        """Wait for the end of a move.

        Raises:
            MeasurementError: they cannot be joined.
        """
        answer = self._answer("joined")
        if "failed" in answer:
            raise MeasurementError(
                f"cannot join the cgroup of the trials: {answer['failed']}",
                hint="`coldbench doctor` shows what this machine permits",
            )

    def prepare(self, order: ProcessOrder) -> bool:
        """Have the launcher take on what the function inherits and wait at the gate.

        Returns whether the function will have a root of its own, and with it its own ``/tmp``.

        Raises:
            MeasurementError: it could not be prepared; the message has the cause.
        """
        self._exits.clear()
        private_root = order.files is not None and self.root_obstacle is None
        told = order if private_root else replace(order, files=None)
        self._ask({"prepare": told.message()})
        answer = self._answer("ready")
        if "failed" in answer:
            raise MeasurementError(
                f"cannot prepare `{order.argv[0]}` in `{order.directory}`: {answer['failed']}",
                hint="`coldbench doctor` shows what this machine permits",
            )
        self._at_gate = True
        return private_root

    def spawn(self, order: ProcessOrder) -> int:
        """Start one more process at once, beside the function's; returns its process id.

        It lives in the same cgroup and sees the same files and processors as the function for
        which :meth:`prepare` was called before; ``cpus`` and ``files`` of the order are not looked
        at. Its exit is told by :meth:`exited`, like that of the function.

        Raises:
            CannotExecute: its program, directory or log cannot be used.
        """
        self._ask({"spawn": order.message()})
        if self._at_gate:
            os.write(self._gate, b"e")
        answer = self._answer("spawned")
        if "failed" in answer:
            raise CannotExecute(answer["failed"])
        return int(answer["spawned"])

    def open_gate(self) -> None:
        """Let the function start. The start stamp follows within microseconds."""
        self._at_gate = False
        os.write(self._gate, b"g")

    def abandon(self) -> None:
        """Let the launcher turn away from the gate without starting anything."""
        self._at_gate = False
        os.write(self._gate, b"x")

    @property
    def pid(self) -> int:
        """The function's process, which leads its own session and group; 0 before it exists."""
        if self.stamps[STAMP_EXECUTED_NS] == 0:
            return 0
        return self.stamps[STAMP_PID]

    def await_stamps(self) -> None:
        """Wait until the launcher has written all its stamps.

        On a busy machine a function can be through its init before the launcher, which shared a
        processor with it, has returned from ``posix_spawn``.

        Raises:
            MeasurementError: the launcher does not come back.
        """
        deadline = time.monotonic() + _ANSWER_LIMIT_S
        while self.stamps[STAMP_EXECUTED_NS] == 0:
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

    def kill_all(self) -> None:
        """Kill all that descends from the launcher, where no cgroup knows its processes.

        Orphans become children of the launcher, so killing its children is enough in the end.

        Raises:
            MeasurementError: something does not end.
        """
        deadline = time.monotonic() + _ANSWER_LIMIT_S
        while children := process_tree.children(self.own_pid):
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise MeasurementError(
                    f"processes of a finished trial do not end: {sorted(children)}",
                    hint="look at `cat /proc/PID/stack`",
                )
            time.sleep(_KILL_POLL_S)

    def close(self) -> None:
        """End the launcher."""
        self.channel.close()
        os.close(self._gate)
        os.waitpid(self.own_pid, 0)
        self.stamps.release()
        self._page.close()

    def _ask(self, message: dict[str, Any]) -> None:
        self.channel.send(marshal.dumps(message))

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
        poll = select.poll()  # `select` knows no descriptor above 1023
        poll.register(self.channel, select.POLLIN)
        if not poll.poll(timeout_s * 1_000):
            return None
        message = self.channel.recv(1 << 16)
        if not message:
            raise MeasurementError(
                "the launcher process ended unexpectedly",
                hint="was it killed? run again; if it recurs, try `coldbench doctor`",
            )
        answer: dict[str, Any] = marshal.loads(message)
        if "root" in answer:
            self._root_obstacle, self._root_known = answer["root"], True
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
