"""The control with a known answer: two programs of ours, one of which does 2 % more work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.judgement import Control
from bench.model import PRIMARY, Cell, KnownShift, Plan
from bench.stats.intervals import smallest_sample
from bench.stats.paired import Estimate, estimates
from bench.stats.samples import Pairs, Samples, pair
from bench.stats.sequential import Design, look

#: A control with fewer rounds than an interval of this confidence needs is not judged.
LEAST_CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftCheck:
    """What became of the known shift: nothing at all where a run has none."""

    controls: tuple[Control, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def known_shift(plan: Plan, samples: Samples, design: Design, *, confidence: float) -> ShiftCheck:
    """Whether the run recovers the shift: its interval must hold the true ratio.

    An interval that holds 1 as well is no fault of the harness: so few rounds, or so noisy ones,
    cannot show 2 %. Then the control is not judged, and says so. Nor is one of so few rounds that
    no interval has the confidence: it would call sound runs unfit more often than is promised.
    """
    shift = plan.known_shift
    if shift is None:
        return ShiftCheck()
    arms = samples.get((shift.baseline, "variant")), samples.get((shift.shifted, "variant"))
    pairs = pair(*arms, PRIMARY)
    (seen,) = look([pairs], design)
    if seen is None:
        return ShiftCheck(reasons=("the known-shift control gave no complete round",))
    (result,) = at_most([_first(pairs, seen.n)], confidence)
    return _check(shift, result, enough=result.n >= smallest_sample(confidence))


def _first(pairs: Pairs, count: int) -> Pairs:
    return Pairs(baseline=pairs.baseline[:count], candidate=pairs.candidate[:count])


def _check(shift: KnownShift, result: Estimate, *, enough: bool) -> ShiftCheck:
    low, high = result.low or 0.0, result.high or float("inf")
    recovered, found = not enough or low <= shift.ratio <= high, enough and low > 1
    made = control("known-shift", shift.shifted, PRIMARY, result, ok=recovered)
    made = replace(made, expected=shift.ratio, judged=found or not recovered)
    if not recovered:
        return ShiftCheck(controls=(made,), reasons=(_words(made, "was not recovered"),))
    if not found:
        return ShiftCheck(controls=(made,), warnings=(_words(made, "was not judged"),))
    return ShiftCheck(controls=(made,))


def _words(made: Control, what: str) -> str:
    why = "" if made.judged else ": so few or noisy rounds cannot show it"
    return (
        f"the known shift of {(made.expected - 1) * 100:+.1f} % {what}{why};"
        f" {(made.ratio - 1) * 100:+.2f} % [{(made.low - 1) * 100:+.2f},"
        f" {(made.high - 1) * 100:+.2f}] over {made.n} rounds"
    )


def at_most(many: Sequence[Pairs], confidence: float) -> list[Estimate]:
    """Estimates at this confidence, or at the highest that so few rounds allow.

    Raises:
        ValueError: one of them has no round.
    """
    by_confidence: dict[float, list[int]] = {}
    for index, pairs in enumerate(many):
        attainable = 1 - 2.0 ** (1 - len(pairs.baseline))
        by_confidence.setdefault(min(confidence, attainable), []).append(index)
    results: dict[int, Estimate] = {}
    for level, indices in by_confidence.items():
        for index, found in zip(
            indices, estimates([many[i] for i in indices], confidence=level), strict=True
        ):
            if found is None:
                raise ValueError("a control needs at least one round")
            results[index] = found
    return [results[index] for index in range(len(many))]


def control(
    kind: Literal["aa", "known-shift"], cell: Cell, metric: str, result: Estimate, *, ok: bool
) -> Control:
    """An estimate as a control; without an interval, its ends are the ratio itself."""
    low, high = result.low, result.high
    return Control(
        kind=kind,
        function=cell.function,
        variant=cell.variant,
        memory_mb=cell.memory_mb,
        event=cell.event,
        metric=metric,
        ratio=result.ratio,
        low=result.ratio if low is None else low,
        high=result.ratio if high is None else high,
        n=result.n,
        ok=ok,
    )
