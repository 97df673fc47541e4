"""Staged copies: what trials run from, the same way for every variant.

A linker's own output runs measurably slower than a copy of it, so nothing is ever run in place:
each arm gets fresh copies, and all are made alike, by reading and writing bytes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import StorageError
from bench.model import Arm, Artifact, Plan
from bench.schedule import SLOTS, is_control

_PREFIX = "stage-"


@dataclass(slots=True)
class Staging:
    """The copies of one run. Use as a context manager; they are deleted at the end."""

    root: Path
    #: Copies per function, variant and arm.
    copies: dict[tuple[str, str, Arm], tuple[Path, ...]] = field(default_factory=dict)
    _state: dict[tuple[str, str, Arm], tuple[object, ...]] = field(default_factory=dict)

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def changed(self) -> tuple[str, ...]:
        """Sentences about copies that are not what they were: a trial has written to them."""
        return tuple(
            f"the staged package of `{function}`, variant `{variant}`, changed during the run: "
            "one trial could see what another did"
            for (function, variant, arm), before in self._state.items()
            if before != tuple(_state(c) for c in self.copies[function, variant, arm])
        )


def stage(plan: Plan, artifacts: Mapping[tuple[str, str], Artifact], parent: Path) -> Staging:
    """Copy every artifact of the plan :data:`~bench.schedule.SLOTS` times per arm, interleaved.

    Raises:
        StorageError: the disk is full, or ``parent`` cannot be written.
    """
    arms = _arms(plan)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise _no_room(parent, error) from error
    staging = Staging(root)
    try:
        for slot in range(SLOTS):
            for number, (function, variant, arm) in enumerate(arms):
                copy = root / f"{number:03}-{slot}"  # paths of equal length for all
                _copy(artifacts[function, variant].tree_path, copy)
                key = (function, variant, arm)
                staging.copies[key] = (*staging.copies.get(key, ()), copy)
        os.sync()  # nothing is left to be written back while trials run
    except BaseException as error:
        shutil.rmtree(root, ignore_errors=True)
        if isinstance(error, OSError):
            raise _no_room(parent, error) from error
        raise
    for key, copies in staging.copies.items():
        staging._state[key] = tuple(_state(c) for c in copies)
    return staging


def _arms(plan: Plan) -> list[tuple[str, str, Arm]]:
    arms: dict[tuple[str, str, Arm], None] = {}
    for cell in (*plan.cells, *plan.validation_cells):
        arms[cell.function, cell.variant, "variant"] = None
        if is_control(plan, cell):
            arms[cell.function, cell.variant, "aa"] = None
    return list(arms)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, copy_function=_copy_file)


def _copy_file(source: str, target: str) -> str:
    """Bytes and mode; the times are new, as they are after Lambda has unpacked a package."""
    shutil.copyfile(source, target, follow_symlinks=False)
    if not os.path.islink(target):
        shutil.copymode(source, target)
    return target


def _state(tree: Path) -> frozenset[tuple[object, ...]]:
    """Everything ``lstat`` tells about every entry; ctime catches writes that restore mtime."""
    return frozenset(_entries(tree))


def _entries(tree: Path) -> Iterable[tuple[object, ...]]:
    for directory, _, names in os.walk(tree):
        for path in (directory, *(os.path.join(directory, name) for name in names)):
            s = os.lstat(path)
            yield path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino


def _remove_abandoned(parent: Path) -> None:
    """Delete copies whose maker is gone: a run that was killed with -9."""
    for path in parent.glob(f"{_PREFIX}*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(path, ignore_errors=True)


def _reason(error: OSError) -> str:
    """The system's words; copytree wraps those of each file in a list."""
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][2])
    return error.strerror or str(error)


def _no_room(parent: Path, error: OSError) -> StorageError:
    return StorageError(
        f"cannot stage packages in {parent}: {_reason(error)}",
        hint="free some space there, or move the cache with `COLDBENCH_CACHE=DIR`",
    )
