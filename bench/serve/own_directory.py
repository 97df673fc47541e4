"""Directories that belong to one process as long as it lives, by a lock that ends with it.

A scratch directory does not outlive its process by more than one start of another: whoever comes
next removes those without an owner, which a killed process could not. A directory of the user
stays, and has one user at a time.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UsageError

_PREFIX = "endpoint-"
_LOCK = "lock"


@contextmanager
def own_directory(parent: Path) -> Iterator[Path]:
    """A new directory below ``parent``, which is made if it is missing; removed at the end."""
    parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(parent)
    directory = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
    lock = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)


@contextmanager
def claimed(directory: Path) -> Iterator[Path]:
    """A directory of the user's that no other process uses meanwhile; made if it is missing.

    Raises:
        UsageError: it is in use, or no directory that can be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be used as a directory: {error.strerror}",
            hint="name a directory that can be written to; it is made if it is missing",
        ) from None
    try:
        _lock_now(lock, directory)
        yield directory
    finally:
        os.close(lock)


def _lock_now(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"{directory} is in use by another endpoint, whose functions would be lost",
            hint="end the other `coldbench serve`, or name another directory",
        ) from None


def _remove_abandoned(parent: Path) -> None:
    for directory in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # it is being made, or being removed
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        except BlockingIOError:
            continue  # its process lives
        finally:
            os.close(lock)
