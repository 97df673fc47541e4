"""The command: how long it takes to start, against an interpreter that does nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.emulator.reportlog import parse_report

_COMMAND = str(Path(sys.executable).with_name("coldbench"))


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
    return run_ns([_COMMAND, "--help"])


def nothing_ns() -> int:
    """One `python -c pass`."""
    return run_ns([sys.executable, "-c", "pass"])


def invoke_ns() -> int:
    """Our own part of one `coldbench invoke` of a built Go function, up to the response.

    That is from the command to the first byte, without what Lambda itself would take: the Init
    Duration and Duration of the report.
    """
    argv = [_COMMAND, "invoke", "go_functions/hello"]
    begin_ns = time.monotonic_ns()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        end_ns = time.monotonic_ns()
        report = parse_report(process.stderr.read().decode())
    assert report is not None, "the function has not been invoked"
    return end_ns - begin_ns - (report.init_duration_ns or 0) - report.duration_ns
