"""Whether a run can be trusted: its controls, the rounds it lost, its clocks and its order.

A 99 % interval excludes the truth once in a hundred, so among thirty controls one would do so in a
quarter of all runs. The error of declaring a sound run unfit, one in a hundred whatever confidence
is asked of verdicts, is therefore held over the whole run: a third of it is spent on the single A/A
controls (Holm), a third on all A/A rounds pooled, which sees a bias that every group shares and
none shows alone, and a third on the known shift. Each is split over the looks too, since how many
rounds a control gets depends on what was seen at them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.judgement import Control
from bench.model import WALL, Cell, Plan, Record
from bench.session.schedule import is_control
from bench.stats.clocks import clock_reasons
from bench.stats.intervals import smallest_sample
from bench.stats.known_shift import LEAST_CONFIDENCE, at_most, control, known_shift
from bench.stats.losses import lost_reason
from bench.stats.order import order_reasons
from bench.stats.samples import Pairs, Samples, pair
from bench.stats.scores import NORMAL_FROM, Floats, normal_p, scores, sign_flip_p
from bench.stats.sequential import Design
from bench.stats.verdicts import holm

#: How often a sound run may be called unfit, whatever confidence its verdicts have, and into how
#: many parts that is split: single A/A controls, their pool, the known shift.
_ALPHA, _PARTS = 0.01, 3
_ZERO = np.zeros(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """The controls of a run and, if it is unfit, the sentences that say why."""

    controls: tuple[Control, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def fitness(record: Record, samples: Samples, design: Design) -> Fitness:
    """Judge the harness, not the functions: controls, the A/A pool, lost rounds, clocks, order.

    The primary metric decides. An A/A difference in wall time alone is a warning, since wall
    times under a quota also carry the phase of the period.
    """
    alpha = error_of_a_part(design)
    baselines = _baselines(record.plan)
    metric = record.plan.primary
    primary = _controls(baselines, samples, metric, alpha)
    wall = [] if metric == WALL else _controls(baselines, samples, WALL, alpha)
    shift = known_shift(record.plan, samples, design, confidence=1 - alpha)
    reasons = [_difference(c) for c in primary if not c.ok]
    pooled = _pooled_reason([p for _, p in _aa_pairs(baselines, samples, metric)], alpha)
    return Fitness(
        controls=(*primary, *wall, *shift.controls),
        reasons=(
            *reasons,
            *pooled,
            *shift.reasons,
            *lost_reason(record, samples),
            *clock_reasons(record, samples),
            *order_reasons(record.plan, samples),
        ),
        warnings=(*(_difference(control) for control in wall if not control.ok), *shift.warnings),
    )


def error_of_a_part(design: Design) -> float:
    """The error of one part of the controls at one look."""
    return _ALPHA / _PARTS / design.count


def _baselines(plan: Plan) -> list[Cell]:
    return [cell for cell in dict.fromkeys(plan.every_cell) if is_control(plan, cell)]


def _aa_pairs(
    baselines: Sequence[Cell], samples: Samples, metric: str
) -> Iterator[tuple[Cell, Pairs]]:
    for cell in baselines:
        pairs = pair(samples.get((cell, "variant")), samples.get((cell, "aa")), metric)
        if len(pairs.baseline):
            yield cell, pairs


def _controls(
    baselines: Sequence[Cell], samples: Samples, metric: str, alpha: float
) -> list[Control]:
    judged = [
        (cell, pairs)
        for cell, pairs in _aa_pairs(baselines, samples, metric)
        if len(pairs.baseline) >= smallest_sample(LEAST_CONFIDENCE)
    ]
    if not judged:
        return []
    results = at_most([pairs for _, pairs in judged], 1 - alpha / len(judged))
    adjusted = holm([result.p for result in results])
    return [
        control("aa", cell, metric, result, ok=p > alpha)
        for (cell, _), result, p in zip(judged, results, adjusted, strict=True)
    ]


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


def uncontrolled(
    cells: Sequence[Cell], controls: Sequence[Control], metric: str
) -> tuple[str, ...]:
    """A reason for each group that gave comparisons without a judged A/A control."""
    controlled = {(c.function, c.memory_mb, c.event) for c in controls if c.metric == metric}
    groups = dict.fromkeys(replace(cell, variant="") for cell in cells)
    return tuple(
        f"{cell.function} at {cell.memory_mb} MB, event {cell.event} was compared without an A/A"
        " control"
        for cell in groups
        if (cell.function, cell.memory_mb, cell.event) not in controlled
    )
