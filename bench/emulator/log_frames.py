"""What a function has written to its log: plain output, and the records of a managed runtime.

A managed runtime writes records to the descriptor in ``_LAMBDA_TELEMETRY_LOG_FD``, each framed:
four bytes of type, four of length, eight of time in µs, all big-endian, then the text. Here that
descriptor and the standard streams end in one file, opened for appending, so that everything
stands in the order in which it was written; each frame is written at once and stays whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.frozen import dataclass

#: The number of the descriptor, the one that Lambda uses.
LOG_FD: Final = 62

_MAGIC = b"\xa5\x5a\x00"
_HEADER_BYTES = 16
_MAX_FRAME_BYTES = 16 * 1024 * 1024
#: How much is read at once: a function may have logged more than there is memory.
_READ_BYTES = 1024 * 1024
#: The same while the function goes on, so that whoever shows it is never long behind.
_LIVE_BYTES = 64 * 1024
#: The type's lowest bit tells text from JSON, the next bit is always set, the rest is the level.
_LEVELS = {0: None, 2: "DEBUG", 3: "INFO", 4: "WARN", 5: "ERROR", 6: "FATAL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A piece of output: a record of a runtime, or whatever else has been written."""

    data: bytes
    #: Whether a runtime wrote it as one record.
    framed: bool = False
    #: Its level, where the frame has one.
    level: str | None = None
    #: When it was written, Unix time in ns; None if nobody said so.
    time_ns: int | None = None


def split(data: bytes) -> tuple[list[Output], int]:
    """The complete pieces in ``data``, and how many bytes they take.

    Only a frame that is still being written is left over. Bytes that look like the beginning of a
    frame and cannot be one are output like any other.
    """
    found: list[Output] = []
    plain = at = 0
    while (at := data.find(_MAGIC, at)) >= 0:
        frame = _frame(data, at)
        if frame is None:
            at += 1
            continue
        if plain < at:
            found.append(Output(data=data[plain:at]))
        if frame == "incomplete":
            return found, at
        assert isinstance(frame, Output)
        found.append(frame)
        plain = at = at + _HEADER_BYTES + len(frame.data)
    if plain < len(data):
        found.append(Output(data=data[plain:]))
    return found, len(data)


def _frame(data: bytes, at: int) -> Output | str | None:
    """The frame at ``at``; "incomplete" if its end is missing; None if there is none."""
    kind = data[at + 3] if at + 3 < len(data) else 0x03
    if not kind & 2 or kind >> 2 not in _LEVELS:
        return None
    if at + _HEADER_BYTES > len(data):
        return "incomplete"
    length = int.from_bytes(data[at + 4 : at + 8], "big")
    if length > _MAX_FRAME_BYTES:
        return None
    begin = at + _HEADER_BYTES
    if begin + length > len(data):
        return "incomplete"
    time_us = int.from_bytes(data[at + 8 : begin], "big")
    return Output(
        data=data[begin : begin + length],
        framed=True,
        level=_LEVELS[kind >> 2],
        time_ns=time_us * 1_000,
    )


class OutputReader:
    """Reads a log file that grows.

    Args:
        path: the file.
        framed: whether a runtime writes records to it. Without them every byte is output: a program
            may print what looks like a frame.
    """

    def __init__(self, path: Path, *, framed: bool) -> None:
        self._path = path
        self._framed = framed
        self._at = 0

    def read(self, *, final: bool = False) -> Iterator[Output]:
        """What has been written since the last time, up to now: who goes on writing ends nothing.

        ``final``: nobody writes any more, so that half a frame is output too.
        """
        end = self._size()
        while (final or self._at < end) and (found := self._take(_READ_BYTES, final=final)):
            yield from found

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def read_on(self) -> list[Output]:
        """Complete lines and records of what has been written since, though perhaps not all.

        For who looks while it is being written.
        """
        return self._take(_LIVE_BYTES, whole_lines=True)

    def _take(self, size: int, *, final: bool = False, whole_lines: bool = False) -> list[Output]:
        data = self._bytes(size)
        is_all = len(data) < size
        found, taken = split(data) if self._framed else _unframed(data)
        if final and is_all and taken < len(data):
            found.append(Output(data=data[taken:]))
            taken = len(data)
        if taken == len(data) and (whole_lines or not is_all):
            taken -= _drop_unfinished_line(found)
        if not found and not is_all:
            if size < _MAX_FRAME_BYTES + _HEADER_BYTES:
                return self._take(2 * size, final=final, whole_lines=whole_lines)
            found, taken = [Output(data=data)], len(data)
        self._at += taken
        return found

    def _bytes(self, size: int) -> bytes:
        try:
            with self._path.open("rb", buffering=0) as file:
                return os.pread(file.fileno(), size, self._at)
        except FileNotFoundError:
            return b""


def _unframed(data: bytes) -> tuple[list[Output], int]:
    return ([Output(data=data)] if data else []), len(data)


def _drop_unfinished_line(found: list[Output]) -> int:
    """Leave out what comes after the last line feed; returns its size."""
    if not found or found[-1].framed or found[-1].data.endswith(b"\n"):
        return 0
    lines, feed, rest = found.pop().data.rpartition(b"\n")
    if feed:
        found.append(Output(data=lines + feed))
    return len(rest)
