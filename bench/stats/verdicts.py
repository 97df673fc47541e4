"""From an interval to a word, and p values over many comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from bench.judgement import Verdict
from bench.stats.paired import Estimate


def word(low: float | None, high: float | None, margin: float) -> Verdict:
    """The verdict on an interval of a ratio for a practical margin such as 0.01.

    The margin is symmetric in the ratio's logarithm: ``1 / (1 + margin)`` to ``1 + margin``, so
    that swapping the arms swaps ``faster`` and ``slower``.
    """
    if low is None or high is None:
        return "inconclusive"
    lower, upper = 1 / (1 + margin), 1 + margin
    if high < lower:
        return "faster"
    if low > upper:
        return "slower"
    if lower <= low and high <= upper:
        return "same"
    if low > 1 or high < 1:
        return "small change"
    return "inconclusive"


def is_off_cpu_change(
    wall: Estimate, cpu: Estimate, margin: float, wall_margin: float | None = None
) -> bool:
    """Whether wall time moved beyond the margin and CPU time did not move with it.

    CPU time that is merely uncertain does not count: its interval must exclude the wall's.
    """
    if None in (wall.low, wall.high, cpu.low, cpu.high):
        return False
    moved = word(wall.low, wall.high, margin if wall_margin is None else wall_margin)
    if word(cpu.low, cpu.high, margin) in ("faster", "slower"):
        return False
    if moved == "slower":
        return (cpu.high or 0.0) < (wall.low or 0.0)
    return moved == "faster" and (cpu.low or 0.0) > (wall.high or 0.0)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values that hold the family-wise error (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p values that hold the false discovery rate (1995), in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    adjusted = [0.0] * len(p_values)
    smallest = 1.0
    for place, index in enumerate(order):
        rank = len(p_values) - place
        smallest = min(smallest, len(p_values) / rank * p_values[index])
        adjusted[index] = smallest
    return adjusted
