"""Temporary directories that tell who made them, so that those of the dead can be removed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.emulator.limits import is_abandoned, owner_name


@contextmanager
def owned_directory(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A directory for the time of a ``with``; removes what killed predecessors have left.

    Args:
        prefix: what the names begin with; ends with a hyphen.
        parent: where it is made; None means the place for temporary files.
    """
    parent = Path(tempfile.gettempdir()) if parent is None else parent
    for path in parent.glob(f"{prefix}*"):
        if is_abandoned(path.name.removeprefix(prefix)):
            shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{prefix}{owner_name()}-") as directory:
        yield Path(directory)
