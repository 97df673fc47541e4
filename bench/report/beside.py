"""Two runs of the same cells side by side: how far the local model is from real Lambda."""

from __future__ import annotations

import math

from bench.model import Cell, Judgement, Record, Summary
from bench.report import html, markdown, text
from bench.report.document import Code, Column, Document, Entry, Paragraph, Row, Section, Table
from bench.report.findings import Findings
from bench.report.measures import number, scale_of, summary_entry

_METRICS = (("init", "init"), ("first_invoke", "first invoke"), ("cold_total", "cold total"))
FORMATS = ("text", "markdown", "html")


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
    return Document(
        verdict="side by side",
        headline=(f"{len(shared)} cells that both runs have: ", *names),
        tone="plain",
        preamble=(),
        sections=(Section(title="Side by side", blocks=(legend, *tables)),),
    )


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
            Column(title=first.record.backend),
            Column(title=second.record.backend),
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
    """The ratio of medians; log half-widths add in quadrature, as the runs are independent."""
    if ours is None or theirs is None or not ours.median or not theirs.median:
        return Entry(text=("–",), tone="quiet")
    ratio = theirs.median / ours.median
    if not (ours.low and ours.high and theirs.low and theirs.high):
        return Entry(text=(f"×{ratio:.2f}",))
    down = math.hypot(math.log(theirs.median / theirs.low), math.log(ours.high / ours.median))
    up = math.hypot(math.log(theirs.high / theirs.median), math.log(ours.median / ours.low))
    return Entry(
        text=(f"×{ratio:.2f}",),
        interval=(f"{ratio * math.exp(-down):.2f}", f"{ratio * math.exp(up):.2f}"),
    )
