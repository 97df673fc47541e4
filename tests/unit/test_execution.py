"""What an interrupted user is told, at whatever moment it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import report_sample

from bench.commands.aws_options import AwsOptions, kept_flags
from bench.commands.execution import interruptible
from bench.errors import Interrupted
from bench.store import create_record, seal


def _interrupted(directory: Path) -> Interrupted:
    with pytest.raises(Interrupted) as caught, interruptible(directory, "coldbench run --resume x"):
        raise KeyboardInterrupt
    return caught.value


def _recorded(directory: Path, *, complete: bool) -> Path:
    record = replace(report_sample.record(), trials=(), complete=complete)
    create_record(directory, record)
    seal(directory, record)
    return directory


def test_before_anything_is_on_record(tmp_path: Path) -> None:
    """There is nothing to go on with, and nobody is told so."""
    found = _interrupted(tmp_path / "run")

    assert (found.message, found.hint) == ("interrupted before anything was measured", None)


def test_on_record(tmp_path: Path) -> None:
    """The command that goes on, and where the trials are."""
    directory = _recorded(tmp_path / "run", complete=False)

    found = _interrupted(directory)

    assert str(directory) in found.message
    assert "go on with `coldbench run --resume x`" in (found.hint or "")


def test_while_the_report_is_made(tmp_path: Path) -> None:
    """A complete run cannot be resumed, but reported."""
    directory = _recorded(tmp_path / "run", complete=True)

    found = _interrupted(directory)

    assert "complete" in found.message
    assert found.hint == f"see `coldbench report {directory}`"


def test_on_aws_the_command_names_the_same_place_without_credentials() -> None:
    """Endpoint, profile and arms are given again; a password in a URL is not shown."""
    options = AwsOptions(
        endpoint_url="http://user:pass-word@127.0.0.1:4566", profile="bench", arms=("tmp=1024",)
    )

    assert kept_flags(options) == (
        " --profile bench --endpoint-url http://***@127.0.0.1:4566 --arm tmp=1024"
    )
    assert kept_flags(AwsOptions()) == ""
