"""What a run is held to: rules on speed and size, and the exit code that follows.

A gate fails for what it was asked to fail for, and for everything that keeps it from knowing: a
missing baseline, a lost cell, too few rounds, an unfit or incomplete run, a record that is not the
one that was sealed. What passes has been measured and was found to be within the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from bench.errors import (
    EXIT_INCOMPARABLE,
    EXIT_INCONCLUSIVE,
    EXIT_OK,
    EXIT_REGRESSION,
    BuildError,
    Interrupted,
    MeasurementError,
)
from bench.judgement import Comparison, Gate, GateFinding, Judgement, RunVerdict
from bench.model import WALL, Demands, Plan, Record
from bench.rules import Rule, parse_rule
from bench.stats.losses import LOST_ROUNDS_MAX
from bench.stats.threshold import Excess, excesses
from bench.subjects import Artifact
from bench.units import format_bytes, format_change

#: The exact metrics that ``larger`` looks at.
EXACT_METRICS = ("zip_bytes", "unpacked_bytes", "binary_bytes")
#: What a gate asks for without being told.
_ALWAYS = "complete"

NO_COUNTERPART = "has no counterpart in the other revision"

_CODES: dict[str, int] = {
    "failed": MeasurementError.exit_code,
    "regression": EXIT_REGRESSION,
    "incomparable": EXIT_INCOMPARABLE,
    "inconclusive": EXIT_INCONCLUSIVE,
}


def gated(record: Record, judgement: Judgement, demands: Demands, *, margin: float) -> Judgement:
    """Hold a judged run to demands; without rules, only a comparison of revisions is held to one.

    That one is ``slower`` by more than ``margin``; a smoke run claims nothing, and is held to it
    by nobody. A regression becomes the verdict of the run.

    Raises:
        UsageError: a demand that is no rule.
    """
    if not demands.fail_on and (not record.revisions or record.plan.smoke):
        return judgement
    if not record.plan.cells:
        # Nothing was measured because no package differs: there is no harness to distrust.
        judgement = replace(judgement, fit=True, fit_reasons=())
    held = [parse_rule(text) for text in demands.fail_on] or [Rule(kind="slower")]
    findings = (
        *_completeness(record, judgement, allow_missing=demands.allow_missing),
        *(f for rule in held for f in _findings(rule, record, judgement, margin)),
    )
    gate = Gate(
        rules=tuple(rule.text for rule in held),
        strict=demands.strict,
        verdict=_verdict(record, judgement, findings),
        exit_code=_code(record, judgement, findings, strict=demands.strict),
        findings=findings,
    )
    return replace(judgement, gate=gate, verdict=gate.verdict)


def exit_code(record: Record, judgement: Judgement, *, strict: bool) -> int:
    """Choose the code of the worst thing that happened: nothing built comes before nothing known.

    With a gate it is the gate's. Otherwise a build that failed is 3; an interrupted run 130; an
    unfit run or a measured cell without one valid trial 4; then a regression 1, an incomparable
    run 6 and, with ``strict``, 5 for any undecided comparison and for a run in which nothing was
    compared.
    """
    if judgement.gate is not None:
        return judgement.gate.exit_code
    if record.failed_builds:
        return BuildError.exit_code
    if not record.complete:
        return Interrupted.exit_code
    if not judgement.fit or _empty_cells(record, judgement):
        return MeasurementError.exit_code
    if judgement.verdict == "regression":
        return EXIT_REGRESSION
    if judgement.verdict == "incomparable":
        return EXIT_INCOMPARABLE
    if strict and not record.plan.smoke and _undecided(judgement):
        return EXIT_INCONCLUSIVE
    return EXIT_OK


def _empty_cells(record: Record, judgement: Judgement) -> bool:
    planned = set(record.plan.cells)
    return any(summary.cell in planned and not summary.n for summary in judgement.cells)


def _undecided(judgement: Judgement) -> bool:
    return judgement.verdict == "inconclusive" or any(
        comparison.metric == judgement.primary and comparison.verdict == "inconclusive"
        for comparison in judgement.comparisons
    )


def _code(
    record: Record, judgement: Judgement, findings: Sequence[GateFinding], *, strict: bool
) -> int:
    if record.failed_builds:
        return BuildError.exit_code
    if record.plan.cells and not judgement.fit:
        return MeasurementError.exit_code
    states = {finding.state for finding in findings}
    for state in ("failed", "regression", "incomparable"):
        if state in states:
            return _CODES[state]
    return EXIT_INCONCLUSIVE if strict and "inconclusive" in states else EXIT_OK


def _verdict(record: Record, judgement: Judgement, findings: Sequence[GateFinding]) -> RunVerdict:
    """The run's word after the gate; an unfit run and a smoke run stay what they are."""
    states = {finding.state for finding in findings}
    if record.plan.cells and not judgement.fit:
        return "unfit"
    if record.plan.smoke:
        return "inconclusive"
    if "regression" in states:
        return "regression"
    if "failed" in states or "incomparable" in states:
        return "incomparable"
    return "inconclusive" if "inconclusive" in states else "no regression"


def _completeness(
    record: Record, judgement: Judgement, *, allow_missing: bool
) -> Iterator[GateFinding]:
    """What keeps any gate from knowing, whatever its rules."""
    if record.plan.cells and not record.sealed:
        yield _note("failed", "the trials are not proved to be all that the run recorded")
    if not record.complete:
        yield _note("failed", "the run was interrupted before its last planned round")
    if record.plan.smoke:
        yield _note("incomparable", "a smoke run has too few rounds to be held to anything")
    for build in record.failed_builds:
        yield _note("failed", "the build failed", build.function, build.variant)
    for function, variant in record.unpaired.items():
        if not allow_missing:
            yield _note("incomparable", NO_COUNTERPART, function, variant)
    for function, reason in record.incomparable.items():
        # Both sides have it, so nothing is missing that could be allowed to.
        yield _note("incomparable", f"cannot be compared: {reason}", function)
    for summary in judgement.cells:
        cell = summary.cell
        if cell not in record.plan.cells or (summary.n and not summary.failures):
            continue
        where = f"event {cell.event}, {cell.memory_mb} MB"
        failed = f"{summary.failures} trials failed" if summary.failures else "no valid trial"
        yield _note("failed", f"{failed} ({where})", cell.function, cell.variant)


def _note(
    state: Literal["failed", "incomparable"], message: str, function: str = "", variant: str = ""
) -> GateFinding:
    return GateFinding(
        rule=_ALWAYS,
        state=state,
        function=function,
        candidate=variant,
        metric="",
        message=message,
    )


def _findings(
    rule: Rule, record: Record, judgement: Judgement, margin: float
) -> Iterator[GateFinding]:
    if rule.kind == "larger":
        return _larger(rule, record)
    return _slower(rule, record, judgement, margin)


def _slower(
    rule: Rule, record: Record, judgement: Judgement, margin: float
) -> Iterator[GateFinding]:
    """Every comparison of the primary metric that is not known to stay within the rule."""
    share = margin if rule.share is None else rule.share
    compared = [c for c in judgement.comparisons if c.metric == judgement.primary]
    if not compared and (record.plan.cells or not record.revisions):
        yield replace(_note("incomparable", "nothing was compared with a baseline"), rule=rule.text)
    found = excesses(record, compared, 1 + share, judgement.confidence)
    walls = {c.cell: c for c in judgement.comparisons if c.metric == WALL}
    for comparison, excess in zip(compared, found, strict=True):
        finding = _speed(rule, comparison, walls.get(comparison.cell), excess, record)
        if finding is not None:
            yield finding


def _speed(
    rule: Rule, comparison: Comparison, wall: Comparison | None, excess: Excess, record: Record
) -> GateFinding | None:
    """What one comparison means; None when its interval is wholly within the rule."""
    known = comparison.low is not None and comparison.verdict != "incomparable"
    if not known:
        reasons = "; ".join(comparison.warnings) or "no interval"
        return _finding(rule, comparison, "incomparable", reasons)
    if excess == "above":
        return _finding(rule, comparison, "regression", "slower")
    if _stopped_short(record.plan, comparison):
        words = f"only {comparison.n} of {record.plan.rounds} planned rounds"
        return _finding(rule, comparison, "incomparable", words)
    if comparison.verdict == "off-CPU change" and not _is_faster(wall):
        words = "wall time changed and CPU time did not: look at what it waits for"
        return _finding(rule, comparison, "inconclusive", words)
    return _finding(rule, comparison, "inconclusive", "undecided") if excess == "unknown" else None


def _is_faster(comparison: Comparison | None) -> bool:
    return comparison is not None and comparison.high is not None and comparison.high < 1


def _stopped_short(plan: Plan, comparison: Comparison) -> bool:
    """Whether a comparison lacks rounds that neither a decision nor the budget took away.

    A session lets go of a comparison only at a look, and only when it is decided.
    """
    if plan.budget_s is not None or comparison.n >= int(plan.rounds * (1 - LOST_ROUNDS_MAX)):
        return False
    undecided = comparison.verdict in ("inconclusive", "small change")
    return undecided or comparison.n not in plan.looks


def _finding(
    rule: Rule,
    comparison: Comparison,
    state: Literal["regression", "incomparable", "inconclusive"],
    words: str,
) -> GateFinding:
    change = ""
    if comparison.ratio is not None:
        change = f" {format_change(comparison.ratio)}"
        if comparison.low is not None and comparison.high is not None:
            change += f" [{format_change(comparison.low)}, {format_change(comparison.high)}]"
    where = f"event {comparison.event}, {comparison.memory_mb} MB"
    return GateFinding(
        rule=rule.text,
        state=state,
        function=comparison.function,
        candidate=comparison.candidate,
        metric=comparison.metric,
        message=f"{words}:{change} CPU time of the cold total ({where})"
        if change
        else f"{words} ({where})",
        ratio=comparison.ratio,
        low=comparison.low,
        high=comparison.high,
        cell=comparison.cell,
    )


def _larger(rule: Rule, record: Record) -> Iterator[GateFinding]:
    """Every package that outgrew its baseline's; bytes are exact, so there is no doubt."""
    built = {(a.function, a.variant): a for a in record.artifacts}
    for (function, variant), artifact in built.items():
        baseline = record.plan.baselines.get(function)
        if variant == baseline or function in record.unpaired:
            continue
        known = built.get((function, baseline)) if baseline else None
        if known is None:
            message = "there is no package of the baseline to compare with"
            yield replace(_note("incomparable", message, function, variant), rule=rule.text)
            continue
        yield from _growth(rule, known, artifact)


def _growth(rule: Rule, baseline: Artifact, artifact: Artifact) -> Iterator[GateFinding]:
    for metric in EXACT_METRICS:
        before, after = getattr(baseline, metric), getattr(artifact, metric)
        if after <= before * (1 + (rule.share or 0.0)):
            continue
        ratio = after / before if before else None
        change = f" ({format_change(ratio)})" if ratio else ""
        yield GateFinding(
            rule=rule.text,
            state="regression",
            function=artifact.function,
            candidate=artifact.variant,
            metric=metric,
            message=f"larger: {metric.removesuffix('_bytes')} grew from {format_bytes(before)} to"
            f" {format_bytes(after)}{change}",
            ratio=ratio,
        )
