"""What ``coldbench compare`` compares: revisions, made readable without touching what the user has.

A commit is written out into a directory of ours below the build cache, with an index of its own:
the repository's tree, index, stash, refs, worktree list and hooks take no part in it. ``WORKTREE``
and directories are read where they are; zip files are unpacked beside the commits.
"""

from __future__ import annotations

from bench.revisions.checkout import WORKTREE, Side, checked_out

__all__ = ["WORKTREE", "Side", "checked_out"]
