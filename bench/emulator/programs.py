"""What a program needs on disk that a private ``/tmp`` or ``/opt`` would hide."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from bench.emulator.paths import OPT, TMP

_MAX_LINKS = 40
_SCRIPT = b"#!"
_FIRST_LINE_BYTES = 256


def hidden_directories(program: Path) -> tuple[Path, ...]:
    """Directories below ``/tmp`` and ``/opt`` that ``program`` cannot do without, outermost first.

    They are the prefixes (what has ``bin`` in it) of the program, of what its symbolic links lead
    to, and, for a script, of its interpreter. The answer is kept, and reading a program again is
    not necessary as long as it does not change: it may have been evicted from the page cache.
    """
    try:
        status = program.stat()
    except OSError:
        return ()
    return _hidden_directories(program, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1_024)
def _hidden_directories(program: Path, _mtime_ns: int, _size: int) -> tuple[Path, ...]:
    interpreter = _interpreter(program)
    hops = [*_hops(program), *(() if interpreter is None else _hops(interpreter))]
    prefixes = {_prefix(path) for hop in hops for path in (hop, hop.resolve())}
    hidden = sorted(p for p in prefixes if p.is_relative_to(TMP) or p.is_relative_to(OPT))
    outermost: list[Path] = []
    for path in hidden:
        if not any(path.is_relative_to(other) for other in outermost):
            outermost.append(path)
    return tuple(outermost)


def _hops(path: Path) -> Iterator[Path]:
    """Yield the path, and where its symbolic link leads, and so on."""
    for _ in range(_MAX_LINKS):
        yield path
        if not path.is_symlink():
            return
        path = Path(os.path.normpath(path.parent / os.readlink(path)))


def _prefix(program: Path) -> Path:
    directory = program.parent
    return directory.parent if directory.name in ("bin", "sbin") else directory


def _interpreter(program: Path) -> Path | None:
    """The first word of a script's first line; None for other programs."""
    try:
        with program.open("rb", buffering=0) as file:
            line = file.read(_FIRST_LINE_BYTES).partition(b"\n")[0]
    except OSError:
        return None
    words = line.removeprefix(_SCRIPT).split()
    if not line.startswith(_SCRIPT) or not words:
        return None
    interpreter = Path(os.fsdecode(words[0]))
    return interpreter if interpreter.is_absolute() and interpreter.exists() else None
