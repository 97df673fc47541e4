"""What a check found: rows of a table, each with its verdict, and the report made of them."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from bench.config import user_cache
from bench.store import write_whole


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


#: Given a directory for its own use, on a disk.
Check: TypeAlias = Callable[[Path], Iterable[Section]]


def report(checks: Mapping[str, Check], *, head: str, output: Path, room: str) -> int:
    """Run the checks in order and write what they found, anew after each.

    Args:
        checks: by the name that is shown with how long each took.
        head: what the report begins with.
        output: the Markdown file.
        room: of the user's cache, where scratch directories are made.

    Returns:
        The exit code: 1 if any expectation was missed.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    work = user_cache(os.environ) / room
    work.mkdir(parents=True, exist_ok=True)
    sections: list[Section] = []
    for name, check in checks.items():
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            sections += check(Path(scratch))
        sys.stderr.write(f"{name}: {time.monotonic() - begin:.0f} s\n")
        text = head + "\n".join(section.markdown() for section in sections)
        write_whole(output, text.encode())
    sys.stdout.write(text + "\n")
    return 0 if all(section.ok for section in sections) else 1
