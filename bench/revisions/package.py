"""Deployment packages that are there already: a zip file -> a tree, a function and an artifact."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from bench.build import BuildCache, elf
from bench.build.archive import files_of, normal_mode, tree_digest
from bench.build.cache import content_key
from bench.build.package import BOOTSTRAP, Facts, Package, load, publish
from bench.errors import UsageError
from bench.functions.directory import load_function
from bench.functions.triggers import detect_trigger, sample
from bench.subjects import Event, Function, Runtime

_MODE_SHIFT = 16


def unpack(path: Path, target: Path) -> None:
    """Unpack a zip file as Lambda does, with its modes.

    Raises:
        UsageError: damaged, encrypted, or with entries that lead out of the package.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                _unpack_entry(archive, entry, path, target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, NotImplementedError) as error:
        raise UsageError(
            f"{path} is not a zip file that can be read: {error}",
            hint="make it again; `python -m zipfile --test FILE` checks it",
        ) from error


def _unpack_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, target: Path
) -> None:
    mode = entry.external_attr >> _MODE_SHIFT
    parts = PurePosixPath(entry.filename).parts
    if entry.filename.startswith("/") or ".." in parts or stat.S_ISLNK(mode):
        raise UsageError(
            f"{path} holds `{entry.filename}`, which leads out of the package",
            hint="make it again from real files, with names relative to the package",
        )
    written = Path(archive.extract(entry, target))
    if mode and not entry.is_dir():
        written.chmod(stat.S_IMODE(mode) | stat.S_IRUSR)


def function_of(directory: Path, handler: str | None) -> Function:
    """The function in an unpacked package.

    Raises:
        UsageError: there is neither a ``bootstrap`` nor a handler with one of the usual names.
    """
    if handler is None:
        return load_function(directory)
    trigger = detect_trigger(directory)
    runtime: Runtime = "custom" if (directory / BOOTSTRAP).is_file() else "python"
    return Function(
        id=f"{runtime}/{directory.name}",
        runtime=runtime,
        directory=directory,
        handler=handler,
        events=(Event(name=trigger, path=sample(trigger)),),
    )


def package_of(tree: Path, cache: BuildCache) -> Package:
    """The package in the build cache that is this tree, file by file."""
    key = content_key({"unpacked": tree_digest(tree)})
    return load(cache, key) or publish(cache, key, lambda target: _fill(target, tree))


def _fill(target: Path, tree: Path) -> Facts:
    parts: Counter[str] = Counter()
    for name, path in files_of(tree):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(normal_mode(path))
        parts[PurePosixPath(name).parts[0]] += path.stat().st_size
    bootstrap = target / BOOTSTRAP
    binary = bootstrap.is_file() and elf.is_elf(bootstrap)
    return Facts(
        toolchain={},
        recipe="unpacked as it is",
        binary_bytes=bootstrap.stat().st_size if bootstrap.is_file() else 0,
        breakdown=elf.breakdown(bootstrap) if binary else dict(parts),
    )
