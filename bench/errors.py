"""Failures a user can act on, each with its exit code.

::

    BenchError
    ├── UsageError            2   the command line, the configuration or an input file is wrong
    │   ├── UnknownName       2   a function, variant, event or format that does not exist
    │   ├── ConfigError       2   a setting that cannot be used
    │   └── RecordError       2   an unreadable, damaged or foreign record
    ├── BuildError            3   a compiler or package installer said no
    ├── MeasurementError      4   a cell without one valid trial, or a run that cannot be trusted
    │   └── StorageError      4   a record that cannot be written
    │       └── NotWritable   2   a place that no amount of space makes writable
    └── Interrupted         130   Ctrl-C or SIGTERM; the record so far is sealed
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EXIT_OK = 0
EXIT_REGRESSION = 1
EXIT_INCONCLUSIVE = 5
EXIT_INCOMPARABLE = 6

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_BAD_PLACES = frozenset(
    {
        *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
        *(errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP),
    }
)


class BenchError(Exception):
    """A failure with advice: ``message`` says what and where, ``hint`` what to try."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(BenchError):
    """The command line, the configuration or an input file is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting that cannot be used; the message names the file and the key."""


class RecordError(UsageError):
    """A record that is unreadable, damaged, foreign or of a newer schema."""


class UnknownName(UsageError):
    """A name that does not exist, with the nearest ones that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        import difflib  # a millisecond that no successful command has to wait for

        names = sorted(set(known))
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            hint = "did you mean " + " or ".join(f"`{n}`" for n in near) + "?"
        elif names:
            hint = f"known: {', '.join(names)}"
        else:
            hint = f"there is no {kind} here at all"
        super().__init__(f"unknown {kind} `{name}`", hint=hint)
        self.kind = kind
        self.name = name


class BuildError(BenchError):
    """A compiler or a package installer said no; the message is its own."""

    exit_code = 3


class MeasurementError(BenchError):
    """No valid trial in a cell, or a run that cannot be trusted."""

    exit_code = 4


class StorageError(MeasurementError):
    """A record or report that cannot be written, for example because the disk is full."""


class NotWritable(StorageError):
    """A place that was badly chosen: no permission, a read-only file system, below a file."""

    exit_code = 2


def cannot_write(path: Path, error: OSError, *, instead: str) -> StorageError:
    """The error of whoever could not write ``path``; ``instead`` is what to do about it.

    Space is advised to be freed only where it was space that lacked.
    """
    message = f"cannot write {path}: {error.strerror or error}"
    if error.errno in _FULL:
        return StorageError(message, hint=f"free some space, or {instead}")
    kind = NotWritable if error.errno in _BAD_PLACES else StorageError
    return kind(message, hint=instead)


class Interrupted(BenchError):
    """Ctrl-C or SIGTERM; the partial record is sealed and can be resumed."""

    exit_code = 130
