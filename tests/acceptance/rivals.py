"""The same question to hyperfine and pyperf, asked as their users ask it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from tests.acceptance.programs import Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether a tool says that the second program is slower, or different, and what it took."""

    different: bool
    slower: bool
    wall_ns: int


def hyperfine(baseline: Program, candidate: Program, scratch: Path) -> Answer | None:
    """``hyperfine -N A B``, judged by Welch's test as its own script does; None if absent."""
    program = shutil.which("hyperfine")
    if program is None:
        return None
    output = scratch / "hyperfine.json"
    begin_ns = time.monotonic_ns()
    subprocess.run(
        [
            program,
            "-N",
            "--style",
            "none",
            "--export-json",
            str(output),
            *_commands(baseline, candidate),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wall_ns = time.monotonic_ns() - begin_ns
    first, second = (result["times"] for result in json.loads(output.read_bytes())["results"])
    found = stats.ttest_ind(first, second, equal_var=False)
    slower = sum(second) / len(second) > sum(first) / len(first)
    different = bool(found.pvalue < 0.05)
    return Answer(different=different, slower=different and slower, wall_ns=wall_ns)


def pyperf(baseline: Program, candidate: Program, scratch: Path) -> Answer:
    """``pyperf command`` on each, then ``pyperf compare_to``."""
    begin_ns = time.monotonic_ns()
    files = []
    for number, command in enumerate(_commands(baseline, candidate)):
        file = scratch / f"pyperf-{number}.json"
        file.unlink(missing_ok=True)
        subprocess.run(
            [
                *(sys.executable, "-m", "pyperf", "command", "-q", "--name", "program"),
                *("-o", str(file), "--", *command.split()),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        files.append(str(file))
    said = subprocess.run(
        [sys.executable, "-m", "pyperf", "compare_to", *files],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.lower()
    wall_ns = time.monotonic_ns() - begin_ns
    different = "not significant" not in said
    return Answer(different=different, slower=different and "slower" in said, wall_ns=wall_ns)


def _commands(baseline: Program, candidate: Program) -> tuple[str, str]:
    return " ".join(baseline.commands[0]), " ".join(candidate.commands[0])
