"""Staged copies: what trials run from, the same way for every variant.

A linker's own output runs measurably slower than a copy of it, so nothing is ever run in place:
each arm gets fresh copies, and all are made alike, by reading and writing bytes.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.build.archive import tree_digest
from bench.errors import MeasurementError, StorageError
from bench.model import Arm, Plan
from bench.session.schedule import SLOTS, is_control
from bench.subjects import Artifact

_PREFIX = "stage-"


@dataclass(slots=True)
class Staging:
    """The copies of one run."""

    root: Path
    #: Copies per function, variant and arm.
    copies: dict[tuple[str, str, Arm], tuple[Path, ...]] = field(default_factory=dict)
    _state: dict[tuple[str, str, Arm], tuple[object, ...]] = field(default_factory=dict)

    def verify(self, artifacts: Mapping[tuple[str, str], Artifact]) -> None:
        """Make sure that what will run is what was built, and was staged by copying.

        The first copy of each arm is held against the artifact's digest, the others against the
        first one's names, modes and sizes.

        Raises:
            MeasurementError: a stale or foreign file, or one that is linked instead of copied.
        """
        for (function, variant, _), copies in self.copies.items():
            artifact = artifacts[function, variant]
            shapes = {_shape(copy) for copy in copies}
            linked = any(_linked(copy) for copy in copies)
            if linked or len(shapes) > 1 or tree_digest(copies[0]) != artifact.digest:
                why = "is linked and not copied" if linked else "is not the package that was built"
                raise MeasurementError(
                    f"a staged copy of `{function}`, variant `{variant}` {why}",
                    hint="delete the cache of builds, and see whether something else writes there",
                )

    def changed(self) -> tuple[str, ...]:
        """Sentences about copies that are not what they were: a trial has written to them."""
        return tuple(
            f"the staged package of `{function}`, variant `{variant}`, changed during the run: "
            "one trial could see what another did"
            for (function, variant, arm), before in self._state.items()
            if before != tuple(_state(c) for c in self.copies[function, variant, arm])
        )


@contextmanager
def stage(
    plan: Plan, artifacts: Mapping[tuple[str, str], Artifact], parent: Path
) -> Iterator[Staging]:
    """Copy every artifact of the plan :data:`~bench.schedule.SLOTS` times per arm, interleaved.

    The copies are there for the time of a ``with``, and deleted at whatever moment it ends.

    Raises:
        StorageError: the disk is full, or ``parent`` cannot be written.
    """
    root = parent / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        try:
            staging = _staged(plan, artifacts, root)
        except OSError as error:
            raise _no_room(parent, error) from error
        yield staging
    finally:
        try:
            shutil.rmtree(root, ignore_errors=True)
        finally:  # once more, in case an interruption came meanwhile
            shutil.rmtree(root, ignore_errors=True)


def _staged(plan: Plan, artifacts: Mapping[tuple[str, str], Artifact], root: Path) -> Staging:
    root.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(root.parent)
    root.mkdir(mode=0o700)
    staging = Staging(root)
    for slot in range(SLOTS):
        for number, (function, variant, arm) in enumerate(_arms(plan)):
            copy = root / f"{number:03}-{slot}"  # paths of equal length for all
            _copy(artifacts[function, variant].tree_path, copy)
            key = (function, variant, arm)
            staging.copies[key] = (*staging.copies.get(key, ()), copy)
    staging.verify(artifacts)
    os.sync()  # nothing is left to be written back while trials run
    for key, copies in staging.copies.items():
        staging._state[key] = tuple(_state(c) for c in copies)
    return staging


def _arms(plan: Plan) -> list[tuple[str, str, Arm]]:
    arms: dict[tuple[str, str, Arm], None] = {}
    for cell in plan.every_cell:
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


def _entries(tree: Path) -> Iterable[tuple[str, int, int, int, int, int]]:
    for directory, _, names in os.walk(tree):
        for path in (directory, *(os.path.join(directory, name) for name in names)):
            s = os.lstat(path)
            yield path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino


def _shape(tree: Path) -> frozenset[tuple[str, int, int]]:
    """Path below the tree, mode and size of every file."""
    return frozenset(
        (os.path.relpath(path, tree), mode, size)
        for path, mode, size, *_ in _entries(tree)
        if not stat.S_ISDIR(mode)
    )


def _linked(tree: Path) -> bool:
    """Whether a file of the tree has another name elsewhere."""
    return any(
        os.lstat(os.path.join(directory, name)).st_nlink > 1
        for directory, _, names in os.walk(tree)
        for name in names
    )


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
