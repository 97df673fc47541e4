"""The order of a report: verdict, tables, charts, then everything that backs them."""

from __future__ import annotations

from bench.judgement import Judgement
from bench.model import Record
from bench.report import (
    cloud,
    cold_start,
    exact,
    expected,
    gate,
    headline,
    memory_sizes,
    provenance,
)
from bench.report.chart_data import alt_text, charted_functions
from bench.report.document import Chart, Document, Section
from bench.report.findings import Findings


def compose(record: Record, judgement: Judgement) -> Document:
    """Compose the report of one run, as a function of its record and judgement alone."""
    findings = Findings.of(record, judgement)
    sections = (
        gate.section(findings),
        cold_start.section(findings),
        memory_sizes.section(findings),
        cloud.section(findings),
        expected.section(findings),
        exact.section(findings),
        _charts(findings),
        provenance.failures(findings),
        provenance.revisions(findings),
        provenance.controls(findings),
        provenance.method(findings),
        provenance.environment(findings),
        provenance.reproduction(findings),
    )
    return Document(
        verdict=headline.lead(findings),
        headline=headline.headline(findings),
        tone=headline.verdict_tone(findings),
        preamble=headline.preamble(findings),
        sections=tuple(section for section in sections if section is not None),
    )


def _charts(findings: Findings) -> Section | None:
    charts = tuple(
        Chart(function=function, alt=alt_text(findings, function))
        for function in charted_functions(findings)
    )
    return Section(title="Charts", blocks=charts) if charts else None
