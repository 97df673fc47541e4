"""What a check found: rows of a table, each with its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: what was asked, what is expected, what was measured, and whether that is it."""

    what: str
    expected: str
    measured: str
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The outcome of one check."""

    title: str
    #: How it was done, in a sentence or two; Markdown.
    method: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether every row is as expected."""
        return all(row.ok for row in self.rows)

    def markdown(self) -> str:
        """The section as Markdown."""
        lines = [f"## {self.title}", "", self.method, ""]
        if self.rows:
            lines += ["| what | expected | measured | |", "|---|---|---|---|"]
            lines += [
                f"| {r.what} | {r.expected} | {r.measured} | {'ok' if r.ok else '**missed**'} |"
                for r in self.rows
            ]
            lines.append("")
        lines += [f"- {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"
