"""What the errors of a file system come to: the advice and the exit code."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench.errors import StorageError, cannot_write

PLACE = Path("/reports")
INSTEAD = "name another directory with `--out DIR`"


def failed(number: int) -> StorageError:
    return cannot_write(PLACE, OSError(number, os.strerror(number)), instead=INSTEAD)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_needs_space(number: int) -> None:
    """Or another disk; nobody has typed anything wrong."""
    error = failed(number)

    assert error.message == f"cannot write /reports: {os.strerror(number)}"
    assert (error.exit_code, error.hint) == (4, f"free some space, or {INSTEAD}")


@pytest.mark.parametrize(
    "number",
    [errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENOENT],
)
def test_a_place_that_cannot_be_written_is_the_users_choice(number: int) -> None:
    """No space that is freed makes it another place."""
    error = failed(number)

    assert error.message == f"cannot write /reports: {os.strerror(number)}"
    assert (error.exit_code, error.hint) == (2, INSTEAD)


def test_a_broken_disk_is_neither_full_nor_a_mistake() -> None:
    """Only what is known is said."""
    error = failed(errno.EIO)

    assert (error.exit_code, error.hint) == (4, INSTEAD)
