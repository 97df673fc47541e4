"""A run in one screen of Markdown: the body of a comment on a pull request.

Its first line is a mark by which a workflow finds the comment of an earlier run and replaces it.
"""

from __future__ import annotations

from bench.judgement import Comparison, Judgement
from bench.model import Record
from bench.report import expected, gate, headline, markdown
from bench.report.document import (
    Block,
    Bullets,
    Code,
    Column,
    Document,
    Entry,
    Paragraph,
    Row,
    Table,
)
from bench.report.findings import Findings
from bench.report.measures import ratio_words
from bench.units import format_bytes, format_change

#: Stands in the first line of every comment of ours.
MARK = "<!-- coldbench -->"
#: GitHub refuses comments of more characters.
LIMIT = 65_536
#: As many rows as a reader scrolls through; the report has all.
_ROWS = 60


def render(record: Record, judgement: Judgement) -> str:
    """Write the comment: verdict, gate, changes, and where they come from."""
    findings = Findings.of(record, judgement)
    text = f"{MARK}\n{markdown.render(_document(findings))}"
    if len(text) <= LIMIT:
        return text
    cut = "\n\n… cut off: the report has all of it.\n"
    return text[: LIMIT - len(cut)] + cut


def _document(findings: Findings) -> Document:
    held = gate.section(findings)
    likely = expected.section(findings)
    blocks: list[Block] = [*(held.blocks if held else ()), *_warnings(findings)]
    blocks += [_changes(findings), *_sizes(findings), *(likely.blocks if likely else ())]
    blocks.append(Paragraph(text=headline.extent(findings)))
    return Document(
        verdict=headline.lead(findings),
        headline=headline.headline(findings),
        tone=headline.verdict_tone(findings),
        preamble=tuple(blocks),
        sections=(),
    )


def _warnings(findings: Findings) -> tuple[Block, ...]:
    missing = headline.not_compared(findings, said=_held_against(findings))
    said = (*missing, *headline.failures(findings), *headline.warnings(findings))
    return (Bullets(items=said),) if said else ()


def _held_against(findings: Findings) -> set[str]:
    """The functions that the gate already names."""
    gate = findings.judgement.gate
    return {found.function for found in gate.findings} if gate else set()


def _changes(findings: Findings) -> Block:
    """CPU time of every comparison, the largest change first, with wall time beside it."""
    compared = [c for c in findings.judgement.comparisons if c.metric == findings.primary]
    if not compared:
        return Paragraph(text=("Nothing was measured.",))
    compared.sort(key=lambda c: -(c.ratio or 0.0))
    rows = tuple(_change(findings, c) for c in compared[:_ROWS])
    rest = len(compared) - len(rows)
    return Table(
        title=(),
        columns=(
            Column(title="function", align="left"),
            Column(title="candidate", align="left"),
            Column(title="event", align="left"),
            Column(title="memory", unit="MB"),
            Column(title="CPU of the cold total"),
            Column(title="cold total"),
            Column(title="n"),
            Column(title="verdict", align="left"),
        ),
        rows=rows,
        notes=((f"{rest} more in the report",),) if rest > 0 else (),
    )


def _change(findings: Findings, comparison: Comparison) -> Row:
    walls = [
        c
        for c in findings.judgement.comparisons
        if c.metric == "cold_total"
        and (c.function, c.candidate, c.event, c.memory_mb, c.page_cache)
        == (
            comparison.function,
            comparison.candidate,
            comparison.event,
            comparison.memory_mb,
            comparison.page_cache,
        )
    ]
    wall = ratio_words(walls[0]) if walls else ""
    return Row(
        entries=(
            Entry(text=(Code(comparison.function),)),
            Entry(text=(Code(comparison.candidate),)),
            Entry(text=(comparison.event,)),
            Entry(text=(str(comparison.memory_mb),)),
            Entry(text=(ratio_words(comparison) or "–",)),
            Entry(text=(wall or "–",)),
            Entry(text=(str(comparison.n),)),
            Entry(text=(comparison.verdict if findings.gives_verdicts else "no verdict",)),
        )
    )


def _sizes(findings: Findings) -> tuple[Block, ...]:
    """Packages whose size changed; bytes are exact, so every byte counts."""
    items = []
    for (function, variant), artifact in findings.artifacts.items():
        known = findings.artifacts.get((function, findings.baseline(function) or ""))
        if known is None or known is artifact or known.zip_bytes == artifact.zip_bytes:
            continue
        delta = artifact.zip_bytes - known.zip_bytes
        change = format_change(artifact.zip_bytes / known.zip_bytes) if known.zip_bytes else "new"
        size = format_bytes(artifact.zip_bytes)
        words = f": zip {delta:+,} B ({change}), now {size}"
        items.append((Code(function), " ", Code(variant), words))
    return (Bullets(items=tuple(items)),) if items else ()
