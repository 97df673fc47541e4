"""Deployment packages: zip archives unpacked once, by digest, and shared by all environments."""

from __future__ import annotations

import io
import os
import shutil
import stat
import threading
import zipfile
from hashlib import sha256
from pathlib import Path

from bench.serve.errors import ServiceError
from bench.subjects import UNPACKED_LIMIT_BYTES

_READABLE = 0o444


class PackageStore:
    """Archives and their unpacked trees below a directory, both named by SHA-256. Thread-safe."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def add(self, archive: bytes) -> Path:
        """The tree of an archive, unpacked if it is new.

        Raises:
            ServiceError: it is no zip archive, is too large, or leads out of its directory.
        """
        digest = sha256(archive).hexdigest()
        tree = self._directory / digest
        with self._lock:
            if tree.is_dir():
                return tree
            partial = self._directory / f"{digest}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            try:
                _unpack(archive, partial)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise
            (self._directory / f"{digest}.zip").write_bytes(archive)
            partial.rename(tree)
            return tree

    def archive(self, digest: str) -> bytes | None:
        """The archive with this digest, or None."""
        path = self._directory / f"{digest}.zip"
        if not digest.isalnum() or not path.is_file():
            return None
        return path.read_bytes()


def _unpack(archive: bytes, directory: Path) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            total = sum(member.file_size for member in opened.infolist())
            if total > UNPACKED_LIMIT_BYTES:
                raise _invalid(
                    f"Unzipped size must be smaller than {UNPACKED_LIMIT_BYTES} bytes, not {total}"
                )
            if all(member.is_dir() for member in opened.infolist()):
                raise _invalid("Uploaded file must be a non-empty zip")
            directory.mkdir()
            for member in opened.infolist():
                _extract(opened, member, directory)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise _invalid(f"Could not unzip uploaded file: {error}") from error


def _extract(opened: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    target = directory / member.filename
    if not target.resolve().is_relative_to(directory.resolve()):
        raise _invalid(f"Could not unzip uploaded file: {member.filename} leads out of the package")
    mode = member.external_attr >> 16
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(mode):
        os.symlink(opened.read(member).decode(), target)
        return
    with opened.open(member) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    target.chmod(_READABLE | stat.S_IMODE(mode))


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameterValueException", message)
