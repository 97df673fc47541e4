"""Text of others made safe to show: no control characters, no escape sequences."""

from __future__ import annotations

import re

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """``text`` without terminal escape sequences and control characters; lines stay lines."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    return _CONTROL.sub("", _ESCAPE_SEQUENCE.sub("", unified))


def one_line(text: str) -> str:
    """``text`` as one printable line; spaces at its ends stay, as prose is built from parts."""
    return printable(text).replace("\n", " ")
