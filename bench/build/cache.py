"""The build cache: complete directories under a content key, safe under concurrent runs.

::

    ROOT/entries/KIND/KEY/   what a build gave; renamed into place complete, never changed again
    ROOT/scratch/NAME/       a place with a stable path to build in, owned by the holder of its lock
    ROOT/tmp/TOKEN/          what a living process writes before the rename, with a locked ``.lock``
    ROOT/locks/NAME          advisory locks (``flock``): the kernel drops them with their process

A process killed at any moment leaves at worst a directory in ``tmp``, which the next writer finds
unlocked and removes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.config import user_cache
from bench.errors import BuildError, Interrupted

#: Part of every key: raise it when the meaning or the layout of an entry changes.
FORMAT = 1

_POLL_S = 0.05
_LOST_RACE = (errno.EEXIST, errno.ENOTEMPTY)


def content_key(value: Any) -> str:
    """SHA-256, hexadecimal, of a JSON-serialisable value and of :data:`FORMAT`."""
    text = json.dumps([FORMAT, value], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_atomically(path: Path, text: str) -> None:
    """Replace ``path`` with ``text``, flushed to disk; readers see the old or the new content."""
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


class BuildCache:
    """Directories of finished builds, each under the key of everything it was made from."""

    def __init__(self, root: Path | None = None) -> None:
        """Open the cache at ``root``, by default :func:`bench.config.user_cache` of this process.

        Raises:
            BuildError: the directory cannot be created.
        """
        self.root = (root or user_cache(os.environ)).absolute()
        self._own: Path | None = None
        self._own_lock = threading.Lock()
        try:
            for name in ("entries", "scratch", "tmp", "locks"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BuildError(
                f"the build cache `{self.root}` cannot be used: {error.strerror}",
                hint="choose another directory: export COLDBENCH_CACHE=DIR",
            ) from error

    def find(self, kind: str, key: str) -> Path | None:
        """The finished directory under ``key``, if there is one."""
        path = self._entry(kind, key)
        return path if path.is_dir() else None

    def store(self, kind: str, key: str, write: Callable[[Path], None]) -> Path:
        """Fill an entry with ``write(directory)`` and publish it in one rename.

        Where another run published the same key meanwhile, that one stays and ours is dropped.
        """
        final = self._entry(kind, key)
        final.parent.mkdir(parents=True, exist_ok=True)
        with self.temporary() as directory:
            ours = directory / "entry"
            ours.mkdir()
            write(ours)
            _flush_directory(ours)
            try:
                os.rename(ours, final)
            except OSError as error:
                if error.errno not in _LOST_RACE:
                    raise
        _flush_directory(final.parent)
        return final

    def discard(self, kind: str, key: str) -> None:
        """Take a damaged entry out of the way, in one rename."""
        with self.temporary() as directory, contextlib.suppress(FileNotFoundError):
            os.rename(self._entry(kind, key), directory / "entry")

    def scratch(self, name: str) -> Path:
        """A working directory with the same path every time; hold :meth:`lock` of ``name``."""
        return self.root / "scratch" / name

    @contextlib.contextmanager
    def temporary(self) -> Iterator[Path]:
        """A fresh directory on the file system of the cache, removed afterwards."""
        directory = _new_directory(self._process_directory())
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str, stopped: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Hold the lock ``name`` against other threads and processes; waits for it.

        Raises:
            Interrupted: ``stopped()`` became true while waiting.
        """
        descriptor = os.open(self.root / "locks" / name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            while not _try_lock(descriptor):
                if stopped():
                    raise Interrupted("the build was interrupted")
                time.sleep(_POLL_S)
            yield
        finally:
            os.close(descriptor)

    def _entry(self, kind: str, key: str) -> Path:
        return self.root / "entries" / kind / key

    def _process_directory(self) -> Path:
        with self._own_lock:
            if self._own is None:
                with self.lock("tmp"):
                    _remove_abandoned(self.root / "tmp")
                    self._own = _new_directory(self.root / "tmp")
                    held = os.open(self._own / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
                    _try_lock(held)
                weakref.finalize(self, _abandon, self._own, held, os.getpid())
            return self._own


def _new_directory(parent: Path) -> Path:
    """A directory of ours alone, with a random name of 96 bits."""
    directory = parent / os.urandom(12).hex()
    directory.mkdir(mode=0o700)
    return directory


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_abandoned(directory: Path) -> None:
    for candidate in directory.iterdir():
        descriptor = os.open(candidate / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if _try_lock(descriptor):
                shutil.rmtree(candidate, ignore_errors=True)
        finally:
            os.close(descriptor)


def _abandon(directory: Path, descriptor: int, owner: int) -> None:
    # A forked child inherits the finalizer, but not the directory.
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


def _flush_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
