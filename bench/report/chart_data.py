"""What a chart shows, as data: so that words can say the same, and without a plotting library."""

from __future__ import annotations

from dataclasses import dataclass

from bench.judgement import Summary
from bench.report.findings import Conditions, Findings
from bench.report.measures import number
from bench.units import duration_scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One row of a chart: all measured cold totals of one cell, and the medians of its phases."""

    variant: str
    event: str
    memory_mb: int
    samples_ns: tuple[int, ...]
    cold_total: Summary
    init: Summary | None
    first_invoke: Summary | None


def strips(findings: Findings, function: str) -> tuple[Strip, ...]:
    """List the rows of a chart: each cell of the main tables that has measured trials."""
    found = (
        _strip(findings, conditions, variant)
        for conditions in findings.conditions(function)
        for variant in findings.variants(function)
    )
    return tuple(strip for strip in found if strip is not None)


def charted_functions(findings: Findings) -> tuple[str, ...]:
    """List the functions with at least one measured cold total."""
    return tuple(function for function in findings.functions() if strips(findings, function))


def alt_text(findings: Findings, function: str) -> str:
    """Say what the chart shows: the median, interval and n of every row."""
    rows = strips(findings, function)
    scale = duration_scale([strip.cold_total.median for strip in rows])
    events = {strip.event for strip in rows}
    parts = []
    for strip in rows:
        total = strip.cold_total
        label = strip.variant if len(events) == 1 else f"{strip.variant} ({strip.event})"
        interval = ""
        if total.low is not None and total.high is not None:
            interval = f" [{number(total.low, scale)}, {number(total.high, scale)}]"
        parts.append(f"{label} {number(total.median, scale)}{interval}, n = {total.n}")
    return f"Cold total of {function} in {scale[0]}, medians: {'; '.join(parts)}"


def _strip(findings: Findings, conditions: Conditions, variant: str) -> Strip | None:
    cell = conditions.cell(variant, findings.headline_memory_mb(conditions))
    found = findings.summaries.get(cell)
    samples = found.samples.get("cold_total", ()) if found else ()
    if found is None or not samples or "cold_total" not in found.metrics:
        return None
    event = conditions.event
    if len({c.page_cache for c in findings.conditions(conditions.function)}) > 1:
        event = f"{event}, {conditions.page_cache}"
    return Strip(
        variant=variant,
        event=event,
        memory_mb=cell.memory_mb,
        samples_ns=samples,
        cold_total=found.metrics["cold_total"],
        init=found.metrics.get("init"),
        first_invoke=found.metrics.get("first_invoke"),
    )
