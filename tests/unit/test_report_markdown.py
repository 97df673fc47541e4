"""Reports as Markdown."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import report_sample

from bench.report import markdown, render
from bench.report.document import Code, Column, Console, Document, Entry, Paragraph, Row, Table


def _document(*blocks: Paragraph | Table | Console) -> Document:
    return Document(
        verdict="same", headline=("nothing",), tone="plain", preamble=blocks, sections=()
    )


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a|b", r"a\|b"),
        ("`x`", r"\`x\`"),
        ("two\nlines", "two lines"),
        ("*loud* ~gone~", r"\*loud\* \~gone\~"),
        ("<script>&", "&lt;script>&amp;"),
        ("_init_ of snake_case", r"\_init\_ of snake_case"),
        ("[text](https://example.com)", r"[text\](https://example.com)"),
        ("\x1b[31mred\x1b[0m\x07", "red"),
    ],
)
def test_text_of_others_is_no_markup(said: str, written: str) -> None:
    """Messages and names show as they are, whatever Markdown would make of them."""
    text = markdown.render(_document(Paragraph(text=(said,))))

    assert written == text.split("\n\n")[2].rstrip("\n")


def test_code_with_backticks_gets_a_longer_fence() -> None:
    """A literal that contains backticks stays one literal."""
    text = markdown.render(_document(Paragraph(text=(Code("a`b"),))))

    assert "`` a`b ``" in text


def test_console_output_with_fences_stays_one_block() -> None:
    """Tool output that contains a fence cannot end the block around it."""
    text = markdown.render(_document(Console(text="```\nnot the end")))

    assert "````text\n```\nnot the end\n````" in text


def test_bar_in_a_table_does_not_end_the_cell() -> None:
    """A bar is escaped in tables, between backticks too, so every row has the same cells."""
    table = Table(
        title=("t",),
        columns=(Column(title="a", align="left"), Column(title="b", align="left")),
        rows=(Row(entries=(Entry(text=(Code("x|y"),)), Entry(text=("p|q",)))),),
    )

    row = markdown.render(_document(table)).splitlines()[-1]

    assert row == r"| `x\|y` | p\|q |"


def test_rows_have_as_many_cells_as_the_heading() -> None:
    """All tables of the sample are well-formed, remarks and failures included."""
    text = render(report_sample.record(), report_sample.judgement(), "markdown")

    tables = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)

    assert len(tables) == 9
    assert [
        len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()})
        for table in tables
    ] == [1] * 9


def test_modelled_values_are_marked() -> None:
    """A modelled time is labelled in its column and in itself, a measured one is not."""
    text = render(report_sample.record(), report_sample.judgement(), "markdown")

    assert "128 MB (modelled)" in text
    assert "1769 MB (measured)" in text
    assert re.search(r"^\| lazy \| used \| \*\\~\d+\*<br>", text, re.MULTILINE)


def test_hostile_function_name_leaves_the_tables_intact() -> None:
    """A function named after markup is shown, not obeyed."""
    sample = report_sample.record()
    build = replace(sample.failed_builds[0], function="go/a|b`c\nd")

    text = render(replace(sample, failed_builds=(build,)), report_sample.judgement(), "markdown")

    assert "`` go/a|b`c d ``" in text


def test_markdown_alone_refers_to_no_files() -> None:
    """Markdown on stdout has no charts beside it and points at none."""
    text = render(report_sample.record(), report_sample.judgement(), "markdown")

    assert "![" not in text
