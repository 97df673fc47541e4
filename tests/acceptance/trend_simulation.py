"""How often a trend raises a false alarm, and how soon it names a change: counts over seeded noise.

``python -m tests.acceptance.trend_simulation [SERIES]`` prints the counts of all goals.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.history.changes import SMALLEST_SERIES, change_points

Floats: TypeAlias = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]

SIGMA = 0.006
APPENDS = 60
#: Entries before a change, and how far off the named place may be.
BEFORE = 30
OFF = 1

NOISES: dict[str, Noise] = {
    "normal": lambda rng, n: SIGMA * rng.standard_normal(n),
    "t3": lambda rng, n: SIGMA * rng.standard_t(3, n),
}


@dataclass(frozen=True)
class Goal:
    """A change of so much must be named within so many entries."""

    change: float
    within: int
    share: float


#: The second is stated for noise with a standard deviation of 0.6 %, so for normal noise.
FIVE_PERCENT = Goal(0.05, 3, 0.98)
TWO_PERCENT = Goal(0.02, 5, 0.95)
FALSE_ALARMS = 0.05


def false_alarms(noise: str, series: int, *, seed: int = 1) -> int:
    """Count unchanged series that raise any alarm at any of their appends."""
    rng = np.random.default_rng(seed)
    return sum(_alarms(NOISES[noise](rng, APPENDS), SMALLEST_SERIES) for _ in range(series))


def named(noise: str, goal: Goal, series: int, *, seed: int = 2) -> tuple[int, int]:
    """Count series whose change is named in time, and those of them with its place right too."""
    rng = np.random.default_rng(seed)
    found = placed = 0
    for _ in range(series):
        logs = NOISES[noise](rng, BEFORE + goal.within)
        logs[BEFORE:] += math.log1p(goal.change)
        places = [p for n in range(BEFORE + 1, len(logs) + 1) for p in _cuts(logs[:n])]
        found += any(p >= BEFORE - 3 for p in places)
        placed += any(abs(p - BEFORE) <= OFF for p in places)
    return found, placed


def _alarms(logs: Floats, first: int) -> bool:
    return any(_cuts(logs[:n]) for n in range(first, len(logs) + 1))


def _cuts(logs: Floats) -> list[int]:
    return change_points(logs, np.full(len(logs), SIGMA))


def report(series: int) -> list[str]:
    """One line per noise and goal, with counts."""
    lines = []
    for noise in NOISES:
        alarms = false_alarms(noise, series)
        lines.append(f"{noise}: {alarms} of {series} unchanged series raised an alarm")
        for goal in (FIVE_PERCENT, TWO_PERCENT):
            found, placed = named(noise, goal, series)
            lines.append(
                f"{noise}: {goal.change:+.0%} named within {goal.within} in {found} of {series},"
                f" within ±{OFF} of its place in {placed}"
            )
    return lines


if __name__ == "__main__":
    sys.stdout.write("\n".join(report(int((sys.argv[1:] or ["300"])[0]))) + "\n")
