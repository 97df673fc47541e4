"""What a function has written to its log: plain output, and the records of a managed runtime.

A managed runtime writes records to the descriptor in ``_LAMBDA_TELEMETRY_LOG_FD``, each framed:
four bytes of type, four of length, eight of time in µs, all big-endian, then the text. Here that
descriptor and the standard streams end in one file, opened for appending, so that everything
stands in the order in which it was written; each frame is written at once and stays whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.frozen import dataclass

#: The number of the descriptor, the one that Lambda uses.
LOG_FD: Final = 62

_MAGIC = b"\xa5\x5a\x00"
_HEADER_BYTES = 16
_MAX_FRAME_BYTES = 16 * 1024 * 1024
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
    """Reads a log file that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0

    def read(self, *, final: bool = False) -> Iterator[Output]:
        """What has been written since the last time.

        ``final``: nobody writes any more, so that half a frame is output too.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return
        if not data:
            return
        found, taken = split(data)
        self._at += taken
        yield from found
        if final and taken < len(data):
            self._at += len(data) - taken
            yield Output(data=data[taken:])
