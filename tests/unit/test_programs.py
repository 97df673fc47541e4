"""Which directories a program needs that a private /tmp or /opt would hide."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.emulator.programs import hidden_directories


@pytest.fixture(name="tmp")
def _tmp() -> Iterator[Path]:
    """A directory below /tmp itself, wherever TMPDIR is."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def program(path: Path, text: str = "\x7fELF") -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_program_elsewhere_needs_nothing() -> None:
    """What the function sees anyway is not listed."""
    assert hidden_directories(Path("/bin/sh")) == ()


def test_an_interpreter_needs_its_prefix_and_that_of_its_target(tmp: Path) -> None:
    """A virtual environment's python is a symbolic link to another one."""
    program(tmp / "base" / "bin" / "python3")
    (tmp / "venv" / "bin").mkdir(parents=True)
    (tmp / "venv" / "bin" / "python").symlink_to("../../base/bin/python3")

    found = hidden_directories(tmp / "venv" / "bin" / "python")

    assert found == (tmp / "base", tmp / "venv")


def test_a_script_needs_its_interpreter(tmp: Path) -> None:
    """The first line names it; the script's own directory is listed too."""
    interpreter = program(tmp / "tool" / "bin" / "lua")
    script = program(tmp / "package" / "bootstrap", f"#!{interpreter} -s\n")

    assert hidden_directories(script) == (tmp / "package", tmp / "tool")


def test_directories_within_listed_ones_are_not_repeated(tmp: Path) -> None:
    """One mount shows all that is below it."""
    interpreter = program(tmp / "package" / "tool" / "bin" / "lua")
    script = program(tmp / "package" / "bootstrap", f"#! {interpreter}\n")

    assert hidden_directories(script) == (tmp / "package",)


@pytest.mark.parametrize("text", ["#!/no/such/program\n", "#!\n", "", "\xff\x00"])
def test_what_cannot_be_executed_is_not_our_business(tmp: Path, text: str) -> None:
    """The trial will say what the system says."""
    script = program(tmp / "package" / "bootstrap", text)

    assert hidden_directories(script) == (tmp / "package",)
    assert hidden_directories(tmp / "missing") == ()
