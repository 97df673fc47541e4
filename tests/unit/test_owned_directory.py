"""Directories whose names say whether their maker lives."""

from __future__ import annotations

from pathlib import Path

from bench.emulator.limits import owner_name
from bench.owned_directory import owned_directory


def test_what_the_dead_have_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    """A dead process has another start time; what is named otherwise is not ours."""
    dead, living, foreign = (
        tmp_path / name for name in ("work-1-1-abc", f"work-{owner_name()}-abc", "work-of-others")
    )
    for directory in (dead, living, foreign):
        directory.mkdir()

    with owned_directory("work-", tmp_path) as own:
        during = {p.name for p in tmp_path.iterdir()}

    assert during == {living.name, foreign.name, own.name}
    assert {p.name for p in tmp_path.iterdir()} == {living.name, foreign.name}
