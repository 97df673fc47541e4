"""Layers: directories or zip files that are merged into what a function sees as ``/opt``.

AWS, "Adding layers to functions": up to five; a later one wins where two have the same file; the
function and its layers have at most 250 MB together, unpacked.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.subjects import UNPACKED_LIMIT_BYTES
from bench.units import format_bytes

if TYPE_CHECKING:
    import zipfile

MAX_LAYERS = 5
_EXTENSIONS = "extensions"


def check(layers: Sequence[Path]) -> None:
    """Refuse what cannot be layers.

    Raises:
        UsageError: too many, or one that is neither a directory nor a zip file.
    """
    if len(layers) > MAX_LAYERS:
        raise UsageError(
            f"{len(layers)} layers were given, and a function on Lambda has at most {MAX_LAYERS}",
            hint="merge some of them into one directory",
        )
    for layer in layers:
        if not layer.is_dir() and not _is_zip(layer):
            found = "neither a directory nor a zip file" if layer.exists() else "not there"
            raise UsageError(
                f"the layer `{layer}` is {found}",
                hint="name a directory with the content of /opt, such as one with `python/` in it",
            )


def _is_zip(layer: Path) -> bool:
    import zipfile  # which a function without layers does not wait for

    return zipfile.is_zipfile(layer)


def merge(layers: Sequence[Path], into: Path, *, package: Path) -> Path:
    """Unpack the layers over each other to the directory ``into``, which is made.

    Raises:
        UsageError: they are no layers, or above Lambda's limit together with ``package``.
    """
    check(layers)
    into.mkdir()
    for layer in layers:
        if layer.is_dir():
            _copy(layer, into)
        else:
            _unpack(layer, into)
    size_bytes = _size_bytes(into) + _size_bytes(package)
    if size_bytes > UNPACKED_LIMIT_BYTES:
        raise UsageError(
            f"the function with its layers has {format_bytes(size_bytes)} unpacked, "
            f"and Lambda's limit is 250 MB ({UNPACKED_LIMIT_BYTES:,} bytes)",
            hint="`du -a DIR | sort -n` shows what is large; tests, documents and debug symbols "
            "can mostly go",
        )
    return into


def external_extensions(opt: Path) -> tuple[str, ...]:
    """Names of the extensions that Lambda starts: executable files in ``/opt/extensions``."""
    directory = opt / _EXTENSIONS
    if not directory.is_dir():
        return ()
    found = (p for p in directory.iterdir() if p.is_file() and os.access(p, os.X_OK))
    return tuple(sorted(p.name for p in found))


def _copy(layer: Path, into: Path) -> None:
    for directory, directories, files in os.walk(layer):
        target = into / os.path.relpath(directory, layer)
        _make_room(target, for_directory=True)
        target.mkdir(exist_ok=True)
        links = [name for name in directories if os.path.islink(os.path.join(directory, name))]
        for name in (*files, *links):
            _make_room(target / name)
            shutil.copy2(os.path.join(directory, name), target / name, follow_symlinks=False)


def _unpack(layer: Path, into: Path) -> None:
    """Unpack a zip with the modes and symbolic links that it has, and nothing outside of it."""
    import zipfile

    root = into.resolve()
    with zipfile.ZipFile(layer) as archive:
        for entry in archive.infolist():
            target = into / entry.filename
            if not target.parent.resolve().is_relative_to(root) or ".." in target.parts:
                raise UsageError(
                    f"the layer `{layer}` has a file outside of it: `{entry.filename}`",
                    hint="make the zip file again, from within its directory",
                )
            _unpack_entry(archive, entry, target)


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    mode = entry.external_attr >> 16
    if entry.is_dir():
        _make_room(target, for_directory=True)
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _make_room(target)
    if stat.S_ISLNK(mode):
        target.symlink_to(os.fsdecode(archive.read(entry)))
        return
    with archive.open(entry) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(stat.S_IMODE(mode) or 0o644)


def _make_room(target: Path, *, for_directory: bool = False) -> None:
    """Remove what an earlier layer has at a path; two directories are merged instead."""
    if target.is_dir() and not target.is_symlink():
        if not for_directory:
            shutil.rmtree(target)
    elif target.is_symlink() or target.exists():
        target.unlink()


def _size_bytes(tree: Path) -> int:
    return sum(os.lstat(path).st_size for path in _files(tree))


def _files(tree: Path) -> Iterator[str]:
    for directory, _, names in os.walk(tree):
        for name in names:
            yield os.path.join(directory, name)
