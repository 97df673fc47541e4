"""Whether the order inside rounds was really random: the reason why the test is exact."""

from __future__ import annotations

import math

import numpy as np

from bench.model import Plan
from bench.session.schedule import is_control
from bench.stats.samples import Sample, Samples

#: A scheduler that tosses its coins is called a fraud once in this many runs.
ALPHA = 1e-4


def order_reasons(plan: Plan, samples: Samples) -> tuple[str, ...]:
    """The sentence that makes a run unfit in which one arm came first too often.

    In each round every other arm stands before or after the baseline with equal chance. Rounds of
    one position for both say nothing.
    """
    baselines = {
        cell.group: sample
        for (cell, arm), sample in samples.items()
        if arm == "variant" and is_control(plan, cell)
    }
    counts = {
        key: _before_and_after(baselines[key[0].group], sample)
        for key, sample in samples.items()
        if key[0].group in baselines and sample is not baselines[key[0].group]
    }
    for (cell, arm), (before, after) in counts.items():
        if len(counts) * two_sided_coin(min(before, after), before + after) < ALPHA:
            return (
                f"the order of {cell.function} {cell.variant} ({arm}) was not random: it ran before"
                f" the baseline in {before} of {before + after} rounds",
            )
    return ()


def _before_and_after(baseline: Sample, other: Sample) -> tuple[int, int]:
    ours, theirs = baseline.positions, other.positions
    first, second = np.array(ours.values), np.array(theirs.values)
    if ours.rounds != theirs.rounds:
        _, left, right = np.intersect1d(
            ours.rounds, theirs.rounds, assume_unique=True, return_indices=True
        )
        first, second = first[left], second[right]
    return int((second < first).sum()), int((second > first).sum())


def two_sided_coin(fewer: int, tosses: int) -> float:
    """Two-sided p that a fair coin of so many tosses shows one side as seldom as this."""
    ways = sum(math.comb(tosses, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / (1 << tosses))
