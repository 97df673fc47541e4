"""Read-only access to a git repository, through the ``git`` command.

Nothing here writes below ``.git``: optional locks are off, hooks do not run, and a commit is
written out through an index file of ours.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError

#: What a surrounding git, such as a hook's, tells its children, and ours must not heed.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
_CONFIGURATION = {
    "core.hooksPath": os.devnull,
    "core.sparseCheckout": "false",
    "core.splitIndex": "false",
    "core.fsmonitor": "false",
    "advice.detachedHead": "false",
}
_SUBMODULE = "160000"
_LFS_MARK = b"version https://git-lfs"
_LFS_POINTER_MAX_BYTES = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One repository: the top of its tree and its own directory."""

    top: Path
    git_directory: Path

    @classmethod
    def around(cls, directory: Path) -> Repository | None:
        """The repository that a directory is in; None without one, or without ``git``."""
        try:
            top = _git(directory, "rev-parse", "--show-toplevel").strip()
            own = _git(directory, "rev-parse", "--absolute-git-dir").strip()
        except (UsageError, FileNotFoundError):
            return None
        # A bare repository has no tree, so nothing in it can be the user's.
        return cls(top=Path(top), git_directory=Path(own)) if top else None

    def commit(self, name: str) -> str | None:
        """The full id of the commit that a revision names; None if it names none."""
        try:
            words = ("rev-parse", "--verify", "--quiet", "--end-of-options")
            found = _git(self.top, *words, f"{name}^{{commit}}")
        except UsageError:
            return None
        return found.strip() or None

    def names(self) -> list[str]:
        """Branches and tags, for near misses."""
        return _git(self.top, "for-each-ref", "--format=%(refname:short)").split()

    def is_dirty(self) -> bool:
        """Whether the tree differs from its commit; files that are not tracked count."""
        return bool(_git(self.top, "status", "--porcelain").strip())

    def is_shallow(self) -> bool:
        """Whether history was cut off when it was cloned."""
        return _git(self.top, "rev-parse", "--is-shallow-repository").strip() == "true"

    def submodules(self, commit: str) -> list[str]:
        """The paths of a commit that are other repositories."""
        entries = _git(self.top, "ls-tree", "-r", "-z", commit).split("\0")
        return [e.partition("\t")[2] for e in entries if e.startswith(_SUBMODULE)]

    def write_out(self, commit: str, target: Path) -> None:
        """Write the files of a commit into an empty directory, filters (LFS) applied.

        Raises:
            UsageError: git said no; the message is its own.
        """
        index = target.with_name(f"{target.name}.index")
        surroundings = {
            "GIT_DIR": str(self.git_directory),
            "GIT_WORK_TREE": str(target),
            "GIT_INDEX_FILE": str(index),
        }
        try:
            _git(target, "read-tree", commit, environ=surroundings)
            _git(target, "checkout-index", "--all", "--force", environ=surroundings)
        finally:
            index.unlink(missing_ok=True)

    def changed_paths(self, old: str, new: str | None) -> set[str]:
        """Paths that differ between two commits, or a commit and the tree (None)."""
        options = ("--name-only", "--no-renames", "--no-ext-diff", "-z")
        if new is not None:
            return _names(_git(self.top, "diff-tree", "-r", *options, old, new))
        untracked = _git(self.top, "ls-files", "--others", "--exclude-standard", "-z")
        return _names(_git(self.top, "diff", *options, old)) | _names(untracked)


def lfs_pointers(tree: Path) -> list[str]:
    """Files that stand for large ones that were not fetched, by their paths in the tree."""
    attributes = (path.read_bytes() for path in tree.rglob(".gitattributes"))
    if not any(b"filter=lfs" in content for content in attributes):
        return []
    return [
        str(path.relative_to(tree))
        for path in sorted(tree.rglob("*"))
        if path.is_file()
        and path.stat().st_size <= _LFS_POINTER_MAX_BYTES
        and path.read_bytes().startswith(_LFS_MARK)
    ]


def _names(output: str) -> set[str]:
    return {name for name in output.split("\0") if name}


def _git(directory: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """What git prints.

    Raises:
        UsageError: it failed; the message is the last thing it said.
        FileNotFoundError: there is no git here.
    """
    settings = [word for k, v in _CONFIGURATION.items() for word in ("-c", f"{k}={v}")]
    inherited = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", *settings, *arguments],
        cwd=directory,
        env=inherited | own | dict(environ or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UsageError(f"`git {arguments[0]}` failed: {said[-1] if said else 'no message'}")
    return done.stdout.decode(errors="surrogateescape")
