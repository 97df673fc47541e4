"""What a report says, before anybody decides how it looks.

Text, Markdown and HTML are three renderings of one :class:`Document`, so they cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "good", "bad", "doubt", "quiet"]


class Code(str):
    """A literal inside prose: a name, a file, a command."""

    __slots__ = ()


#: Prose as a sequence of plain strings and :class:`Code`.
Text = tuple[str, ...]


def with_code(sentence: str) -> Text:
    """A sentence in which backticks stand around what is code; as it is, where they do not pair."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:
        return (sentence,)
    return tuple(Code(part) if index % 2 else part for index, part in enumerate(parts) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One place of a table: a value, then its interval or a second line."""

    text: Text = ()
    #: The ends of an interval, formatted, in the unit of the column.
    interval: tuple[str, str] | None = None
    detail: Text = ()
    modelled: bool = False
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column and the one unit that all its values have."""

    title: str
    unit: str = ""
    align: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Either one entry per column, or a label and a remark that stands in place of the others."""

    entries: tuple[Entry, ...]
    remark: Text = ()
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under columns, with a title above and notes below."""

    title: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: Text
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of short statements."""

    items: tuple[Text, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """Lines as a tool printed them, or as a person types them."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """The chart of one function, and its numbers in words for who cannot see it."""

    function: str
    alt: str


Block = Table | Paragraph | Bullets | Console | Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Blocks under a heading; ``folded`` ones are closed at first where a format can fold."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole report: the verdict, what must be known with it, then the sections."""

    verdict: str
    headline: Text
    tone: Tone
    preamble: tuple[Block, ...]
    sections: tuple[Section, ...]
