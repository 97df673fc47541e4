"""Whether a run can be trusted: its A/A controls and the rounds it lost.

A 99 % interval excludes the truth once in a hundred, so among thirty controls one would do so in
a quarter of all runs. The error of declaring a sound run unfit is therefore held over the whole
run: half of it is spent on the single controls (Holm), half on all A/A rounds pooled, which sees
a bias that every group shares and none shows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.model import Cell, Control, Plan, Record
from bench.stats.intervals import smallest_sample
from bench.stats.paired import Estimate, estimate
from bench.stats.samples import PRIMARY, Pairs, Sample, Samples, never_worked, pair
from bench.stats.scores import NORMAL_FROM, Floats, normal_p, scores, sign_flip_p
from bench.stats.verdicts import holm

#: More than this share of the judged rounds lost to the harness makes a run unfit.
LOST_ROUNDS_MAX = 0.01
_ZERO = np.zeros(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """The controls of a run and, if it is unfit, the sentences that say why."""

    controls: tuple[Control, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def fitness(record: Record, samples: Samples, confidence: float) -> Fitness:
    """Judge the harness, not the functions: A/A controls, their pool, and lost rounds.

    The primary metric decides. An A/A difference in wall time alone is a warning, since wall
    times under a quota also carry the phase of the period.
    """
    alpha = (1 - confidence) / 2
    baselines = _baselines(record.plan)
    primary = _controls(baselines, samples, PRIMARY, confidence)
    wall = _controls(baselines, samples, "cold_total", confidence)
    reasons = [_difference(c) for c in primary if not c.ok]
    pooled = _pooled_reason([p for _, p in _aa_pairs(baselines, samples, PRIMARY)], alpha)
    lost = _lost_reason(record, samples)
    return Fitness(
        controls=(*primary, *wall),
        reasons=(*reasons, *pooled, *lost),
        warnings=tuple(_difference(control) for control in wall if not control.ok),
    )


def _baselines(plan: Plan) -> list[Cell]:
    return [
        cell
        for cell in dict.fromkeys(plan.cells)
        if plan.baselines.get(cell.function) == cell.variant
    ]


def _aa_pairs(
    baselines: Sequence[Cell], samples: Samples, metric: str
) -> Iterator[tuple[Cell, Pairs]]:
    for cell in baselines:
        pairs = pair(samples.get((cell, "variant")), samples.get((cell, "aa")), metric)
        if len(pairs.baseline):
            yield cell, pairs


def _controls(
    baselines: Sequence[Cell], samples: Samples, metric: str, confidence: float
) -> list[Control]:
    judged = [
        (cell, pairs)
        for cell, pairs in _aa_pairs(baselines, samples, metric)
        if len(pairs.baseline) >= smallest_sample(confidence)
    ]
    if not judged:
        return []
    alpha = (1 - confidence) / 2
    family = 1 - alpha / len(judged)
    results = [(cell, _at_most(pairs, family)) for cell, pairs in judged]
    adjusted = holm([result.p for _, result in results])
    return [
        _control(cell, metric, result, ok=p > alpha)
        for (cell, result), p in zip(results, adjusted, strict=True)
    ]


def _at_most(pairs: Pairs, confidence: float) -> Estimate:
    """The estimate at the family's confidence, or at the highest that so few rounds allow."""
    attainable = 1 - 2.0 ** (1 - len(pairs.baseline))
    result = estimate(pairs, confidence=min(confidence, attainable))
    if result is None:
        raise ValueError("a control needs at least one round")
    return result


def _control(cell: Cell, metric: str, result: Estimate, *, ok: bool) -> Control:
    low, high = result.low, result.high
    return Control(
        kind="aa",
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


def _difference(control: Control) -> str:
    return (
        f"A/A control of {control.function} {control.variant} at {control.memory_mb} MB, event"
        f" {control.event}: two stagings of the same package differ in {control.metric} by"
        f" {(control.ratio - 1) * 100:+.2f} % [{(control.low - 1) * 100:+.2f},"
        f" {(control.high - 1) * 100:+.2f}] over {control.n} rounds"
    )


def pooled_p(groups: Sequence[Floats]) -> float:
    """Two-sided p that no group's log ratios have a common shift; each on its own scale."""
    parts = [scores(group[None, :], _ZERO)[0] for group in groups]
    pool = np.concatenate(parts) if parts else _ZERO
    if len(pool) < NORMAL_FROM:
        return sign_flip_p(pool)
    spread = float(np.sqrt(pool @ pool))
    return normal_p(float(pool.sum()) / spread) if spread else 1.0


def _pooled_reason(groups: Sequence[Pairs], alpha: float) -> tuple[str, ...]:
    rows = [pairs.log_ratios for pairs in groups]
    p = pooled_p(rows)
    if p > alpha:
        return ()
    middle = float(np.median(np.concatenate(rows)))
    return (
        f"all A/A rounds together ({sum(map(len, rows))}) lean one way: the second staging of the"
        f" same packages differs by {np.expm1(middle) * 100:+.2f} % (median, p = {p:.2g})",
    )


def _lost_reason(record: Record, samples: Samples) -> tuple[str, ...]:
    lost, expected = lost_rounds(record, samples)
    if lost <= LOST_ROUNDS_MAX * expected:
        return ()
    return (
        f"{lost} of {expected} judged trials were lost to the harness"
        f" (more than {LOST_ROUNDS_MAX:.0%})",
    )


def lost_rounds(record: Record, samples: Samples) -> tuple[int, int]:
    """How many trials the harness lost, of how many it owed.

    An arm owes one trial in each round that its group began; the last round of an interrupted
    run is forgiven. A function's own failures are trials like any other, and a cell that never
    worked owes nothing: the session gives it up after its first trials.
    """
    failed_builds = {(build.function, build.variant) for build in record.failed_builds}
    broken = never_worked(record.trials)
    groups: dict[object, list[Sample]] = {}
    absent: dict[object, int] = {}
    for cell in dict.fromkeys(record.plan.cells):
        if cell in broken or (cell.function, cell.variant) in failed_builds:
            continue
        baseline = record.plan.baselines.get(cell.function) == cell.variant
        for arm in ("variant", "aa") if baseline else ("variant",):
            sample = samples.get((cell, "aa" if arm == "aa" else "variant"))
            if sample is not None:
                groups.setdefault(cell.group, []).append(sample)
            elif record.complete:
                absent[cell.group] = absent.get(cell.group, 0) + 1
    lost = expected = 0
    for group, arms in groups.items():
        owed = set[int]().union(*(_rounds(sample) for sample in arms))
        if not record.complete:
            owed.discard(max(owed))
        present = [_rounds(s) - s.lost_rounds for s in arms]
        lost += sum(len(owed - rounds) for rounds in present) + absent.get(group, 0) * len(owed)
        expected += (len(arms) + absent.get(group, 0)) * len(owed)
    return lost, expected


def _rounds(sample: Sample) -> set[int]:
    return set(sample.rounds | sample.failed_rounds | sample.lost_rounds)


def uncontrolled(cells: Sequence[Cell], controls: Sequence[Control]) -> tuple[str, ...]:
    """A reason for each group that gave comparisons without a judged A/A control."""
    controlled = {(c.function, c.memory_mb, c.event) for c in controls if c.metric == PRIMARY}
    groups = dict.fromkeys(replace(cell, variant="") for cell in cells)
    return tuple(
        f"{cell.function} at {cell.memory_mb} MB, event {cell.event} was compared without an A/A"
        " control"
        for cell in groups
        if (cell.function, cell.memory_mb, cell.event) not in controlled
    )
