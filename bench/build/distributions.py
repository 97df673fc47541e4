"""Which installed distribution the bytes of a Python package tree belong to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path, PurePosixPath

from bench.build.archive import files_of

_METADATA = ".dist-info"
_LIBRARIES = ".libs"
_SEPARATORS = re.compile(r"[-_.]+")


def bytes_per_package(tree: Path) -> dict[str, int]:
    """Bytes per top-level package, largest first; the values add up to the unpacked size.

    A distribution's metadata and its ``NAME.libs`` directory count for the package that it
    installs most files of.
    """
    owners = _owners(tree)
    sizes: Counter[str] = Counter()
    for name, path in files_of(tree):
        parts = PurePosixPath(name).parts
        # Bytecode of a top-level module lies in a directory of its own.
        top = parts[1] if parts[0] == "__pycache__" else parts[0]
        sizes[owners.get(_folded(top)) or top.partition(".")[0]] += path.stat().st_size
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def _owners(tree: Path) -> dict[str, str]:
    """The package that each metadata and library directory, by folded name, belongs to."""
    owners = {}
    for metadata in sorted(tree.glob(f"*{_METADATA}")):
        package = _main_package(metadata)
        distribution = metadata.name.partition("-")[0]
        owners[_folded(metadata.name)] = package
        owners[_folded(distribution + _LIBRARIES)] = package
    return owners


def _folded(name: str) -> str:
    """Distribution names are the same whatever their case and separators are."""
    return _SEPARATORS.sub("-", name).lower()


def _main_package(metadata: Path) -> str:
    """The package that a distribution installs most files of, by its ``RECORD``."""
    record = metadata / "RECORD"
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    tops = Counter(
        line.split(",")[0].split("/")[0].partition(".")[0]
        for line in lines
        if line and not line.startswith((metadata.name, "__pycache__"))
    )
    return tops.most_common(1)[0][0] if tops else metadata.name.partition("-")[0]
