"""A run as the summary of a CI step: the whole report without charts, within GitHub's limit."""

from __future__ import annotations

from dataclasses import replace

from bench.judgement import Judgement
from bench.model import Record
from bench.report import markdown
from bench.report.contents import compose
from bench.report.document import Chart

#: GitHub shows nothing of a step summary that is larger than 1 MiB; other steps may have written.
LIMIT_BYTES = 1_000_000


def render(record: Record, judgement: Judgement, *, limit_bytes: int = LIMIT_BYTES) -> str:
    """Write the report; sections are dropped from its end until it fits."""
    document = compose(record, judgement)
    sections = [
        section
        for section in document.sections
        if not all(isinstance(block, Chart) for block in section.blocks)
    ]
    while True:
        text = markdown.render(replace(document, sections=tuple(sections)))
        if len(text.encode()) <= limit_bytes or not sections:
            return text
        sections.pop()
