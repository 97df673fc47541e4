"""The sequential paired test: looks at fixed numbers of rounds that share one error.

A design is fixed before the first sample. At each look the score test and its interval are taken at
the confidence ``1 - alpha / looks``, so by Bonferroni's inequality all of them hold together, and a
run may stop at any of them for any reason. The p value is ``looks x`` the smallest so far.

A run with one planned look that was interrupted has no look left that was fixed beforehand, so it
is judged by the e-process of :mod:`bench.stats.anytime`; a run with several looks, by those it
reached.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.judgement import Verdict
from bench.model import Plan, Record
from bench.stats.anytime import anytime_p, confidence_sequence
from bench.stats.paired import Estimate, estimates
from bench.stats.samples import Pairs
from bench.stats.scores import p_values
from bench.stats.threshold import thresholds
from bench.stats.verdicts import word

#: What is not worth saying: more rounds than this would not be measured by anybody.
_SETTLE_MAX = 100_000
SETTLED: frozenset[Verdict] = frozenset(("faster", "slower", "same"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """When a run lets go of a comparison: its interval is clear of the margin on either side.

    ``confidence`` is that of all looks together, ``thresholds`` are ratios that the interval must
    be clear of, too.
    """

    margin: float
    confidence: float
    thresholds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """How a comparison is looked at.

    ``final``: no more rounds come, so a comparison between two looks is looked at where it is, in
    place of its next look. ``anytime``: the e-process instead of looks. ``stop``: what rounds ended
    by, if not by their number alone.
    """

    looks: tuple[int, ...]
    confidence: float
    final: bool = True
    anytime: bool = False
    stop: StopRule | None = None

    @property
    def count(self) -> int:
        """How many looks share the error."""
        return max(1, len(self.looks))

    @property
    def per_look(self) -> float:
        """The confidence of each look."""
        return self.at_each_look(self.confidence)

    def at_each_look(self, confidence: float) -> float:
        """What each look needs for all of them to have this confidence together."""
        return 1 - (1 - confidence) / self.count

    def rounds(self, n: int) -> tuple[int, ...]:
        """The numbers of rounds at which ``n`` complete ones are looked at, the last one last."""
        if not self.looks:
            return (n,) if n else ()
        reached = tuple(look for look in self.looks if look <= n)
        between = n > (reached[-1] if reached else 0) and n < self.looks[-1]
        return (*reached, n) if self.final and between else reached

    def next_look(self, n: int) -> int | None:
        """The first look after ``n`` rounds; None after the last."""
        return next((look for look in self.looks if look > n), None)


def design(record: Record, confidence: float) -> Design:
    """The looks of a recorded run, at a confidence that need not be the planned one."""
    plan = record.plan
    resumed = any(t.guards.get("session") for t in record.trials[-1:])
    peeked = len(plan.looks) == 1 and (not record.complete or resumed)
    return Design(
        looks=plan.looks,
        confidence=confidence,
        final=record.complete,
        anytime=peeked,
        stop=StopRule(
            margin=plan.margin_of(plan.primary),
            confidence=plan.confidence,
            thresholds=thresholds(record),
        ),
    )


def planned_design(plan: Plan) -> Design:
    """The looks of a run that goes on."""
    return Design(looks=plan.looks, confidence=plan.confidence, final=False)


def look(many: Sequence[Pairs], how: Design) -> list[Estimate | None]:
    """Compare each pair of arms at its last look; None without a common round.

    Estimates carry the p value over all looks, and ``n`` the rounds of the last one. Before the
    first look there is a ratio and no more.
    """
    if how.anytime:
        return [_anytime(pairs, how) for pairs in many]
    looked = [how.rounds(len(pairs.baseline)) for pairs in many]
    last = [_first(pairs, at[-1]) if at else pairs for pairs, at in zip(many, looked, strict=True)]
    results = zip(
        estimates(last, confidence=how.per_look), _smallest_p(many, looked), looked, strict=True
    )
    return [
        None
        if result is None
        else replace(result, p=min(1.0, how.count * p))
        if at
        else _unlooked(result, how)
        for result, p, at in results
    ]


def _unlooked(result: Estimate, how: Design) -> Estimate:
    return replace(
        result,
        low=None,
        high=None,
        p=1.0,
        sign=None,
        bootstrap=None,
        warnings=(
            f"the run was interrupted after {result.n} complete rounds, before its first look at"
            f" {how.looks[0]}: go on with `coldbench run --resume`",
        ),
    )


def _first(pairs: Pairs, count: int) -> Pairs:
    return Pairs(baseline=pairs.baseline[:count], candidate=pairs.candidate[:count])


def _smallest_p(many: Sequence[Pairs], looked: Sequence[tuple[int, ...]]) -> list[float]:
    """The smallest p of each comparison over its looks; those of one look are taken in one go."""
    rows = [pairs.log_ratios for pairs in many]
    smallest = [1.0] * len(many)
    for rounds in sorted({n for at in looked for n in at}):
        indices = [i for i, at in enumerate(looked) if rounds in at]
        found = p_values(np.array([rows[i][:rounds] for i in indices]))
        for index, p in zip(indices, found, strict=True):
            smallest[index] = min(smallest[index], p)
    return smallest


def _anytime(pairs: Pairs, how: Design) -> Estimate | None:
    (plain,) = estimates([pairs], confidence=how.confidence)
    if plain is None:
        return None
    row = pairs.log_ratios
    ends = confidence_sequence(row, math.log(plain.ratio), how.confidence)
    low, high = (None, None) if ends is None else (math.exp(ends[0]), math.exp(ends[1]))
    return replace(
        plain, low=low, high=high, p=anytime_p(row), sign=None, bootstrap=None, warnings=()
    )


def rounds_to_settle(result: Estimate, margin: float) -> int | None:
    """About how many more rounds would make an undecided interval clear of the margin.

    Its width falls with the root of the rounds, so ``n (width / gap)^2`` are needed, where the gap
    is the distance of the estimate from the nearer end of the margin. None where it is decided,
    unknown, or out of reach.
    """
    if result.low is None or result.high is None:
        return None
    if word(result.low, result.high, margin) in SETTLED:
        return None
    effect, edge = abs(math.log(result.ratio)), math.log1p(margin)
    half = math.log(result.high / result.low) / 2
    gap = abs(effect - edge)
    if half >= gap * math.sqrt(_SETTLE_MAX / result.n):
        return None
    return max(1, math.ceil(result.n * (half / gap) ** 2) - result.n)
