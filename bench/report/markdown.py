"""A report as GitHub-flavoured Markdown."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

from bench.report.document import (
    Block,
    Bullets,
    Chart,
    Code,
    Column,
    Console,
    Document,
    Entry,
    Paragraph,
    Row,
    Section,
    Table,
    Text,
)
from bench.report.plain import one_line, printable

#: What Markdown would take for markup; a lone underscore inside a word is not.
_MARKUP = re.compile(r"[\\`*~|]|(?<!\w)_|_(?!\w)|\](?=[(\[:])")


def render(document: Document, *, charts: Mapping[str, str] | None = None) -> str:
    """Write the report as Markdown.

    ``charts`` has the file of each function's chart, relative to where the Markdown will be;
    functions without one get the numbers of their chart from the tables only.
    """
    files = charts or {}
    blocks = [
        f"# Cold starts: {_plain(document.verdict)}",
        _prose(document.headline),
        *(_block(block, files) for block in document.preamble),
        *(text for section in document.sections for text in _section(section, files)),
    ]
    return _joined([block for block in blocks if block])


def _joined(blocks: list[str]) -> str:
    """Set blocks apart, but not two lists, which Markdown would make one with gaps."""
    text = blocks[0]
    for previous, block in itertools.pairwise(blocks):
        lists = previous.startswith("- ") and block.startswith("- ")
        text += ("\n" if lists else "\n\n") + block
    return text + "\n"


def _section(section: Section, charts: Mapping[str, str]) -> Iterator[str]:
    blocks = [text for text in (_block(block, charts) for block in section.blocks) if text]
    if not blocks:
        return
    yield f"## {_plain(section.title)}"
    if section.folded:
        yield "<details><summary>show</summary>"
    yield from blocks
    if section.folded:
        yield "</details>"


def _block(block: Block, charts: Mapping[str, str]) -> str:
    match block:
        case Table():
            return _table(block)
        case Paragraph():
            return _prose(block.text)
        case Bullets():
            return _bullets(block.items)
        case Console():
            return _console(block.text)
        case Chart():
            file = charts.get(block.function)
            return f"![{_alternative(block.alt)}]({file})" if file else ""


def _table(table: Table) -> str:
    blocks = [f"### {_prose(table.title)}"] if table.title else []
    header = [_heading(column) for column in table.columns]
    rule = ["---:" if column.align == "right" else "---" for column in table.columns]
    rows = (_row(row, len(table.columns)) for row in table.rows)
    blocks.append("\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows)))
    if table.notes:
        blocks.append(_bullets(table.notes))
    return "\n\n".join(blocks)


def _heading(column: Column) -> str:
    return (
        f"{_plain(column.title)} ({_plain(column.unit)})" if column.unit else _plain(column.title)
    )


def _row(row: Row, columns: int) -> list[str]:
    cells = [_entry(entry) for entry in row.entries]
    if row.remark:
        # Markdown has no spanning cells: the remark goes where prose is expected, at the end.
        cells += [""] * (columns - len(cells) - 1) + [_prose(row.remark, in_table=True)]
    return cells


def _entry(entry: Entry) -> str:
    value = _prose(entry.text, in_table=True)
    lines = [f"*\\~{value}*" if entry.modelled else value]
    if entry.interval:
        lines.append(f"[{', '.join(entry.interval)}]")
    if entry.detail:
        lines.append(_prose(entry.detail, in_table=True))
    return "<br>".join(lines)


def _bullets(items: tuple[Text, ...]) -> str:
    return "\n".join(f"- {_prose(item)}" for item in items)


def _console(text: str) -> str:
    shown = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _prose(text: Text, *, in_table: bool = False) -> str:
    prose = "".join(_code(part) if isinstance(part, Code) else _plain(part) for part in text)
    # Inside a table a bar ends the cell even between backticks, and only there can be escaped.
    return re.sub(r"(?<!\\)\|", r"\\|", prose) if in_table else prose


def _plain(text: str) -> str:
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(lambda found: "\\" + found.group(), shown)


def _code(text: str) -> str:
    """Quote a literal; its own backticks need a longer fence."""
    shown = one_line(text)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}" if longest else f"{fence}{shown}{fence}"


def _alternative(alt: str) -> str:
    return _plain(alt).replace("[", r"\[").replace("]", r"\]")
