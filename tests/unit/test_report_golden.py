"""Whole reports, byte for byte.

After a wanted change, write them anew and read the difference::

    COLDBENCH_UPDATE_GOLDEN=1 python -m pytest tests/unit/test_report_golden.py
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import report_sample

from bench.report import render, write_report

GOLDEN = Path(__file__).parent.parent / "golden"


def _expected(name: str, actual: str) -> str:
    if os.environ.get("COLDBENCH_UPDATE_GOLDEN"):
        (GOLDEN / name).write_text(actual, encoding="utf-8")
    return (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("format_name", "file"),
    [("text", "report.txt"), ("json", "report.json"), ("csv", "report.csv")],
)
def test_format_gives_the_golden_file(format_name: str, file: str) -> None:
    """The sample run renders to exactly the bytes that were last read and approved."""
    actual = render(report_sample.record(), report_sample.judgement(), format_name)

    assert _expected(file, actual) == actual


def test_written_markdown_is_the_golden_file(tmp_path: Path) -> None:
    """The Markdown report with its charts is exactly what was last read and approved."""
    written = write_report(
        report_sample.record(), report_sample.judgement(), tmp_path, stem="report"
    )

    actual = written[0].read_text(encoding="utf-8")

    assert _expected("report.md", actual) == actual


def test_narrow_text_is_the_golden_file() -> None:
    """Eighty columns are enough for every table."""
    actual = render(report_sample.record(), report_sample.judgement(), "text", width=80)

    assert _expected("report-80.txt", actual) == actual
