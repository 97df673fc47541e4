"""A revision as the user named it -> a directory that its functions can be built from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.config import Settings
from bench.errors import UnknownName, UsageError, cannot_write
from bench.functions.directory import is_function
from bench.model import Revision
from bench.revisions.git import Repository, lfs_pointers
from bench.revisions.package import unpack

#: The user's own tree as it is, uncommitted work included.
WORKTREE = "WORKTREE"
_PREFIX = "revisions-"
_LOCK = ".lock"
_SHORT = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9._@~^-]+")
#: So many paths are named in a warning.
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison, readable until the comparison's scope ends."""

    revision: Revision
    #: Where its files are, and where the user would find them.
    root: Path
    home: Path
    #: The directory that targets and the globs of functions are relative to.
    cwd: Path
    project: Path
    #: Whether ``root`` is one function, or one package, and not a project with functions.
    single: bool = False
    repository: Repository | None = None
    warnings: tuple[str, ...] = ()


@contextlib.contextmanager
def checked_out(names: tuple[str, str], settings: Settings, *, cwd: Path) -> Iterator[list[Side]]:
    """Baseline and candidate, ready to be read; what was made for them is deleted at the end.

    What a killed run has left there is deleted first.

    Raises:
        UnknownName: a revision that does not exist, with near misses.
        UsageError: a zip file that is damaged, or two sides that cannot be compared.
        StorageError: the disk is full, or the cache cannot be written.
    """
    with _workspace(settings.cache / "revisions") as workspace:
        sides = [
            _side(name, workspace / letter, settings, cwd)
            for name, letter in zip(names, "ab", strict=True)
        ]
        if sides[0].revision.variant == sides[1].revision.variant:
            sides = [_renamed(s, letter) for s, letter in zip(sides, "ab", strict=True)]
        yield sides


@contextlib.contextmanager
def _workspace(parent: Path) -> Iterator[Path]:
    """A directory of ours; the lock in it says that its maker lives, whatever its process id."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as error:
        raise cannot_write(
            parent, error, instead="move the cache with `COLDBENCH_CACHE=DIR`"
        ) from error
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)
        os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{_PREFIX}*"):
        try:
            lock = os.open(path / _LOCK, os.O_RDWR)
        except OSError:
            continue  # just being made, or just being deleted
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _side(name: str, target: Path, settings: Settings, cwd: Path) -> Side:
    path = cwd / Path(name).expanduser()
    if path.suffix == ".zip" and path.is_file():
        return _zip_side(name, path.resolve(), target)
    repository = Repository.around(cwd)
    if name == WORKTREE:
        return _worktree_side(repository, settings, cwd)
    commit = None if name.startswith((".", "/", "~")) else _commit(repository, name)
    if commit is not None and repository is not None:
        return _commit_side(name, commit, repository, target, settings, cwd)
    if path.is_dir():
        return _directory_side(name, path.resolve())
    raise _unknown(name, path, repository)


def _commit(repository: Repository | None, name: str) -> str | None:
    return repository.commit(name) if repository else None


def _unknown(name: str, path: Path, repository: Repository | None) -> UsageError:
    if path.is_file():
        return UsageError(
            f"`{name}` is a file that is no zip",
            hint="name a deployment package (`.zip`), a directory or a git revision",
        )
    if repository is None:
        return UsageError(
            f"`{name}` is neither a directory nor a zip file, and here is no git repository",
            hint="start in the repository whose revisions you want to compare",
        )
    unknown = UnknownName("revision", name, [*repository.names(), "HEAD", WORKTREE])
    if repository.is_shallow():
        unknown.hint = "the clone is shallow: `git fetch --unshallow`, or `fetch-depth: 0` in CI"
    return unknown


def _worktree_side(repository: Repository | None, settings: Settings, cwd: Path) -> Side:
    if repository is None:
        raise UsageError(
            f"`{WORKTREE}` is the tree of a git repository, and here is none",
            hint="name the directory instead, such as `.`",
        )
    revision = Revision(
        variant=WORKTREE,
        name=WORKTREE,
        kind="worktree",
        path=repository.top,
        commit=repository.commit("HEAD") or "",
        dirty=repository.is_dirty(),
    )
    return Side(
        revision=revision,
        root=repository.top,
        home=repository.top,
        cwd=cwd,
        project=settings.root,
        repository=repository,
    )


def _commit_side(
    name: str, commit: str, repository: Repository, target: Path, settings: Settings, cwd: Path
) -> Side:
    target.mkdir()
    repository.write_out(commit, target)
    label = _safe(name)
    short = commit[:_SHORT]
    revision = Revision(
        variant=short if commit.startswith(label) else f"{label}@{short}",
        name=name,
        kind="commit",
        path=repository.top,
        commit=commit,
    )
    return Side(
        revision=revision,
        root=target,
        home=repository.top,
        cwd=_moved(cwd, repository.top, target),
        project=_moved(settings.root, repository.top, target),
        repository=repository,
        warnings=(
            *_missing(f"submodules of {revision.variant}", repository.submodules(commit)),
            *_missing(f"large files (LFS) of {revision.variant}", lfs_pointers(target)),
        ),
    )


def _moved(path: Path, old: Path, new: Path) -> Path:
    """A path in the user's tree where the written out commit has it."""
    resolved = path.resolve()
    inside = resolved.is_relative_to(old.resolve())
    return new / resolved.relative_to(old.resolve()) if inside else new


def _missing(what: str, paths: list[str]) -> tuple[str, ...]:
    if not paths:
        return ()
    named = ", ".join(f"`{path}`" for path in paths[:_NAMED])
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return (f"{what} were not fetched: {named}{more}; functions that need them will not build",)


def _directory_side(name: str, path: Path) -> Side:
    revision = Revision(variant=_safe(path.name), name=name, kind="directory", path=path)
    return Side(
        revision=revision,
        root=path,
        home=path,
        cwd=path,
        project=path,
        single=is_function(path),
    )


def _zip_side(name: str, path: Path, target: Path) -> Side:
    root = target / path.stem
    root.mkdir(parents=True)
    unpack(path, root)
    revision = Revision(
        variant=_safe(path.stem),
        name=name,
        kind="zip",
        path=path,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    return Side(revision=revision, root=root, home=path.parent, cwd=root, project=root, single=True)


def _renamed(side: Side, letter: str) -> Side:
    variant = f"{side.revision.variant}.{letter}"
    return replace(side, revision=replace(side.revision, variant=variant))


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name).strip("-") or "revision"
