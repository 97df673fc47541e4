"""Bytecode for Python packages: ``unchecked-hash`` ``.pyc`` files by the target's interpreter.

A ``.pyc`` that names its source by time is stale once a zip has normalised the dates, and then
costs more than none; one that names it by hash and is not checked is read as it is (PEP 552).

The embedded file name is ``/var/task/...``: the bytes do not depend on where the build ran, and
tracebacks are right everywhere, because the import system replaces the name by the path of the
source it loads. The files are split over a fixed number of interpreters by their names, since what
was compiled before in the same process shows in the bytes of string constants.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from bench.build.cache import BuildCache
from bench.build.process import Command, Runner, stopped_by_interruption
from bench.build.toolchain import Python
from bench.errors import BuildError

_PARTS = 4
#: Fewer files than this are not worth a second interpreter.
_ONE_PART_FILES = 40
_HEADER = struct.Struct("<4sI")
#: PEP 552: bit 0 = named by hash, bit 1 = checked against the source.
_UNCHECKED_HASH = 1
_NOT_EVERY_FILE_COMPILED = 1


def compile_sources(
    tree: Path,
    names: Iterable[str],
    *,
    prefix: str,
    python: Python,
    cache: BuildCache,
    run: Runner,
) -> tuple[str, ...]:
    """Compile the named sources of ``tree``; returns the names that are not valid Python.

    Args:
        tree: the root of the package.
        names: ``.py`` files, relative to ``tree``.
        prefix: where the tree will be, for file names in the bytecode: ``/var/task``.
        python: the interpreter that will read the bytecode.
        cache: for a directory to work in.
        run: runs the compiling interpreters.

    Raises:
        BuildError: the interpreter failed, or wrote bytecode of another kind.
    """
    from concurrent.futures import ThreadPoolExecutor  # only a build is worth its import

    sources = sorted(names)
    with cache.temporary() as scratch, ThreadPoolExecutor(2) as pool, stopped_by_interruption(run):
        lists = _write_lists(tree, sources, scratch)
        commands = [_command(tree, part, prefix, python, scratch) for part in lists]
        for done in pool.map(run, commands):
            if done.status not in (0, _NOT_EVERY_FILE_COMPILED):
                raise BuildError(f"`{python.path} -m compileall` failed: {done.message}")
    written = {name: tree / _bytecode_name(name, python) for name in sources}
    for path in written.values():
        if path.exists():
            _check_header(path)
    return tuple(name for name, path in written.items() if not path.exists())


def _write_lists(tree: Path, sources: Sequence[str], scratch: Path) -> list[Path]:
    count = _PARTS if len(sources) > _ONE_PART_FILES else 1
    parts: list[list[str]] = [[] for _ in range(count)]
    for name in sources:
        parts[zlib.crc32(name.encode()) % count].append(str(tree / name))
    lists = []
    for index, part in enumerate(parts):
        if part:
            lists.append(scratch / f"sources-{index}")
            lists[-1].write_text("".join(f"{path}\n" for path in part), encoding="utf-8")
    return lists


def _command(tree: Path, listed: Path, prefix: str, python: Python, scratch: Path) -> Command:
    return Command(
        arguments=(
            *(str(python.path), "-S", "-m", "compileall", "-q", "-f"),
            *("--invalidation-mode", "unchecked-hash"),
            *("-s", str(tree), "-p", prefix, "-i", str(listed)),
        ),
        # An empty directory: `-m` puts it first on the path, and a source could hide a module.
        cwd=scratch,
        # The order of set constants would follow a random hash seed.
        environment={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"},
    )


def _bytecode_name(name: str, python: Python) -> PurePosixPath:
    source = PurePosixPath(name)
    tag = f"cpython-{python.minor.replace('.', '')}"
    return source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"


def _check_header(path: Path) -> None:
    with path.open("rb") as stream:
        _, flags = _HEADER.unpack(stream.read(_HEADER.size))
    if flags != _UNCHECKED_HASH:
        raise BuildError(
            f"`{path}` is not unchecked hash-based bytecode (flags {flags})",
            hint="this is a defect of coldbench: please report it with the Python version",
        )
