"""The expected first response: which variant answers soonest over a function's mix of events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.judgement import ExpectedTotal
from bench.report.document import Code, Column, Entry, Paragraph, Row, Section, Table, Text
from bench.report.findings import Findings
from bench.report.measures import Scale, number, percentage
from bench.units import duration_scale, format_change, format_duration


def section(findings: Findings) -> Section | None:
    """One table per function with a mix of events; None where no event has a weight."""
    totals = findings.judgement.expected
    functions = dict.fromkeys(total.function for total in totals)
    if not functions:
        return None
    mark = "; the best of each memory size is marked ←" if findings.gives_verdicts else ""
    legend = Paragraph(
        text=(
            "Expected cold total over the mix of events: each event's median times its share of"
            " the traffic. ~ is modelled. Below it the interval, from the ends of the events'"
            f" intervals{mark}.",
        ),
        tone="quiet",
    )
    tables = (
        _table(_told(findings, function), findings.baseline(function)) for function in functions
    )
    return Section(title="Expected first response", blocks=(legend, *tables))


def _told(findings: Findings, function: str) -> list[ExpectedTotal]:
    """The totals of a function; where nothing is claimed none is the best, and none a trap."""
    totals = [total for total in findings.judgement.expected if total.function == function]
    if findings.gives_verdicts:
        return totals
    return [replace(total, best=False, deceptive=False) for total in totals]


def _table(totals: list[ExpectedTotal], baseline: str | None) -> Table:
    sizes = sorted({total.memory_mb for total in totals})
    scale = duration_scale([min(total.expected_ns for total in totals)])
    known = {(t.variant, t.page_cache, t.memory_mb): t for t in totals}
    states = {total.page_cache for total in totals}
    rows = []
    for variant, page_cache in dict.fromkeys((t.variant, t.page_cache) for t in totals):
        label = variant if len(states) == 1 else f"{variant}, {page_cache}"
        entries = (_entry(known.get((variant, page_cache, size)), scale) for size in sizes)
        rows.append(Row(entries=(Entry(text=(label,)), *entries)))
    mix = ", ".join(f"{event} {percentage(share)}" for event, share in totals[0].shares.items())
    return Table(
        title=(Code(totals[0].function), f", events: {mix}; expected cold total in {scale[0]}"),
        columns=(
            Column(title="variant", align="left"),
            *(Column(title=f"{size} MB") for size in sizes),
        ),
        rows=tuple(rows),
        notes=tuple(_notes(totals, baseline)),
    )


def _entry(total: ExpectedTotal | None, scale: Scale) -> Entry:
    if total is None:
        return Entry(text=("–",), tone="quiet")
    mark = " ←" if total.best else ""
    low, high = total.low_ns, total.high_ns
    return Entry(
        text=(f"{number(total.expected_ns, scale)}{mark}",),
        interval=(number(low, scale), number(high, scale))
        if low is not None and high is not None
        else None,
        modelled=total.kind == "modelled",
        tone="good" if total.best else "plain",
    )


def _notes(totals: list[ExpectedTotal], baseline: str | None) -> Iterator[Text]:
    for best in (total for total in totals if total.best):
        yield _best(best, _rivals(best, totals))
    for total in totals:
        references = [t for t in _same_size(total, totals) if t.variant == baseline]
        if total.deceptive and references:
            yield _deception(total, references[0])


def _same_size(one: ExpectedTotal, totals: list[ExpectedTotal]) -> list[ExpectedTotal]:
    return [
        total
        for total in totals
        if (total.memory_mb, total.page_cache) == (one.memory_mb, one.page_cache)
        and total is not one
    ]


def _rivals(best: ExpectedTotal, totals: list[ExpectedTotal]) -> list[ExpectedTotal]:
    """Other variants at the same size whose intervals overlap that of the best."""
    return [
        total
        for total in _same_size(best, totals)
        if total.low_ns is None or best.high_ns is None or total.low_ns <= best.high_ns
    ]


def _best(best: ExpectedTotal, rivals: list[ExpectedTotal]) -> Text:
    where = f"at {best.memory_mb} MB "
    told = f" answers soonest, after {format_duration(best.expected_ns)} on average"
    if not rivals:
        return (where, Code(best.variant), told)
    names = tuple(part for rival in rivals for part in (", ", Code(rival.variant)))[1:]
    return (where, Code(best.variant), f"{told}; not told apart from ", *names)


def _deception(total: ExpectedTotal, reference: ExpectedTotal) -> Text:
    """Call out a variant that dashboards praise and users wait for."""
    init = format_change(total.init_ns / reference.init_ns)
    response = format_change(total.expected_ns / reference.expected_ns)
    return (
        f"at {total.memory_mb} MB ",
        Code(total.variant),
        f" makes Init Duration look better ({init}) and the expected first response worse"
        f" ({response}) than ",
        Code(reference.variant),
        ": do not judge it by Init Duration",
    )
