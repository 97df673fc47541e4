"""The files of a function's own directory, without what tools and runs have left there.

A run that is started inside a function's directory writes its reports and records there; were they
part of the function, every run would measure another artifact.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from bench.errors import BuildError

#: Each list names entries that together mark a directory that holds no sources: a virtual
#: environment (PEP 405), a record of ours, a build cache of ours.
_MARKS = (
    ("pyvenv.cfg",),
    ("record.json", "trials.jsonl"),
    ("entries", "scratch", "tmp", "locks"),
)
_REPORT_FILES = ("latest.md", "latest.json", "latest-*.svg")
#: Near the beginning of a result file.
_RESULT_MARK = b'"schema": "coldbench/'
_HEAD_BYTES = 256


def own_files(
    root: Path, left_out: Callable[[PurePosixPath], bool] = lambda _: False
) -> Iterator[tuple[str, Path]]:
    """``(name, path)`` of every file below ``root`` that belongs to a function, in a fixed order.

    Hidden files, environments, caches, records and reports are passed over, as is whatever
    ``left_out`` says of its name below ``root``. Symbolic links are followed; one to a directory
    that it lies in is passed over, because no package can contain itself.

    Raises:
        BuildError: a symbolic link leads nowhere, or something is neither file nor directory.
        OSError: a directory cannot be read.
    """
    return _walk(root, PurePosixPath(), frozenset(), left_out)


def holds_no_sources(directory: Path) -> bool:
    """Whether a directory is hidden, or was made by a tool or a run."""
    if directory.name.startswith("."):
        return True
    return any(all(os.path.exists(directory / name) for name in mark) for mark in _MARKS)


def is_report_file(path: Path) -> bool:
    """Whether ``path`` is part of the report of a run."""
    if not any(fnmatchcase(path.name, pattern) for pattern in _REPORT_FILES):
        return False
    try:
        with path.with_name("latest.json").open("rb") as result:
            return _RESULT_MARK in result.read(_HEAD_BYTES)
    except OSError:
        return False  # No result file that can be read: then this is no report of ours.


def _walk(
    directory: Path,
    prefix: PurePosixPath,
    above: frozenset[str],
    left_out: Callable[[PurePosixPath], bool],
) -> Iterator[tuple[str, Path]]:
    real = os.path.realpath(directory)
    if real in above:
        return
    for path in sorted(directory.iterdir()):
        name = prefix / path.name
        if path.name.startswith(".") or left_out(name):
            continue
        if path.is_dir():
            if not holds_no_sources(path):
                yield from _walk(path, name, above | {real}, left_out)
        elif not path.is_file():
            raise BuildError(
                f"`{path}` cannot be packaged: it is not a readable file",
                hint="remove it, or point the symbolic link at an existing file",
            )
        elif not is_report_file(path):
            yield name.as_posix(), path
