"""Tables as aligned columns of characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bench.report.document import Code, Column, Entry, Row, Table, Text
from bench.report.plain import one_line

_NARROWEST_LABEL = 8
#: Titles up to this length stay on one line.
_NARROW_TITLE = 7
#: Where a table entry may be broken: at a space that is not inside an interval, after a hyphen.
_BREAK = re.compile(r"(?<!,) |(?<=-)")


class Grid:
    """The widths of a table's columns and the gap between them."""

    def __init__(self, columns: Sequence[Column], widths: list[int], gap: int) -> None:
        self._columns = columns
        self._widths = widths
        self.gap = gap

    @classmethod
    def fitting(cls, table: Table, width: int) -> Grid | None:
        """Choose the roomiest grid that fits.

        None when even wrapped prose leaves it too wide, and for a table without columns.
        """
        if not table.columns:
            return None
        widths = [_natural(table, position) for position in range(len(table.columns))]
        for gap in (2, 1):
            if sum(widths) + gap * (len(widths) - 1) <= width:
                return cls(table.columns, widths, gap)
        for position in (len(widths) - 1, 0):
            spare = width - sum(widths) - len(widths) + 1
            if spare < 0 and table.columns[position].align == "left":
                widths[position] = max(_narrowest(table, position), widths[position] + spare)
        return cls(table.columns, widths, 1) if sum(widths) + len(widths) - 1 <= width else None

    def header(self) -> list[str]:
        """Give the lines of the heading, the units in the last."""
        lines = [_header(column) for column in self._columns]
        height = max(len(column) for column in lines)
        padded = [[""] * (height - len(column)) + column for column in lines]
        return [
            (" " * self.gap).join(self.pad(column[line], p) for p, column in enumerate(padded))
            for line in range(height)
        ]

    def lines(self, entry: Entry, position: int) -> list[str]:
        """Break an entry into lines that its column can hold."""
        return [
            piece for line in entry_lines(entry) for piece in _broken(line, self._widths[position])
        ]

    def pad(self, text: str, position: int) -> str:
        """Align a piece of text in its column."""
        width = self._widths[position]
        return text.rjust(width) if self._columns[position].align == "right" else text.ljust(width)


def _header(column: Column) -> list[str]:
    """Title words stacked above the unit, so that a heading is no wider than its numbers."""
    if not column.unit:
        return [column.title]
    words = column.title.split(" ") if len(column.title) > _NARROW_TITLE else [column.title]
    return [*words, column.unit]


def _lines(table: Table, position: int) -> list[str]:
    entries = [row.entries[position] for row in table.rows if position < len(row.entries)]
    return [line for entry in entries for line in entry_lines(entry)]


def _natural(table: Table, position: int) -> int:
    lines = [*_header(table.columns[position]), *_lines(table, position)]
    return max(len(line) for line in lines)


def _narrowest(table: Table, position: int) -> int:
    """Find how far prose may be wrapped; a bracketed interval stays in one piece."""
    pieces = [piece for line in _lines(table, position) for piece in _BREAK.split(line)]
    pieces += _header(table.columns[position])
    return max(_NARROWEST_LABEL, *(len(piece) for piece in pieces))


def _broken(line: str, width: int) -> list[str]:
    """``line`` in pieces of at most ``width`` columns, broken only where :data:`_BREAK` allows."""
    lines = [""]
    for piece in _BREAK.split(line):
        joint = "" if not lines[-1] or lines[-1].endswith("-") else " "
        if len(lines[-1]) + len(joint) + len(piece) <= width or not lines[-1]:
            lines[-1] += joint + piece
        else:
            lines.append(piece)
    return lines


def entry_lines(entry: Entry) -> list[str]:
    """Give the value, then the interval and the detail on lines of their own."""
    lines = [("~" if entry.modelled else "") + join(entry.text)]
    if entry.interval:
        lines.append("–".join(entry.interval))
    if entry.detail:
        lines.append(join(entry.detail))
    return lines


def without_labels(table: Table) -> Table:
    """Keep the columns of numbers alone."""
    kept = [p for p, column in enumerate(table.columns) if column.align == "right"]
    rows = (
        replace(row, entries=tuple(row.entries[p] for p in kept if p < len(row.entries)))
        for row in table.rows
    )
    columns = tuple(table.columns[p] for p in kept)
    return replace(table, columns=columns, rows=tuple(rows))


def labels(table: Table, row: Row) -> str:
    """Put on one line what :func:`without_labels` left out of a row."""
    shown = [
        " ".join(entry_lines(entry))
        for column, entry in zip(table.columns, row.entries, strict=False)
        if column.align == "left"
    ]
    return ", ".join(shown) + ": " if row.remark else ", ".join(shown)


def join(text: Text, quote: str = "") -> str:
    """Join prose to one line; ``quote`` stands on both sides of literals."""
    return "".join(
        f"{quote}{one_line(part)}{quote}" if isinstance(part, Code) else one_line(part)
        for part in text
    )
