"""Every variant against the baseline of its group, on paired rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.judgement import Comparison, Verdict
from bench.model import PRIMARY, Cell, Plan
from bench.stats.paired import Estimate
from bench.stats.samples import Sample, Samples, pair
from bench.stats.sequential import Design, look, rounds_to_settle
from bench.stats.stopping_bias import unbiased
from bench.stats.verdicts import benjamini_hochberg, holm, is_off_cpu_change, word
from bench.subjects import COMPARED_METRICS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    baseline: Cell
    candidate: Cell
    metric: str
    estimate: Estimate | None
    why_not: tuple[str, ...]


def baseline_cell(cell: Cell, plan: Plan) -> Cell | None:
    """The planned cell that ``cell`` is compared with; None for a baseline or without one."""
    variant = plan.baselines.get(cell.function)
    if variant is None or variant == cell.variant:
        return None
    baseline = replace(cell, variant=variant)
    return baseline if baseline in plan.cells else None


def comparisons(plan: Plan, samples: Samples, design: Design) -> tuple[Comparison, ...]:
    """All planned comparisons in the order of the plan, each of the metrics that are compared.

    Each is as of its last look, by the margins of the plan; intervals hold at all looks together.
    ``p_adjusted`` is Holm's over the primary metric of all cells (what a gate needs), and
    Benjamini-Hochberg's over all the secondary metrics, which never gate.
    """
    rows = _rows(plan, samples, design)
    adjusted = _adjusted([(row.metric == plan.primary, row.estimate) for row in rows])
    walls = {row.candidate: row.estimate for row in rows if row.metric == "cold_total"}
    found = []
    for row, p_adjusted in zip(rows, adjusted, strict=True):
        margin = plan.margin_of(row.metric)
        verdict = _verdict(row, walls.get(row.candidate), margin, plan.margin_of("cold_total"))
        found.append(_comparison(row, verdict, p_adjusted, design, margin))
    return tuple(found)


def _rows(plan: Plan, samples: Samples, design: Design) -> list[_Row]:
    wanted = []
    for cell in dict.fromkeys(plan.cells):
        baseline = baseline_cell(cell, plan)
        if baseline is None:
            continue
        arms = samples.get((baseline, "variant")), samples.get((cell, "variant"))
        why_not = _why_not(*arms)
        for metric in COMPARED_METRICS:
            pairs = pair(*arms, metric)
            if metric == plan.primary or len(pairs.baseline):
                wanted.append((baseline, cell, metric, why_not, pairs))
    results = look([pairs for *_, pairs in wanted], design)
    return [
        _Row(
            baseline=b,
            candidate=c,
            metric=m,
            # Rounds end by this metric, so by it alone estimates are exaggerated.
            estimate=unbiased(result, design) if result and m == plan.primary else result,
            why_not=w,
        )
        for (b, c, m, w, _), result in zip(wanted, results, strict=True)
    ]


def _why_not(baseline: Sample | None, candidate: Sample | None) -> tuple[str, ...]:
    empty = [
        name
        for name, sample in (("baseline", baseline), ("candidate", candidate))
        if sample is None or not sample.rounds
    ]
    if empty:
        return (f"the {' and the '.join(empty)} gave no valid trial",)
    return ("no round in which both gave this metric",)


def _adjusted(rows: Sequence[tuple[bool, Estimate | None]]) -> list[float | None]:
    result: list[float | None] = [None] * len(rows)
    for primary, adjust in ((True, holm), (False, benjamini_hochberg)):
        family = [
            (index, estimate.p)
            for index, (is_primary, estimate) in enumerate(rows)
            if is_primary is primary and estimate is not None
        ]
        adjusted = adjust([p for _, p in family])
        for (index, _), value in zip(family, adjusted, strict=True):
            result[index] = value
    return result


def _verdict(row: _Row, wall: Estimate | None, margin: float, wall_margin: float) -> Verdict:
    if row.estimate is None:
        return "incomparable"
    is_primary = row.metric == PRIMARY
    if is_primary and wall and is_off_cpu_change(wall, row.estimate, margin, wall_margin):
        return "off-CPU change"
    return word(row.estimate.low, row.estimate.high, margin)


def _comparison(
    row: _Row, verdict: Verdict, p_adjusted: float | None, design: Design, margin: float
) -> Comparison:
    known = row.estimate
    warnings = row.why_not if known is None else known.warnings
    if known and known.low is None and not warnings:
        warnings = (*warnings, f"{_complete(known.n)} too few for an interval")
    return Comparison(
        function=row.candidate.function,
        baseline=row.baseline.variant,
        candidate=row.candidate.variant,
        memory_mb=row.candidate.memory_mb,
        event=row.candidate.event,
        page_cache=row.candidate.page_cache,
        metric=row.metric,
        kind="measured",
        n=known.n if known else 0,
        ratio=known.ratio if known else None,
        low=known.low if known else None,
        high=known.high if known else None,
        confidence=design.confidence,
        p=known.p if known else None,
        p_adjusted=p_adjusted,
        verdict=verdict,
        smallest_detectable=known.smallest_detectable if known else None,
        warnings=warnings,
        looks=design.count,
        rounds_to_settle=rounds_to_settle(known, margin) if known else None,
        sign_low=known.sign[0] if known and known.sign else None,
        sign_high=known.sign[1] if known and known.sign else None,
    )


def _complete(rounds: int) -> str:
    return "1 complete round is" if rounds == 1 else f"{rounds} complete rounds are"
