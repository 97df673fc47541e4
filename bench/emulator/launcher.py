"""The launcher: a small process that starts functions and stamps the clock before it does.

It runs as a program of its own (``main()`` with the arguments CHANNEL GATE STAMPS), so that the
cost of starting a function does not depend on the size of the process that asks. It lives in the
cgroup of the functions it starts, because moving a process between cgroups costs milliseconds.
For each trial it takes on itself what the function shall inherit — root directory with ``/tmp``
and package, log, working directory, processors — and builds ``argv`` and ``envp``; all that is
off the timed path. Then it waits at the gate, and between the byte at the gate and
``posix_spawn`` there is one reading of the clock. ``posix_spawn`` shares the launcher's memory
until exec (``CLONE_VFORK``); a forked copy of the interpreter would pay some 300 µs in exec for
giving its memory back.

It imports next to nothing, because who invokes a function once waits for it: most of the standard
library takes longer to load than this program takes to start a function.

Messages are dictionaries in :mod:`marshal` form, as both ends run the same interpreter; each is a
datagram on CHANNEL (an ``AF_UNIX`` ``SOCK_SEQPACKET`` socket):

* ``{"root": reason}`` is said first: why functions cannot have a root of their own, or null;
* ``{"join": [cgroup.procs files], "thaw": [file, text]}`` is answered by ``{"joined": true}``;
* ``{"prepare": {"argv", "environment", "directory", "log", "cpus", "files", "log_fd"}}`` is
  answered by ``{"ready": true}`` or ``{"failed": reason}``; where ``files`` is not null the
  function gets a root of its own, and ``argv``, ``environment`` and ``directory`` have the paths
  in it;
* after the gate nothing is said, or ``{"failed": reason}``: composing a message would keep the
  processor on which the new process is about to start;
* ``{"spawn": {"argv", "environment", "directory", "log"}}`` starts one more process at once, beside
  the function's; it is answered by ``{"spawned": pid}`` or ``{"failed": reason}``. Who waits at the
  gate does not look at CHANNEL, so a byte ``e`` at the gate goes with it;
* ``{"exited": pid, "status": wait status}`` comes unasked for every child that ends.

STAMPS is a shared page, see :mod:`bench.emulator.agreement`.
"""

from __future__ import annotations

import ctypes
import marshal
import mmap
import os
import resource
import select
import sys
import time

from bench.emulator import process_tree, root_filesystem
from bench.emulator.agreement import (
    REAL_ROOT,
    STAMP_EXECUTED_NS,
    STAMP_PAGE_BYTES,
    STAMP_PID,
    STAMP_START_NS,
)
from bench.emulator.spawning import (
    SIGCHLD,
    SIGINT,
    SIGKILL,
    SIGNAL_SET_BYTES,
    argv_of,
    envp_of,
    libc,
    spawn,
    spawn_attributes,
)

TYPE_CHECKING = False  # the constant of `typing`, which takes longer to import than all of this
if TYPE_CHECKING:
    from typing import Any


#: Lambda's limit on open descriptors.
_DESCRIPTORS = 1024
_MESSAGE_BYTES = 1 << 20
_KILL_LIMIT_S = 5.0
_KILL_POLL_S = 0.001
_PR_SET_CHILD_SUBREAPER = 36
# See proc_pid_oom_score_adj(5); without privileges it can be raised, and lowered to where it was.
_OOM_FIRST = b"1000"
# <signal.h> and <sys/signalfd.h>
_SIG_IGN = 1
_SIG_BLOCK = 0
_SFD_NONBLOCK = 0o4000
_SFD_CLOEXEC = 0o2000000


class Launcher:
    """State of the launcher process: what the next function will inherit."""

    def __init__(self, channel: int, gate: int, stamps: memoryview, *, private_root: bool) -> None:
        self._channel = channel
        self._gate = gate
        self._stamps = stamps
        self._oom_score = os.open("/proc/self/oom_score_adj", os.O_RDWR | os.O_CLOEXEC)
        self._oom_usual = os.pread(self._oom_score, 16, 0)
        self._attributes = spawn_attributes()
        self._processors = os.sched_getaffinity(0)
        obstacle = root_filesystem.obstacle() if private_root else "not wanted"
        self._root = None if obstacle else root_filesystem.RootFilesystem()
        if self._root is not None:
            self._root.leave()
        self._say({"root": obstacle})
        self._in_root = False
        self._log_fd: int | None = None
        self._directory = "/"
        self._thaw: list[str] | None = None

    def prepare(self, order: dict[str, Any]) -> None:
        """Take on what the function inherits, then wait at the gate and start it."""
        try:
            self._inheritance(order)
        except OSError as error:
            self._say({"failed": str(error)})
            return
        path = os.fsencode(order["argv"][0])
        argv, envp = argv_of(order["argv"]), envp_of(order["environment"])
        pid = ctypes.c_int(0)
        spawn = libc.posix_spawn
        spawn.argtypes = (ctypes.c_void_p, ctypes.c_char_p) + (ctypes.c_void_p,) * 4
        arguments = (ctypes.byref(pid), path, None, self._attributes, argv, envp)
        stamps = self._stamps
        stamps[STAMP_EXECUTED_NS] = 0
        # The function inherits it: of all who share its memory limit, the launcher is killed last.
        self._set_oom_score(_OOM_FIRST)
        self._say({"ready": True})

        while (byte := os.read(self._gate, 1)) == b"e":
            self.spawn(marshal.loads(os.read(self._channel, _MESSAGE_BYTES))["spawn"])
        if byte != b"g":
            self._set_oom_score(self._oom_usual)
            return
        stamps[STAMP_START_NS] = time.monotonic_ns()
        error_number = spawn(*arguments)
        executed_ns = time.monotonic_ns()
        stamps[STAMP_PID] = pid.value
        stamps[STAMP_EXECUTED_NS] = executed_ns

        self._set_oom_score(self._oom_usual)
        if error_number:
            self._say({"failed": os.strerror(error_number)})

    def spawn(self, order: dict[str, Any]) -> None:
        """Start one more process, which has a log and a working directory of its own."""
        try:
            self._to_host()
            log = _open_log(order["log"])
            try:
                self._to_function()
                pid = spawn(
                    order["argv"],
                    order["environment"],
                    self._attributes,
                    log=log,
                    directory=order["directory"],
                    closed=self._log_fd,  # the records are the runtime's
                )
            finally:
                os.close(log)
        except OSError as error:
            self._say({"failed": error.strerror or str(error)})
            return
        self._say({"spawned": pid})

    def join(self, order: dict[str, Any]) -> None:
        """Move to other cgroups."""
        self._thaw = order["thaw"] or self._thaw
        try:
            self._to_host()
            for path in order["join"]:
                _write(path, b"0")
            self._to_function()
        except OSError as error:
            self._say({"failed": str(error)})
            return
        self._say({"joined": True})

    def kill(self) -> None:
        """Kill what still runs: the measuring process is gone, with or without a good-bye.

        Orphans become our children as their parents die, so nobody is left when nobody is left to
        wait for.
        """
        self._to_host()
        if self._thaw is not None:
            _thaw(*self._thaw)
        deadline = time.monotonic() + _KILL_LIMIT_S
        while time.monotonic() < deadline:
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    continue
            except ChildProcessError:
                return
            for pid in process_tree.children(os.getpid()):
                os.kill(pid, SIGKILL)  # nobody else reaps our children: there is such a process
            time.sleep(_KILL_POLL_S)

    def reap(self) -> None:
        """Report every child that ended; orphans of a function are reaped here too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._say({"exited": pid, "status": status})

    def _inheritance(self, order: dict[str, Any]) -> None:
        self._to_host()
        self._in_root = False
        log = _open_log(order["log"])
        for fd in {1, 2, order["log_fd"]} - {None}:
            os.dup2(log, fd)
        os.close(log)
        if order["log_fd"] is None and self._log_fd is not None:
            os.close(self._log_fd)
        self._log_fd = order["log_fd"]
        os.sched_setaffinity(0, order["cpus"] or self._processors)
        self._directory = order["directory"]
        if self._root is not None and order["files"] is not None:
            self._root.show(order["files"])
            self._in_root = True
        self._to_function()

    def _to_host(self) -> None:
        """Logs and what a root is made from are named by the host's paths."""
        if self._root is not None and self._in_root:
            self._root.leave()

    def _to_function(self) -> None:
        if self._root is not None and self._in_root:
            self._root.enter()
        os.chdir(self._directory)

    def _set_oom_score(self, score: bytes) -> None:
        os.pwrite(self._oom_score, score, 0)

    def _say(self, message: dict[str, Any]) -> None:
        os.write(self._channel, marshal.dumps(message))


def _open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def _write(path: str, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


def _thaw(path: str, text: str) -> None:
    try:
        _write(path, text.encode())
    except OSError:
        return  # the group has been removed


def _become_launcher() -> int:
    """Process-wide settings, once; returns a descriptor that is readable when a child ended."""
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    libc.signal(SIGINT, ctypes.c_void_p(_SIG_IGN))
    ended = ctypes.create_string_buffer(SIGNAL_SET_BYTES)
    libc.sigemptyset(ended)
    libc.sigaddset(ended, SIGCHLD)
    libc.sigprocmask(_SIG_BLOCK, ended, None)
    wake: int = libc.signalfd(-1, ended, _SFD_NONBLOCK | _SFD_CLOEXEC)
    return wake


def _close_strangers(own: set[int]) -> None:
    """Close what the measuring process inherited from its caller: no function may see it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in own:
            try:
                os.close(int(name))
            except OSError:
                continue  # the descriptor of the listing itself


def _moved(fd: int) -> int:
    """The descriptor as the lowest free number, not inherited: a function's log takes a high one.

    Our caller may have had so many files open that its number is the very one of the log.
    """
    moved = os.dup(fd)
    os.close(fd)
    return moved


def main() -> None:
    """Take over the three inherited descriptors and serve until CHANNEL closes."""
    channel_fd, gate, stamps_fd = (int(a) for a in sys.argv[1:4])
    private_root = REAL_ROOT not in sys.argv
    _close_strangers({0, 1, 2, channel_fd, gate, stamps_fd})
    channel_fd, gate, stamps_fd = (_moved(fd) for fd in (channel_fd, gate, stamps_fd))
    wake = _become_launcher()
    page = mmap.mmap(stamps_fd, STAMP_PAGE_BYTES)
    stamps = memoryview(page).cast("Q")
    try:
        launcher = Launcher(channel_fd, gate, stamps, private_root=private_root)
        try:
            _serve(launcher, channel_fd, wake)
        finally:
            launcher.kill()
    except ConnectionError:
        return  # nobody is left to be told, or to serve


def _serve(launcher: Launcher, channel: int, wake: int) -> None:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 4096)
                launcher.reap()
                continue
            message = os.read(channel, _MESSAGE_BYTES)
            if not message:
                return
            request = marshal.loads(message)
            if "prepare" in request:
                launcher.prepare(request["prepare"])
            elif "spawn" in request:
                launcher.spawn(request["spawn"])
            else:
                launcher.join(request)
