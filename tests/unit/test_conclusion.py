"""The end of a run: what is written and told, whatever happens to the form for stdout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.commands.conclusion import conclude
from bench.commands.options import RunOptions
from bench.config import load_settings
from bench.errors import NotWritable, UnknownName
from bench.progress import Silent
from tests.acceptance.record_damage import sound_record, write_record


def options(tmp_path: Path, **changes: Any) -> RunOptions:
    settings = replace(load_settings({}, cwd=tmp_path, environ={}), out=tmp_path / "reports")
    environ = {
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    made = RunOptions(settings=settings, cwd=tmp_path, command="", environ=environ)
    return replace(made, **changes)


def test_a_form_that_cannot_be_rendered_costs_nothing_else(tmp_path: Path) -> None:
    """Files and the answer of the gate are there before anything is made for stdout."""
    directory = write_record(sound_record(ratio=1.2), tmp_path / "run")

    with pytest.raises(UnknownName):
        conclude(directory, options(tmp_path, format="no such form"), Silent())

    assert (tmp_path / "reports" / "compare.md").is_file()
    assert (tmp_path / "reports" / "compare.json").is_file()
    assert "exit_code=1\n" in (tmp_path / "output").read_text()
    assert (tmp_path / "summary").read_text().startswith("# Cold starts: regression")


def test_a_file_that_cannot_be_written_names_its_own_option(tmp_path: Path) -> None:
    """Neither space nor another directory for reports would help."""
    directory = write_record(sound_record(), tmp_path / "run")
    (tmp_path / "file").write_text("")

    with pytest.raises(NotWritable, match="cannot write") as raised:
        conclude(directory, options(tmp_path, output=tmp_path / "file" / "report"), Silent())

    assert raised.value.hint == "name another file with `--output FILE`"
