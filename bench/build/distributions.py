"""Which installed distribution the bytes of a Python package tree belong to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from bench.build.archive import files_of

_METADATA = ".dist-info"
_LIBRARIES = ".libs"


def bytes_per_package(tree: Path) -> dict[str, int]:
    """Bytes per top-level package, largest first; the values add up to the unpacked size.

    A distribution's metadata and its ``NAME.libs`` directory count for the package they belong to.
    """
    owners = {
        path.name: _main_package(path)
        for path in tree.iterdir()
        if path.is_dir() and path.name.endswith(_METADATA)
    }
    sizes: Counter[str] = Counter()
    for name, path in files_of(tree):
        parts = PurePosixPath(name).parts
        # Bytecode of a top-level module lies in a directory of its own.
        top = parts[1] if parts[0] == "__pycache__" else parts[0]
        sizes[owners.get(top) or _stem(top)] += path.stat().st_size
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def _stem(top: str) -> str:
    return top.removesuffix(_LIBRARIES) if top.endswith(_LIBRARIES) else top.partition(".")[0]


def _main_package(metadata: Path) -> str:
    """The package that a distribution installs most files of, by its ``RECORD``."""
    fallback = metadata.name.partition("-")[0]
    try:
        record = (metadata / "RECORD").read_text(encoding="utf-8")
    except OSError:
        return fallback
    tops = Counter(
        PurePosixPath(line.split(",")[0]).parts[0]
        for line in record.splitlines()
        if line and not line.startswith((metadata.name, "__pycache__"))
    )
    return _stem(tops.most_common(1)[0][0]) if tops else fallback
