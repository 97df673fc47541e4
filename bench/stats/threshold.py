"""Whether ratios are beyond a threshold, held over all comparisons of a run.

The score test of :mod:`bench.stats.scores` about ``log(threshold)`` instead of 0, its p values
adjusted by Holm over the primary metric of all cells, after Bonferroni over the looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from bench.model import Cell, Comparison, Record
from bench.stats.samples import collect, pair
from bench.stats.scores import p_value
from bench.stats.verdicts import holm

Excess = Literal["above", "below", "unknown"]


def excesses(
    record: Record, comparisons: Sequence[Comparison], threshold: float, confidence: float
) -> list[Excess]:
    """For each comparison: whether its ratio is above ``threshold``, not above it, or not known.

    ``above`` holds for all comparisons together at ``confidence`` (family-wise); ``below`` is the
    interval of the single comparison.
    """
    samples = collect(record.trials)
    p_values = []
    for comparison in comparisons:
        cell = Cell(
            function=comparison.function,
            variant=comparison.candidate,
            memory_mb=comparison.memory_mb,
            event=comparison.event,
            page_cache=comparison.page_cache,
        )
        baseline = samples.get((replace(cell, variant=comparison.baseline), "variant"))
        rows = pair(baseline, samples.get((cell, "variant")), comparison.metric).log_ratios
        looked_at = rows[: comparison.n]
        higher = comparison.low is not None and comparison.low > threshold
        if higher and len(looked_at):
            p = p_value(looked_at - math.log(threshold))
            p_values.append(min(1.0, comparison.looks * p))
        else:
            p_values.append(1.0)
    adjusted = holm(p_values)
    return [
        _excess(comparison, p, threshold, 1 - confidence)
        for comparison, p in zip(comparisons, adjusted, strict=True)
    ]


def _excess(comparison: Comparison, p: float, threshold: float, alpha: float) -> Excess:
    if comparison.low is None or comparison.high is None:
        return "unknown"
    if comparison.low > threshold and p <= alpha:
        return "above"
    return "below" if comparison.high <= threshold else "unknown"
