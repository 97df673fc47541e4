"""The command as a process: what it imports to show its help, and a reader that leaves early."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.live

NEW_MODULES = """
import sys
before = set(sys.modules)
from bench.cli import main
main(sys.argv[1:])
print(*sorted(set(sys.modules) - before), sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_imports_next_to_nothing(argument: str) -> None:
    """Showing the help starts about as fast as Python: no argparse, no json, no re."""
    finished = subprocess.run(
        [sys.executable, "-c", NEW_MODULES, argument], capture_output=True, text=True, check=True
    )

    assert set(finished.stderr.split()) <= {"__future__", "bench", "bench.cli", "bench.commands"}


def test_the_package_can_be_run_as_a_module() -> None:
    """`python -m bench` is the command."""
    finished = subprocess.run(
        [sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, check=True
    )

    assert finished.stdout.startswith("Measure, explain and optimise")


def test_a_reader_that_leaves_early_is_not_an_error() -> None:
    """`coldbench … | head -0` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)

    finished = subprocess.run(
        [sys.executable, "-m", "bench", "config", "--json"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)

    assert (finished.returncode, finished.stderr) == (0, b"")
