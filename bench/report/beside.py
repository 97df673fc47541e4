"""Two runs of the same cells side by side: how far the local model is from real Lambda."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.judgement import Comparison, Judgement, Summary
from bench.model import WALL, Cell, Record
from bench.report import html, markdown, text
from bench.report.document import (
    Code,
    Column,
    Document,
    Entry,
    Paragraph,
    Row,
    Section,
    Table,
    with_code,
)
from bench.report.findings import Findings
from bench.report.measures import (
    interval_words,
    number,
    ratio_words,
    scale_of,
    summary_entry,
)

_METRICS = (("init", "init"), ("first_invoke", "first invoke"), ("cold_total", "cold total"))
FORMATS = ("text", "markdown", "html")
#: Value, low, high.
_Interval: TypeAlias = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One comparison that both runs made, and the second's ratio over the first's."""

    ours: Comparison
    theirs: Comparison
    quotient: _Interval

    @property
    def agrees(self) -> bool:
        return self.quotient[1] <= 1 <= self.quotient[2]


def render(
    first: tuple[Record, Judgement],
    second: tuple[Record, Judgement],
    format: str,  # noqa: A002 - the option's name
    *,
    width: int,
    colour: bool,
) -> str:
    """One table per function and metric with both medians and their ratio, in one of FORMATS."""
    document = compose(Findings.of(*first), Findings.of(*second))
    if format == "markdown":
        return markdown.render(document)
    if format == "html":
        return html.render(document, charts={})
    return text.render(document, width=width, colour=colour)


def compose(first: Findings, second: Findings) -> Document:
    """The comparison as a document; cells that only one run has are left out."""
    shared = [cell for cell in first.record.plan.cells if _both(first, second, cell)]
    functions = list(dict.fromkeys(cell.function for cell in shared))
    tables = tuple(
        _table(first, second, [c for c in shared if c.function == f], f, metric, title)
        for f in functions
        for metric, title in _METRICS
    )
    legend = Paragraph(
        text=(
            "Medians with their intervals. × is the second run over the first; its interval is"
            " that of two independent medians (their logarithmic half-widths in quadrature).",
        ),
        tone="quiet",
    )
    names = (_name(first), ", ", _name(second))
    changes = _changes(first, second)
    return Document(
        verdict="side by side",
        headline=(f"{len(shared)} cells that both runs have: ", *names),
        tone="plain",
        preamble=_caveats(first, second),
        sections=(
            *((_changes_section(first, second, changes),) if changes else ()),
            Section(title="Side by side", blocks=(legend, *tables)),
        ),
    )


def _changes(first: Findings, second: Findings) -> list[_Change]:
    """The comparisons with an interval that both runs made, by the metric that both have."""
    metric = _shared_metric(first, second)
    theirs = {_subject(c): c for c in _compared(second, metric)}
    found = []
    for ours in _compared(first, metric):
        other = theirs.get(_subject(ours))
        intervals = _interval(ours), other and _interval(other)
        if other and intervals[0] and intervals[1]:
            found.append(
                _Change(ours=ours, theirs=other, quotient=_over(intervals[0], intervals[1]))
            )
    return found


def _short_names(first: Findings, second: Findings) -> tuple[str, str]:
    """What columns are headed with; the headline has the names in full."""
    names = first.record.backend, second.record.backend
    return names if names[0] != names[1] else ("first", "second")


def _shared_metric(first: Findings, second: Findings) -> str:
    """The primary metric of both, or what Lambda tells, too, where one run was there."""
    return first.primary if first.primary == second.primary else WALL


def _compared(findings: Findings, metric: str) -> list[Comparison]:
    return [c for c in findings.judgement.comparisons if c.metric == metric]


def _subject(comparison: Comparison) -> tuple[str | int, ...]:
    c = comparison
    return c.function, c.baseline, c.candidate, c.event, c.page_cache, c.memory_mb


def _interval(comparison: Comparison) -> _Interval | None:
    if not comparison.ratio or not comparison.low or not comparison.high:
        return None
    return comparison.ratio, comparison.low, comparison.high


def _changes_section(first: Findings, second: Findings, changes: Sequence[_Change]) -> Section:
    sound = first.gives_verdicts and second.gives_verdicts
    table = Table(
        title=("Change against the baseline",),
        columns=(
            Column(title="function", align="left"),
            Column(title="variant", align="left"),
            Column(title="event", align="left"),
            Column(title="memory", unit="MB"),
            *(Column(title=name) for name in _short_names(first, second)),
            Column(title="second ÷ first"),
            Column(title="", align="left"),
        ),
        rows=tuple(_change_row(change, counted=sound) for change in changes),
    )
    return Section(
        title="The same changes?", blocks=(_agreement(changes), table) if sound else (table,)
    )


def _agreement(changes: Sequence[_Change]) -> Paragraph:
    agreeing = sum(change.agrees for change in changes)
    return Paragraph(
        text=(
            f"{agreeing} of {len(changes)} changes against the baseline agree: the second run's"
            " ratio over the first's has an interval that holds 1. They are of CPU time where both"
            " runs tell it, otherwise of the cold total.",
        ),
        tone="plain" if agreeing == len(changes) else "doubt",
    )


def _caveats(first: Findings, second: Findings) -> tuple[Paragraph, ...]:
    """Say which of the runs claims nothing, so that nothing can agree or differ with it."""
    reasons = [_unsound(findings) for findings in (first, second) if not findings.gives_verdicts]
    if not reasons:
        return ()
    said = f"{' and '.join(reasons)}: no change is counted, and no ratio here is evidence."
    return (Paragraph(text=with_code(said), tone="doubt"),)


def _unsound(findings: Findings) -> str:
    run_id = findings.record.run_id
    if findings.record.plan.smoke:
        return f"{run_id} is a smoke run"
    reasons = "; ".join(findings.judgement.fit_reasons) or "no reason was recorded"
    return f"{run_id} is unfit ({reasons})"


def _change_row(change: _Change, *, counted: bool) -> Row:
    ours, theirs = change.ours, change.theirs
    agreement = Entry(text=("agree",)) if change.agrees else Entry(text=("differ",), tone="doubt")
    if not counted:
        agreement = Entry(text=("not counted",), tone="quiet")
    return Row(
        entries=(
            Entry(text=(Code(ours.function),)),
            Entry(text=(ours.candidate,)),
            Entry(text=(ours.event,)),
            Entry(text=(number(ours.memory_mb, ("MB", 1)),)),
            Entry(text=(ratio_words(ours),)),
            Entry(text=(ratio_words(theirs),)),
            Entry(text=(interval_words(*change.quotient),)),
            agreement,
        )
    )


def _over(first: _Interval, second: _Interval) -> _Interval:
    """Second / first, of two independent runs: logarithmic half-widths add in quadrature."""
    value = second[0] / first[0]
    down = math.hypot(math.log(second[0] / second[1]), math.log(first[2] / first[0]))
    up = math.hypot(math.log(second[2] / second[0]), math.log(first[0] / first[1]))
    return value, value * math.exp(-down), value * math.exp(up)


def _both(first: Findings, second: Findings, cell: Cell) -> bool:
    return all(findings.summary(cell, "cold_total") for findings in (first, second))


def _name(findings: Findings) -> str:
    region = findings.record.environment.get("aws", {}).get("region")
    place = f"{findings.record.backend} {region}" if region else findings.record.backend
    return f"{findings.record.run_id} ({place})"


def _table(
    first: Findings,
    second: Findings,
    cells: list[Cell],
    function: str,
    metric: str,
    title: str,
) -> Table:
    pairs = [(c, first.summary(c, metric), second.summary(c, metric)) for c in cells]
    scale = scale_of((s for _, *both in pairs for s in both if s), widest=True)
    return Table(
        title=(Code(function), f", {title} in {scale[0]}"),
        columns=(
            Column(title="variant", align="left"),
            Column(title="event", align="left"),
            Column(title="memory", unit="MB"),
            *(Column(title=name) for name in _short_names(first, second)),
            Column(title="ratio"),
        ),
        rows=tuple(
            Row(
                entries=(
                    Entry(text=(cell.variant,)),
                    Entry(text=(cell.event,)),
                    Entry(text=(number(cell.memory_mb, ("MB", 1)),)),
                    summary_entry(ours, scale),
                    summary_entry(theirs, scale),
                    _ratio(ours, theirs),
                )
            )
            for cell, ours, theirs in pairs
        ),
    )


def _ratio(ours: Summary | None, theirs: Summary | None) -> Entry:
    """The ratio of medians of two runs."""
    if ours is None or theirs is None or not ours.median or not theirs.median:
        return Entry(text=("–",), tone="quiet")
    if not (ours.low and ours.high and theirs.low and theirs.high):
        return Entry(text=(f"×{theirs.median / ours.median:.2f}",))
    value, low, high = _over(
        (ours.median, ours.low, ours.high), (theirs.median, theirs.low, theirs.high)
    )
    return Entry(text=(f"×{value:.2f}",), interval=(f"{low:.2f}", f"{high:.2f}"))
