"""The command: how long `coldbench --help` takes, against an interpreter that does nothing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path


def run_ns(argv: list[str]) -> int:
    """Wall time of one run of a program, its output thrown away."""
    null = os.open(os.devnull, os.O_WRONLY)
    begin_ns = time.monotonic_ns()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)])
    os.waitpid(pid, 0)
    end_ns = time.monotonic_ns()
    os.close(null)
    return end_ns - begin_ns


def help_ns() -> int:
    """One `coldbench --help`, by the installed console script."""
    return run_ns([str(Path(sys.executable).with_name("coldbench")), "--help"])


def nothing_ns() -> int:
    """One `python -c pass`."""
    return run_ns([sys.executable, "-c", "pass"])
