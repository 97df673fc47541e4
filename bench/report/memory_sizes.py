"""Cold total and its price per memory size, and when a lazy import pays."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cost.price import (
    REGION,
    Architecture,
    architecture_of,
    usd_per_million_cold_starts,
)
from bench.judgement import BreakEven, Comparison, ModelCheck, Summary
from bench.model import Cell
from bench.report.document import Code, Column, Entry, Paragraph, Row, Section, Table, Text
from bench.report.findings import Conditions, Findings
from bench.report.measures import (
    Scale,
    number,
    percentage,
    ratio_number,
    ratio_words,
    scale_of,
    summary_entry,
)
from bench.units import duration_scale, format_change


def section(findings: Findings) -> Section | None:
    """One table per function; None for a run without a single summary."""
    functions = [f for f in findings.functions() if findings.memory_sizes_mb(f)]
    if not functions:
        return None
    architecture = None if findings.in_cloud else architecture_of(findings.machine())
    cloud = ("Median cold total; everything is measured.",)
    legend = Paragraph(
        text=cloud
        if findings.in_cloud
        else (
            "Median cold total, and below it the price of a million cold starts in USD (on demand,"
            f" {architecture}, {REGION}, requests included). ~ is modelled: the unthrottled CPU"
            " timeline put through Lambda's CPU quota; everything else is measured.",
        ),
        tone="quiet",
    )
    tables = (_table(findings, function, architecture) for function in functions)
    return Section(title="Memory sizes", blocks=(legend, *tables))


def _table(findings: Findings, function: str, architecture: Architecture | None) -> Table:
    sizes = findings.memory_sizes_mb(function)
    conditions = findings.conditions(function)
    lines = [
        (c, variant)
        for c in conditions
        for variant in findings.variants(function)
        if any(_cold_total(findings, c.cell(variant, size)) for size in sizes)
    ]
    columns = {
        size: [_cold_total(findings, c.cell(variant, size)) for c, variant in lines]
        for size in sizes
    }
    scale = scale_of((s for column in columns.values() for s in column if s), widest=True)
    rows = []
    for position, (c, variant) in enumerate(lines):
        label = (Entry(text=(variant,)), Entry(text=(_event(c, conditions),)))
        values = (_entry(columns[size][position], scale, size, architecture) for size in sizes)
        rows.append(Row(entries=(*label, *values)))
    return Table(
        title=(Code(function), f", cold total in {scale[0]}"),
        columns=(
            Column(title="variant", align="left"),
            Column(title="event", align="left"),
            *(Column(title=f"{size} MB", unit=_origin(columns[size])) for size in sizes),
        ),
        rows=tuple(rows),
        notes=(
            *(_other_size(c) for c in _other_sizes(findings, function)),
            *_model_notes(findings, function),
            *_break_evens(findings, function),
        ),
    )


def _cold_total(findings: Findings, cell: Cell) -> Summary | None:
    return findings.summary(cell, "cold_total")


def _origin(column: list[Summary | None]) -> str:
    """Where a whole column comes from; empty when its entries differ and say so themselves."""
    kinds = {summary.kind for summary in column if summary}
    return kinds.pop() if len(kinds) == 1 else ""


def _event(conditions: Conditions, all_conditions: tuple[Conditions, ...]) -> str:
    if len({c.page_cache for c in all_conditions}) == 1:
        return conditions.event
    return f"{conditions.event}, {conditions.page_cache}"


def _entry(
    summary: Summary | None, scale: Scale, memory_mb: int, architecture: Architecture | None
) -> Entry:
    shown = summary_entry(summary, scale, interval=False)
    if summary is None or architecture is None:
        return shown
    price = usd_per_million_cold_starts(summary.median, memory_mb, architecture)
    return Entry(text=shown.text, detail=(f"${price:.2f}",), modelled=shown.modelled)


def _other_sizes(findings: Findings, function: str) -> list[Comparison]:
    """Comparisons at memory sizes that have no main table."""
    return [
        comparison
        for comparison in findings.judgement.comparisons
        if findings.gives_verdicts
        and comparison.function == function
        and comparison.metric == findings.primary
        and comparison.memory_mb
        != findings.headline_memory_mb(
            Conditions(function=function, event=comparison.event, page_cache=comparison.page_cache)
        )
    ]


def _other_size(comparison: Comparison) -> Text:
    measure = "CPU, " if comparison.metric.startswith("cpu_") else ""
    return (
        f"at {comparison.memory_mb} MB, event ",
        Code(comparison.event),
        ": ",
        Code(comparison.candidate),
        f" {comparison.verdict} {ratio_words(comparison)} ({measure}n = {comparison.n})",
    )


def _model_notes(findings: Findings, function: str) -> tuple[Text, ...]:
    checks = [c for c in findings.judgement.model_checks if c.cell.function == function]
    if not checks:
        return ()
    sizes = sorted({check.cell.memory_mb for check in checks})
    parts = (_deviation([c for c in checks if c.cell.memory_mb == size]) for size in sizes)
    note = "Model against measured first invokes of the same rounds: " + "; ".join(parts)
    if any(check.cpu_ratio is not None for check in checks):
        note += ". CPU × is how much more CPU time throttled work took, which is not modelled."
    return ((note,),)


def _deviation(checks: list[ModelCheck]) -> str:
    """How far the model was off at one memory size: one check in full, several as a range."""
    size = f"{checks[0].cell.memory_mb} MB"
    if len(checks) == 1:
        check = checks[0]
        scale = duration_scale([check.measured_ns])
        return (
            f"{size} {format_change(1 + check.deviation)} ({number(check.modelled_ns, scale)} for"
            f" {number(check.measured_ns, scale)} {scale[0]}, n = {check.n}{_cpu_ratio(checks)})"
        )
    worst = sorted(check.deviation for check in checks)
    fewest = min(check.n for check in checks)
    return (
        f"{size} {format_change(1 + worst[0])} to {format_change(1 + worst[-1])}"
        f" ({len(checks)} cells, n ≥ {fewest}{_cpu_ratio(checks)})"
    )


def _cpu_ratio(checks: list[ModelCheck]) -> str:
    known = sorted(check.cpu_ratio for check in checks if check.cpu_ratio is not None)
    if not known:
        return ""
    least, most = ratio_number(known[0]), ratio_number(known[-1])
    return f", CPU ×{least}" if least == most else f", CPU ×{least} to ×{most}"


def _break_evens(findings: Findings, function: str) -> Iterator[Text]:
    """Give one sentence per memory size, with the events where there are several pairs.

    It is advice, so there is none where nothing is claimed.
    """
    if not findings.gives_verdicts:
        return
    found = [even for even in findings.judgement.break_evens if even.function == function]
    several = len({(even.used_event, even.unused_event) for even in found}) > 1
    for even in found:
        pair = (f" (events {even.used_event} and {even.unused_event})",) if several else ()
        yield (*_sentence(even), *pair)


def _sentence(even: BreakEven) -> Text:
    """Say what to do at one memory size, in words that need no table."""
    where = f"at {even.memory_mb} MB "
    origin = " (modelled)" if even.kind == "modelled" else ""
    lazy = Code(even.lazy)
    return (where, lazy, f" {_advice(even)}{origin}")


def _advice(even: BreakEven) -> str:
    """Say always and never only where the whole interval does."""
    need = f"need {even.library}"
    if even.low is None or even.high is None:
        low = high = even.probability
        medians = ", by the medians alone: there are too few trials for an interval"
    else:
        low, high, medians = even.low, even.high, ""
    if high <= 0:
        return f"never pays, however few events {need}{medians}"
    if low >= 1:
        return f"always pays, even if every event needs {even.library}{medians}"
    if low <= 0 and high >= 1:
        return f"may or may not pay, whatever share of events needs {even.library}: noise decides"
    if even.probability <= 0:
        return f"hardly pays: at most if fewer than {percentage(high)} of events {need}"
    if even.probability >= 1:
        share = percentage(low)
        return f"pays if fewer than {share} of events {need}; above, noise hides the difference"
    ends = percentage(low), percentage(high)
    span = f" (between {ends[0]} and {ends[1]})" if ends[0] != ends[1] else ""
    share = percentage(even.probability)
    return f"pays only if fewer than {share}{span} of events {need}{medians}"
