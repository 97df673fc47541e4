"""The launcher: a small process that starts functions and stamps the clock before it does.

It runs as a program of its own (``python -I -S launcher.py CHANNEL GATE STAMPS``), so that the
cost of starting a function does not depend on the size of the process that asks. It lives in the
cgroup of the functions it starts, because moving a process between cgroups costs milliseconds.
For each trial it takes on itself what the function shall inherit — private ``/tmp``, log, working
directory, processors — and builds ``argv`` and ``envp``; all that is off the timed path. Then it
waits at the gate, and between the byte at the gate and ``posix_spawn`` there is one reading of
the clock. ``posix_spawn`` shares the launcher's memory until exec (``CLONE_VFORK``); a forked
copy of the interpreter would pay some 300 µs in exec for giving its memory back.

Messages are JSON datagrams on CHANNEL (an ``AF_UNIX`` ``SOCK_SEQPACKET`` socket):

* ``{"join": [cgroup.procs files]}`` is answered by ``{"joined": true}``;
* ``{"prepare": {"argv", "environment", "directory", "log", "cpus", "tmp"}}`` is answered by
  ``{"ready": true, "private_tmp": bool}`` or ``{"failed": reason}``;
* after the gate nothing is said, or ``{"failed": reason}``: composing a message would keep the
  processor on which the new process is about to start;
* ``{"exited": pid, "status": wait status}`` comes unasked for every child that ends.

STAMPS is a shared page of unsigned 64-bit integers, indexed by the ``STAMP_*`` constants.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any

#: CLOCK_MONOTONIC in ns, read as the last thing before ``posix_spawn``: the start of Init Duration.
STAMP_START_NS = 0
#: CLOCK_MONOTONIC in ns after ``posix_spawn`` returned, which it does when exec has happened.
STAMP_EXECUTED_NS = 1
#: Process id of the function, valid once ``STAMP_EXECUTED_NS`` is set (it is zeroed at the gate).
STAMP_PID = 2
STAMP_PAGE_BYTES = 4096

#: Lambda's limit on open descriptors.
_DESCRIPTORS = 1024
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x20000
_MS_BIND = 0x1000
_MS_PRIVATE_RECURSIVE = 0x40000 | 0x4000
_MNT_DETACH = 2
# <spawn.h>; the opaque structures are at most 336 (attributes) and 128 bytes (signal sets).
_POSIX_SPAWN_SETSIGDEF = 0x04
_POSIX_SPAWN_SETSIGMASK = 0x08
_POSIX_SPAWN_SETSID = 0x80
_ATTRIBUTES_BYTES = 512
_SIGNAL_SET_BYTES = 128

_libc = ctypes.CDLL(None, use_errno=True)


def _c_strings(strings: list[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [os.fsencode(s) for s in strings]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def _spawn_attributes() -> ctypes.Array[ctypes.c_char]:
    """A new session, no blocked signals, and the signals that Python ignores back to default."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
    signals = ctypes.create_string_buffer(_SIGNAL_SET_BYTES)
    _libc.posix_spawnattr_init(attributes)
    _libc.sigemptyset(signals)
    _libc.posix_spawnattr_setsigmask(attributes, signals)
    for signum in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        _libc.sigaddset(signals, int(signum))
    _libc.posix_spawnattr_setsigdefault(attributes, signals)
    flags = _POSIX_SPAWN_SETSID | _POSIX_SPAWN_SETSIGDEF | _POSIX_SPAWN_SETSIGMASK
    _libc.posix_spawnattr_setflags(attributes, ctypes.c_short(flags))
    return attributes


class Launcher:
    """State of the launcher process: what the next function will inherit."""

    def __init__(self, channel: socket.socket, gate: int, stamps: memoryview) -> None:
        self._channel = channel
        self._gate = gate
        self._stamps = stamps
        self._attributes = _spawn_attributes()
        self._processors = os.sched_getaffinity(0)
        self._private_mounts = (
            _libc.unshare(_CLONE_NEWNS) == 0
            and _libc.mount(b"none", b"/", None, _MS_PRIVATE_RECURSIVE, None) == 0
        )
        self._tmp_bound = False
        self._children: set[int] = set()

    def prepare(self, order: dict[str, Any]) -> None:
        """Take on what the function inherits, then wait at the gate and start it."""
        try:
            private_tmp = self._inheritance(order)
        except OSError as error:
            self._say({"failed": str(error)})
            return
        path = os.fsencode(order["argv"][0])
        argv = _c_strings(order["argv"])
        envp = _c_strings([f"{k}={v}" for k, v in order["environment"].items()])
        pid = ctypes.c_int(0)
        spawn = _libc.posix_spawn
        spawn.argtypes = (ctypes.c_void_p, ctypes.c_char_p) + (ctypes.c_void_p,) * 4
        arguments = (ctypes.byref(pid), path, None, self._attributes, argv, envp)
        stamps = self._stamps
        stamps[STAMP_EXECUTED_NS] = 0
        self._say({"ready": True, "private_tmp": private_tmp})

        if os.read(self._gate, 1) != b"g":
            return
        stamps[STAMP_START_NS] = time.monotonic_ns()
        error_number = spawn(*arguments)
        executed_ns = time.monotonic_ns()
        stamps[STAMP_PID] = pid.value
        stamps[STAMP_EXECUTED_NS] = executed_ns

        if error_number:
            self._say({"failed": os.strerror(error_number)})
        else:
            self._children.add(pid.value)

    def join(self, procs_files: list[str]) -> None:
        """Move to other cgroups."""
        try:
            for path in procs_files:
                _join(path)
        except OSError as error:
            self._say({"failed": str(error)})
            return
        self._say({"joined": True})

    def kill(self) -> None:
        """Kill what still runs: the measuring process is gone, with or without a good-bye."""
        for pid in self._children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has ended and only waits to be reaped

    def reap(self) -> None:
        """Report every child that ended; orphans of a function are reaped here too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._children.discard(pid)
            self._say({"exited": pid, "status": status})

    def _inheritance(self, order: dict[str, Any]) -> bool:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.chdir(order["directory"])
        os.sched_setaffinity(0, order["cpus"] or self._processors)
        if self._tmp_bound:
            _libc.umount2(b"/tmp", _MNT_DETACH)
            self._tmp_bound = False
        if order["tmp"] is not None and self._private_mounts:
            bound = _libc.mount(os.fsencode(order["tmp"]), b"/tmp", None, _MS_BIND, None)
            self._tmp_bound = bound == 0
        return self._tmp_bound

    def _say(self, message: dict[str, Any]) -> None:
        self._channel.send(json.dumps(message).encode())


def _join(procs_file: str) -> None:
    fd = os.open(procs_file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"0")
    finally:
        os.close(fd)


def _become_launcher() -> int:
    """Process-wide settings, once; returns a descriptor that is readable when a child ended."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(_DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return wake_read


def _close_strangers(own: set[int]) -> None:
    """Close what the measuring process inherited from its caller: no function may see it."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in own:
            try:
                os.close(int(name))
            except OSError:
                continue  # the descriptor of the listing itself


def main() -> None:
    """Take over the three inherited descriptors and serve until CHANNEL closes."""
    channel_fd, gate, stamps_fd = (int(a) for a in sys.argv[1:4])
    _close_strangers({0, 1, 2, channel_fd, gate, stamps_fd})
    for fd in (channel_fd, gate, stamps_fd):
        os.set_inheritable(fd, False)
    wake = _become_launcher()
    page = mmap.mmap(stamps_fd, STAMP_PAGE_BYTES)
    channel = socket.socket(fileno=channel_fd)
    launcher = Launcher(channel, gate, memoryview(page).cast("Q"))
    try:
        _serve(launcher, channel, wake)
    finally:
        launcher.kill()


def _serve(launcher: Launcher, channel: socket.socket, wake: int) -> None:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    poll.register(wake, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == wake:
                os.read(wake, 4096)
                launcher.reap()
                continue
            message = channel.recv(1 << 20)
            if not message:
                return
            request = json.loads(message)
            if "prepare" in request:
                launcher.prepare(request["prepare"])
            else:
                launcher.join(request["join"])


if __name__ == "__main__":
    main()
