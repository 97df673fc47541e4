"""A record in, a judgement out: the same record always gives the same judgement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.judgement import CellSummary, Comparison, Judgement, RunVerdict
from bench.model import Plan, Record
from bench.stats.break_even import break_evens
from bench.stats.caveats import model_warnings, run_warnings
from bench.stats.cells import measured_cell
from bench.stats.comparisons import comparisons
from bench.stats.controls import Fitness, fitness, uncontrolled
from bench.stats.drift import median_ratio, one_sided
from bench.stats.expected import expected_totals
from bench.stats.modelled import model_checks, modelled_cells
from bench.stats.samples import collect, failed_trials
from bench.stats.sequential import design

_UNDECIDED = ("inconclusive", "incomparable")


def judge(
    record: Record, *, confidence: float | None = None, margin: float | None = None
) -> Judgement:
    """Summaries, comparisons, controls and the run's verdict from stored trials.

    ``confidence`` holds for each interval, ``margin`` is the relative change of the primary metric,
    and of all without a margin of their own, that matters; None is what the run was planned with.
    The looks are the plan's in any case, so that another margin or confidence has the error rate
    that it says, and so is what the run stopped by, which its estimates are corrected for.

    An unfit run keeps its ratios and intervals but every comparison is `incomparable`; a smoke
    run is always `inconclusive`. Variants of one run are alternatives, so a slower one is a
    finding and never a regression: a gate over revisions decides about those.
    """
    confidence = record.plan.confidence if confidence is None else confidence
    how = design(record, confidence)
    record = replace(record, plan=_as_asked(record.plan, confidence, margin))
    plan = record.plan
    samples = collect(record.trials)
    failures = failed_trials(record.trials)
    measured = {
        cell: measured_cell(cell, samples, failures, confidence)
        for cell in dict.fromkeys(plan.cells)
    }
    checks = model_checks(plan, samples)
    cells = (*measured.values(), *modelled_cells(plan, measured, confidence))
    compared = comparisons(plan, samples, how)
    fit = _fitness(record, compared, fitness(record, samples, how))
    compared = tuple(_withhold(c, plan, fit.reasons) for c in compared)
    return Judgement(
        cells=cells,
        comparisons=compared,
        controls=fit.controls,
        expected=expected_totals(record.functions, cells, plan),
        break_evens=break_evens(record.functions, cells, samples, plan, confidence),
        model_checks=checks,
        fit=not fit.reasons,
        fit_reasons=fit.reasons,
        verdict=_run_verdict(plan, compared, tuple(measured.values()), fit.reasons),
        confidence=confidence,
        primary=plan.primary,
        margin=plan.margin_of(plan.primary),
        warnings=(
            *_cell_warnings(measured.values()),
            *fit.warnings,
            *one_sided(compared, plan.primary),
            *run_warnings(record),
            *model_warnings(checks),
        ),
        median_ratio=median_ratio(compared, plan.primary),
    )


def _as_asked(plan: Plan, confidence: float, margin: float | None) -> Plan:
    if margin is None:
        return replace(plan, confidence=confidence)
    others = {metric: own for metric, own in plan.margins.items() if metric != plan.primary}
    return replace(plan, confidence=confidence, margin=margin, margins=others)


def _fitness(record: Record, compared: Sequence[Comparison], found: Fitness) -> Fitness:
    """Add what only the comparisons can tell; a smoke run is too short for any control."""
    if record.plan.smoke:
        return replace(found, reasons=())
    decided = [c.cell for c in compared if c.metric == record.plan.primary and c.low is not None]
    without = uncontrolled(decided, found.controls, record.plan.primary)
    return replace(found, reasons=(*found.reasons, *without))


def _withhold(comparison: Comparison, plan: Plan, reasons: Sequence[str]) -> Comparison:
    """Take back the verdict of a run that must not give one; the figures stay."""
    if reasons:
        warnings = (*comparison.warnings, "run unfit: no verdict")
        return replace(comparison, verdict="incomparable", warnings=warnings)
    if plan.smoke and comparison.verdict != "incomparable":
        warnings = (*comparison.warnings, "smoke run: no verdict")
        return replace(comparison, verdict="inconclusive", warnings=warnings)
    return comparison


def _run_verdict(
    plan: Plan,
    compared: Sequence[Comparison],
    measured: Sequence[CellSummary],
    reasons: Sequence[str],
) -> RunVerdict:
    if reasons:
        return "unfit"
    if not any(summary.n for summary in measured):
        return "incomparable"
    if plan.smoke:
        return "inconclusive"
    verdicts = [c.verdict for c in compared if c.metric == plan.primary]
    if verdicts and all(verdict == "incomparable" for verdict in verdicts):
        return "incomparable"
    if all(verdict in _UNDECIDED for verdict in verdicts):
        return "inconclusive"
    return "no regression"


def _cell_warnings(measured: Iterable[CellSummary]) -> tuple[str, ...]:
    """Name the cells that nothing is known of; those that failed speak for themselves."""
    return tuple(
        f"{cell.function} {cell.variant} at {cell.memory_mb} MB, event {cell.event}: no valid trial"
        for summary in measured
        for cell in (summary.cell,)
        if not summary.n and not summary.failures
    )
