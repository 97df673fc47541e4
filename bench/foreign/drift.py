"""How much the times of one unchanged program moved while it alone was being measured.

That is what the machine does by itself, and the only thing in a file of blocks that tells how large
a difference between two blocks may be without any difference between the programs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Fewer values have no parts whose medians mean anything.
SMALLEST = 12
_FIFTHS_FROM = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One block of times, looked at in its own order. Shares are relative: 0.03 is 3 %."""

    #: Median of the last third against that of the first.
    trend: float
    #: Largest against smallest median of successive fifths (thirds of a short block).
    wander: float
    #: Spearman's rank correlation of time and order, and its two-sided p (normal approximation).
    correlation: float
    p: float
    #: How far neighbours resemble each other: the correlation of ranks at lag 1.
    persistence: float
    #: The first time as a multiple of the median of the others.
    first: float

    @property
    def unrest(self) -> float:
        """By how much two blocks of one program could well differ here."""
        return max(abs(self.trend), self.wander)


def estimate(times_s: Sequence[float]) -> Drift | None:
    """Estimate the drift of one block; None for fewer than :data:`SMALLEST` values or zeros."""
    values = np.asarray(times_s, dtype=np.float64)
    n = len(values)
    if n < SMALLEST or float(values.min()) <= 0:
        return None
    third = n // 3
    head, tail = np.median(values[:third]), np.median(values[-third:])
    parts = np.array_split(values, 5 if n >= _FIFTHS_FROM else 3)
    medians = [float(np.median(part)) for part in parts]
    ranks = _ranks(values)
    correlation = _correlation(ranks, np.arange(n, dtype=np.float64))
    return Drift(
        trend=float(tail / head) - 1,
        wander=max(medians) / min(medians) - 1,
        correlation=correlation,
        p=math.erfc(abs(correlation) * math.sqrt((n - 1) / 2)),
        persistence=_correlation(ranks[:-1], ranks[1:]),
        first=float(values[0] / np.median(values[1:])),
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 0, equal values sharing the mean of theirs."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    result: NDArray[np.float64] = middle[places]
    return result


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    left, right = first - first.mean(), second - second.mean()
    spread = math.sqrt(float(left @ left) * float(right @ right))
    return float(left @ right) / spread if spread else 0.0
