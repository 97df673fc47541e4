"""What the files of other tools have in common: named series of times, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tool = Literal["hyperfine", "pytest-benchmark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One command or benchmark; times in seconds, in the order in which they were taken."""

    name: str
    #: What it is set beside: a file of hyperfine is one group.
    group: str
    #: None where the file has only summaries.
    times_s: tuple[float, ...] | None
    mean_s: float
    median_s: float
    #: How many of the runs ended with an exit code other than 0.
    failures: int = 0
    #: How many calls each time is the mean of.
    iterations: int = 1
    #: How many times there were, which a file with summaries may say too.
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignFile:
    """A file of another tool; ``run`` names the run of ours that it was exported from, if any."""

    tool: Tool
    series: tuple[Series, ...]
    run: str | None = None
