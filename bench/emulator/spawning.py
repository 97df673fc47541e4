"""``posix_spawn(3)`` without Python in between: the structures it takes, made beforehand."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False  # see `launcher.py`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# <spawn.h>; the opaque structures are at most 336 (attributes), 80 (file actions) and 128 bytes
# (signal sets).
_POSIX_SPAWN_SETSIGDEF = 0x04
_POSIX_SPAWN_SETSIGMASK = 0x08
_POSIX_SPAWN_SETSID = 0x80
_ATTRIBUTES_BYTES = 512
SIGNAL_SET_BYTES = 128
_FILE_ACTIONS_BYTES = 256

#: Linux's numbers on x86-64 and arm64; the module `signal` loads half of the standard library.
SIGINT, SIGKILL, SIGPIPE, SIGTERM, SIGCHLD, SIGXFSZ = 2, 9, 13, 15, 17, 25

libc = ctypes.CDLL(None, use_errno=True)

Strings = ctypes.Array[ctypes.c_char_p]
Attributes = ctypes.Array[ctypes.c_char]


def argv_of(arguments: Sequence[str]) -> Strings:
    """The arguments of a program as C has them."""
    return _c_strings(arguments)


def envp_of(environment: Mapping[str, str]) -> Strings:
    """The environment of a program as C has it."""
    return _c_strings([f"{name}={value}" for name, value in environment.items()])


def spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    attributes: Attributes,
    *,
    log: int,
    directory: str,
    closed: int | None = None,
) -> int:
    """Start a program in ``directory`` with ``log`` as its output; returns its process id.

    It does not inherit the descriptor ``closed``.

    Raises:
        OSError: it cannot be started.
    """
    actions = ctypes.create_string_buffer(_FILE_ACTIONS_BYTES)
    libc.posix_spawn_file_actions_init(actions)
    pid = ctypes.c_int(0)
    try:
        for fd in (1, 2):
            libc.posix_spawn_file_actions_adddup2(actions, log, fd)
        if closed is not None:
            libc.posix_spawn_file_actions_addclose(actions, closed)
        libc.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(directory))
        error_number = libc.posix_spawn(
            ctypes.byref(pid),
            os.fsencode(argv[0]),
            actions,
            attributes,
            argv_of(argv),
            envp_of(environment),
        )
    finally:
        libc.posix_spawn_file_actions_destroy(actions)
    if error_number:
        raise OSError(error_number, os.strerror(error_number))
    return pid.value


def spawn_attributes() -> Attributes:
    """A new session, no blocked signals, and the signals that Python ignores back to default."""
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_BYTES)
    signals = ctypes.create_string_buffer(SIGNAL_SET_BYTES)
    libc.posix_spawnattr_init(attributes)
    libc.sigemptyset(signals)
    libc.posix_spawnattr_setsigmask(attributes, signals)
    for signum in (SIGPIPE, SIGXFSZ, SIGINT, SIGTERM):
        libc.sigaddset(signals, signum)
    libc.posix_spawnattr_setsigdefault(attributes, signals)
    flags = _POSIX_SPAWN_SETSID | _POSIX_SPAWN_SETSIGDEF | _POSIX_SPAWN_SETSIGMASK
    libc.posix_spawnattr_setflags(attributes, ctypes.c_short(flags))
    return attributes


def _c_strings(strings: Sequence[str]) -> Strings:
    encoded = [os.fsencode(s) for s in strings]
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)
