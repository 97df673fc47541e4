"""Medians with order-statistic intervals, and tails where the sample is large enough.

An order-statistic interval assumes nothing about the shape of the distribution: how many of ``n``
samples lie below the true median is binomial with p = 1/2, so two ranks bound it exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from bench.judgement import Kind, Summary

#: A tail quantile is stated only if at least this many samples are expected beyond it, so that
#: one outlier cannot be the quantile: p90 needs n >= 20, p99 needs n >= 200.
BEYOND_QUANTILE = 2


@lru_cache(maxsize=4096)
def median_rank(n: int, confidence: float) -> int | None:
    """The rank ``r`` (from 1) for which [r-th smallest, r-th largest] covers the median.

    Its coverage is ``1 - 2 P(Binomial(n, 1/2) < r)``, at least ``confidence``; the largest such
    rank is returned, None if even the extremes of ``n`` samples do not cover (n < 8 at 99 %).
    """
    # Integers: exact for any n, where a float sum of tiny tail terms would not be.
    allowed = (1 - confidence) / 2 * (1 + 1e-12)
    ways, term, rank = 0, 1, 0
    while rank < n and (ways + term) / (1 << n) <= allowed:
        ways += term
        rank += 1
        term = term * (n - rank + 1) // rank
    return rank or None


def smallest_sample(confidence: float) -> int:
    """The fewest samples whose range covers the median at ``confidence`` (8 at 99 %)."""
    return math.ceil(1 - math.log2(1 - confidence) - 1e-12)


def median(ordered: Sequence[int]) -> int:
    """The middle of a sorted sample, or the mean of the middle two, as a whole number."""
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) // 2


def tail(ordered: Sequence[int], quantile: float) -> int | None:
    """The nearest-rank quantile of a sorted sample, None by :data:`BEYOND_QUANTILE`."""
    n = len(ordered)
    if n * (1 - quantile) < BEYOND_QUANTILE - 1e-9:
        return None
    return ordered[math.ceil(quantile * n - 1e-9) - 1]


def summarise(
    values: Sequence[int], *, unit: str, confidence: float, kind: Kind = "measured"
) -> Summary:
    """Describe one metric of one cell.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("a summary needs at least one value")
    ordered = sorted(values)
    rank = median_rank(len(ordered), confidence)
    return Summary(
        unit="bytes" if unit == "bytes" else "ns",
        kind=kind,
        n=len(ordered),
        median=median(ordered),
        low=None if rank is None else ordered[rank - 1],
        high=None if rank is None else ordered[-rank],
        p90=tail(ordered, 0.90),
        p99=tail(ordered, 0.99),
    )
