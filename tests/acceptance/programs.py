"""Two programs whose difference is known, run in randomised pairs and judged as a run would be."""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.planning import LOOKS
from bench.stats.samples import Pairs
from bench.stats.sequential import Design, look
from bench.stats.verdicts import word

_COPIES = 4
_ITERATIONS = 7_000_000
_SPINNER = """
#include <stdint.h>
int main(void) {
    volatile uint64_t sink;
    uint64_t state = 88172645463325252u;
    for (uint64_t i = 0; i < ITERATIONS; i++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    sink = state;
    return sink == 1;
}
"""


@dataclass(frozen=True, slots=True)
class Program:
    """Commands that are one program: as many staged copies as are taken in turn."""

    commands: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a comparison ended, and what it took.

    ``found_*``: the first look whose interval excluded that nothing changed; None if none did.
    """

    word: str
    ratio: float
    low: float
    high: float
    rounds: int
    wall_ns: int
    found_rounds: int | None
    found_ns: int | None
    found_slower: bool


def spinner(directory: Path, name: str, percent: float = 0.0) -> Program:
    """A static program of some 10 ms, doing ``percent`` more work; staged by copying."""
    source = directory / f"{name}.c"
    source.write_text(_SPINNER)
    linked = directory / f"{name}.linked"
    iterations = round(_ITERATIONS * (1 + percent / 100))
    subprocess.run(
        ["cc", "-O1", "-static", f"-DITERATIONS={iterations}", "-o", linked, source], check=True
    )
    copies = [directory / f"{name}-{number}" for number in range(_COPIES)]
    for copy in copies:
        shutil.copy(linked, copy)
    return Program(tuple((str(copy),) for copy in copies))


def python_hello() -> Program:
    """An interpreter that imports one module and ends."""
    return Program(((sys.executable, "-I", "-c", "import json"),))


def run_once(command: tuple[str, ...]) -> tuple[int, int]:
    """CPU time and wall time of one process, in ns."""
    begin_ns = time.monotonic_ns()
    pid = os.posix_spawn(command[0], command, {"PATH": os.defpath})
    _, status, usage = os.wait4(pid, 0)
    wall_ns = time.monotonic_ns() - begin_ns
    if status:
        raise RuntimeError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return round((usage.ru_utime + usage.ru_stime) * 1e9), wall_ns


def decide(
    baseline: Program,
    candidate: Program,
    order: random.Random,
    *,
    margin: float = 0.01,
    looks: tuple[int, ...] = LOOKS,
) -> Decision:
    """Run randomised pairs until a look decides, as a run of coldbench does."""
    design = Design(looks=looks, confidence=0.99, final=False)
    begin_ns = time.monotonic_ns()
    cpu: tuple[list[int], list[int]] = ([], [])
    change: tuple[int, int, bool] | None = None
    for number in range(1, looks[-1] + 1):
        _run_round((baseline, candidate), number, order, cpu)
        if number not in looks:
            continue
        pairs = Pairs(baseline=np.array(cpu[0], float), candidate=np.array(cpu[1], float))
        (found,) = look([pairs], design)
        assert found is not None, "there are common rounds"
        wall_ns = time.monotonic_ns() - begin_ns
        low, high = found.low or -math.inf, found.high or math.inf
        if change is None and not low <= 1 <= high:
            change = number, wall_ns, low > 1
        said = word(found.low, found.high, margin)
        if said in ("faster", "slower", "same"):
            break
    rounds, ns, slower = change or (None, None, False)
    return Decision(
        word=said,
        ratio=found.ratio,
        low=low,
        high=high,
        rounds=number,
        wall_ns=wall_ns,
        found_rounds=rounds,
        found_ns=ns,
        found_slower=slower,
    )


def _run_round(
    programs: tuple[Program, Program],
    number: int,
    order: random.Random,
    cpu: tuple[list[int], list[int]],
) -> None:
    for arm in order.sample((0, 1), 2):
        commands = programs[arm].commands
        cpu[arm].append(run_once(commands[number % len(commands)])[0])
