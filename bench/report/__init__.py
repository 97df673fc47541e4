"""A run as people and machines read it: pure functions of a record and its judgement.

The same record gives the same bytes, in every format: nothing in here looks at the clock.
"""

from __future__ import annotations

from typing import Protocol

from bench.errors import UnknownName
from bench.judgement import Judgement
from bench.model import Record
from bench.report import chart, comment, html, markdown, result, step_summary, text, trial_table
from bench.report.chart_data import charted_functions
from bench.report.contents import compose
from bench.report.exports import EXPORTS, Export
from bench.report.files import write_report
from bench.report.findings import Findings

__all__ = ["FORMATS", "Format", "render", "write_report"]


class Format(Protocol):
    """Renders one run; only text for a terminal heeds ``width`` and ``colour``."""

    def __call__(self, record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
        """Give the whole output, ending in a newline."""
        ...


def render(
    record: Record,
    judgement: Judgement,
    format: str,  # noqa: A002 - the option's name, and what callers say
    *,
    width: int = 100,
    colour: bool = False,
) -> str:
    """Render a run in one of :data:`FORMATS`.

    ``text`` fits ``width`` columns and is coloured on request; ``svg`` is one image with the
    charts of all functions; ``markdown`` has no images, as it has no files beside it.

    Raises:
        UnknownName: there is no such format.
    """
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    return FORMATS[format](record, judgement, width=width, colour=colour)


def _text(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return text.render(compose(record, judgement), width=width, colour=colour)


def _markdown(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return markdown.render(compose(record, judgement))


def _json(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return result.render(record, judgement)


def _csv(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return trial_table.render(record)


def _html(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    findings = Findings.of(record, judgement)
    charts = {f: chart.render_function(findings, f) for f in charted_functions(findings)}
    return html.render(compose(record, judgement), charts=charts)


def _svg(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return chart.render(record, judgement)


def _summary(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return step_summary.render(record, judgement)


def _comment(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
    return comment.render(record, judgement)


def _exported(export: Export) -> Format:
    def render_export(record: Record, judgement: Judgement, *, width: int, colour: bool) -> str:
        return export(record, judgement)

    return render_export


FORMATS: dict[str, Format] = {
    "text": _text,
    "markdown": _markdown,
    "json": _json,
    "csv": _csv,
    "html": _html,
    "svg": _svg,
    "summary": _summary,
    "comment": _comment,
    **{name: _exported(export) for name, export in EXPORTS.items()},
}
