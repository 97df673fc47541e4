"""Whether ratios are beyond a threshold, held over all comparisons of a run.

The score test of :mod:`bench.stats.scores` about ``log(threshold)`` instead of 0, its p values
adjusted by Holm over the primary metric of all cells, after Bonferroni over the looks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.judgement import Comparison
from bench.model import Record
from bench.rules import parse_rule
from bench.stats.samples import collect, pair
from bench.stats.scores import Floats, p_value
from bench.stats.verdicts import holm

Excess = Literal["above", "below", "unknown"]


@dataclass(frozen=True, slots=True)
class Seen:
    """A comparison as of its last look: log ratios, interval, and how many looks there are."""

    log_ratios: Floats
    low: float | None
    high: float | None
    looks: int


def thresholds(record: Record) -> tuple[float, ...]:
    """The ratios above which the gate that a run was started with fails; see :mod:`bench.gate`."""
    margin = record.plan.margin_of(record.plan.primary)
    rules = record.demands.fail_on or (("slower",) if record.revisions else ())
    shares = [rule.share for text in rules if (rule := parse_rule(text)).kind == "slower"]
    return tuple(1 + (margin if share is None else share) for share in shares)


def excesses(
    record: Record, comparisons: Sequence[Comparison], threshold: float, confidence: float
) -> list[Excess]:
    """For each comparison: whether its ratio is above ``threshold``, not above it, or not known.

    ``above`` holds for all comparisons together at ``confidence`` (family-wise); ``below`` is the
    interval of the single comparison.
    """
    samples = collect(record.trials)
    seen = []
    for comparison in comparisons:
        cell = comparison.cell
        baseline = samples.get((replace(cell, variant=comparison.baseline), "variant"))
        rows = pair(baseline, samples.get((cell, "variant")), comparison.metric).log_ratios
        rows = rows[: comparison.n]
        seen.append(Seen(rows, comparison.low, comparison.high, comparison.looks))
    return excesses_of(seen, threshold, confidence)


def excesses_of(seen: Sequence[Seen], threshold: float, confidence: float) -> list[Excess]:
    """What :func:`excesses` says, of comparisons that need not have been judged yet."""
    adjusted = holm([_p(one, threshold) for one in seen])
    return [
        _excess(one, p, threshold, 1 - confidence) for one, p in zip(seen, adjusted, strict=True)
    ]


def _p(seen: Seen, threshold: float) -> float:
    if seen.low is None or seen.low <= threshold or not len(seen.log_ratios):
        return 1.0
    return min(1.0, seen.looks * p_value(seen.log_ratios - math.log(threshold)))


def _excess(seen: Seen, p: float, threshold: float, alpha: float) -> Excess:
    if seen.low is None or seen.high is None:
        return "unknown"
    if seen.low > threshold and p <= alpha:
        return "above"
    return "below" if seen.high <= threshold else "unknown"
