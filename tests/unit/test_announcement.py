"""What a GitHub step is told, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.announcement import Announced, announce
from bench.errors import StorageError
from bench.stats.judge import judge
from tests.acceptance.record_damage import sound_record


def announced() -> Announced:
    record = sound_record()
    files = (Path("reports/compare.md"), Path("reports/compare.json"), Path("reports/x.svg"))
    return Announced(record, judge(record), 1, Path("reports/records/run"), files)


def test_without_the_variables_nothing_is_written(tmp_path: Path) -> None:
    """A developer's machine is no CI."""
    announce(announced(), {}, summary=True)

    assert list(tmp_path.iterdir()) == []


def test_outputs_are_appended(tmp_path: Path) -> None:
    """Earlier outputs of the step stay; each of ours is one line."""
    output = tmp_path / "output"
    output.write_text("earlier=1\n")

    announce(announced(), {"GITHUB_OUTPUT": str(output)})

    assert output.read_text().splitlines() == [
        "earlier=1",
        "verdict=no regression",
        "exit_code=1",
        "run_id=20261121-120000-abcd",
        "record=reports/records/run",
        "report=reports/compare.md",
        "json=reports/compare.json",
    ]


def test_the_summary_is_the_report(tmp_path: Path) -> None:
    """Reviewers read it beside the log."""
    summary = tmp_path / "summary"

    announce(announced(), {"GITHUB_STEP_SUMMARY": str(summary)}, summary=True)

    assert summary.read_text().startswith("# Cold starts: ")
    assert "python/orders" in summary.read_text()


def test_a_second_look_writes_no_second_summary(tmp_path: Path) -> None:
    """`judge` after `run` in one step tells its outputs only."""
    announce(announced(), {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """CI that misses its outputs must not pass by accident."""
    with pytest.raises(StorageError, match="cannot write"):
        announce(announced(), {"GITHUB_OUTPUT": str(tmp_path / "no" / "file")})
