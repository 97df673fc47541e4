"""A report for the terminal: plain lines, at most ``width`` columns, colour only on request."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Sequence

from bench.report.document import (
    Block,
    Bullets,
    Chart,
    Console,
    Document,
    Paragraph,
    Row,
    Table,
    Text,
    Tone,
)
from bench.report.grid import Grid, entry_lines, join, labels, without_labels
from bench.report.plain import printable

_SGR: dict[Tone, str] = {"plain": "", "good": "32", "bad": "31", "doubt": "33", "quiet": "2"}
_BOLD = "1"
_NARROWEST_PROSE = 14


class TextPage:
    """Renders a document for one width, with or without colour."""

    def __init__(self, *, width: int, colour: bool) -> None:
        self._width = width
        self._colour = colour

    def render(self, document: Document) -> str:
        """Give the whole report, ending in a newline."""
        verdict = self._paint(document.verdict, document.tone, bold=True)
        rest = f": {self._prose(document.headline)}"
        lines = self._wrap(f"{document.verdict}{rest}", indent="  ")
        lines[0] = lines[0].replace(document.verdict, verdict, 1)
        for block in document.preamble:
            lines += self._block(block)
        for section in document.sections:
            if all(isinstance(block, Chart) for block in section.blocks):
                continue
            lines += ["", self._paint(section.title.upper(), "plain", bold=True)]
            for block in section.blocks:
                lines += self._block(block)
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def _block(self, block: Block) -> list[str]:
        match block:
            case Table():
                return ["", *self._table(block)]
            case Paragraph():
                lines = self._wrap(self._prose(block.text))
                return [self._paint(line, block.tone) for line in lines]
            case Bullets():
                return [
                    self._paint(line, block.tone)
                    for item in block.items
                    for line in self._wrap(f"- {self._prose(item)}", indent="  ")
                ]
            case Console():
                # A tool's own lines keep their shape: wrapped hard, never reflowed.
                return [
                    f"    {piece}"
                    for line in printable(block.text).splitlines()
                    for piece in textwrap.wrap(
                        line, self._width - 4, drop_whitespace=False, replace_whitespace=False
                    )
                    or [""]
                ]
            case Chart():
                return []

    def _table(self, table: Table) -> list[str]:
        title = self._wrap(join(table.title)) if table.title else []
        lines = [self._paint(line, "plain", bold=True) for line in title]
        lines += self._rows(table)
        for note in table.notes:
            lines += self._wrap(f"- {self._prose(note)}", indent="  ")
        return lines

    def _rows(self, table: Table) -> list[str]:
        grid = Grid.fitting(table, self._width)
        if grid:
            rows = [line for row in table.rows for line in self._row(grid, row)]
            return [*(self._paint(line, "quiet") for line in grid.header()), *rows]
        numbers = without_labels(table)
        grid = Grid.fitting(numbers, self._width)
        return self._labelled(table, numbers, grid) if grid else self._records(table)

    def _labelled(self, table: Table, numbers: Table, grid: Grid) -> list[str]:
        """Set the labels on a line of their own, above numbers that fit without them."""
        lines = [self._paint(line, "quiet") for line in grid.header()]
        for row, values in zip(table.rows, numbers.rows, strict=True):
            lines += self._wrap(labels(table, row) + self._prose(row.remark), indent="  ")
            lines += [] if row.remark else self._row(grid, values)
        return lines

    def _row(self, grid: Grid, row: Row) -> Iterator[str]:
        if row.remark:
            yield from self._remark(grid, row)
            return
        columns = [grid.lines(entry, position) for position, entry in enumerate(row.entries)]
        for line in range(max(len(column) for column in columns)):
            yield (" " * grid.gap).join(
                self._cell(grid, column, line, position, row.entries[position].tone)
                for position, column in enumerate(columns)
            )

    def _remark(self, grid: Grid, row: Row) -> Iterator[str]:
        """Set a label, and a sentence across the other columns."""
        labels = grid.lines(row.entries[0], 0)
        lead = len(grid.pad("", 0)) + grid.gap
        pieces = textwrap.wrap(self._prose(row.remark), max(self._width - lead, _NARROWEST_PROSE))
        for label, piece in itertools.zip_longest(labels, pieces, fillvalue=""):
            yield grid.pad(label, 0) + " " * grid.gap + self._paint(piece, row.tone)

    def _cell(self, grid: Grid, column: Sequence[str], line: int, position: int, tone: Tone) -> str:
        text = grid.pad(column[line] if line < len(column) else "", position)
        return self._paint(text, "quiet" if line and tone == "plain" else tone)

    def _records(self, table: Table) -> list[str]:
        """Set a table too wide for this terminal with one value per line."""
        lines: list[str] = []
        for row in table.rows:
            lines += self._wrap(join(row.entries[0].text))
            if row.remark:
                lines += self._wrap(f"  {self._prose(row.remark)}", indent="  ")
            for column, entry in zip(table.columns[1:], row.entries[1:], strict=False):
                value = " ".join(entry_lines(entry))
                lines += self._wrap(f"  {column.title}: {value} {column.unit}", indent="    ")
        return lines

    def _prose(self, text: Text) -> str:
        return join(text, quote="`")

    def _wrap(self, text: str, indent: str = "") -> list[str]:
        return textwrap.wrap(
            text, self._width, subsequent_indent=indent, break_on_hyphens=False
        ) or [""]

    def _paint(self, text: str, tone: Tone, *, bold: bool = False) -> str:
        codes = ";".join(code for code in (_BOLD if bold else "", _SGR[tone]) if code)
        if not self._colour or not codes or not text.strip():
            return text
        return f"\x1b[{codes}m{text}\x1b[0m"


def render(document: Document, *, width: int, colour: bool) -> str:
    """Write the report for a terminal of ``width`` columns."""
    return TextPage(width=width, colour=colour).render(document)
