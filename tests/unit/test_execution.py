"""What an interrupted user is told, at whatever moment it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_sample

from bench.commands.aws_options import AwsOptions, kept_flags
from bench.commands.execution import interruptible, python_minors
from bench.errors import Interrupted
from bench.store import create_record, seal
from bench.subjects import Function


def _interrupted(directory: Path) -> Interrupted:
    with pytest.raises(Interrupted) as caught, interruptible(directory, "coldbench run --resume x"):
        raise KeyboardInterrupt
    return caught.value


def _recorded(directory: Path, *, complete: bool) -> Path:
    record = replace(report_sample.record(), trials=(), complete=complete)
    create_record(directory, record)
    seal(directory, record)
    return directory


def _function(name: str, **changes: Any) -> Function:
    values: dict[str, Any] = {
        "id": name,
        "runtime": "python",
        "directory": Path(),
        "handler": "app.handler",
        "events": (),
    }
    return Function(**(values | changes))


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


def test_a_python_function_runs_on_what_its_package_was_built_for() -> None:
    """Not on what it asks for, which may not have been to be had."""
    function = _function("python/a", runtime_version="3.13")
    built = report_sample.artifact("python/a", "eager", toolchain={"python": "3.11.7"})

    assert python_minors([function], [built]) == {"python/a": "3.11"}


@pytest.mark.parametrize("asked", [None, "3.12"])
def test_a_package_that_was_there_already_runs_on_what_its_function_asks_for(
    asked: str | None,
) -> None:
    """It does not say what it was built for; without a wish, any Python will do."""
    function = _function("python/a", runtime_version=asked)
    package = report_sample.artifact("python/a", "old", toolchain={})

    assert python_minors([function], [package]) == {"python/a": asked}


def test_other_functions_and_those_without_a_package_need_no_python() -> None:
    """Nothing is installed for what does not run."""
    functions = [_function("custom/a", runtime="custom"), _function("python/b")]
    package = report_sample.artifact("custom/a", "old", toolchain={})

    assert python_minors(functions, [package]) == {}


def test_on_aws_the_command_names_the_same_place_without_credentials() -> None:
    """Endpoint, profile and arms are given again; a password in a URL is not shown."""
    options = AwsOptions(
        endpoint_url="http://user:pass-word@127.0.0.1:4566", profile="bench", arms=("tmp=1024",)
    )

    assert kept_flags(options) == (
        " --profile bench --endpoint-url http://***@127.0.0.1:4566 --arm tmp=1024"
    )
    assert kept_flags(AwsOptions()) == ""
