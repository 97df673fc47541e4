"""Saved logs: plain or gzip, one event a line, at a million lines a second.

Nine lines in ten of a usual log are the function's own and are never looked at: the bytes are
searched for the opening of a platform line, and only what stands there is read. Accepted before it
are what tools put there: times and log streams (``aws logs tail``, exports to S3), each ended by a
space or a tab; and the JSON of ``filter-log-events``, whose messages are read one by one.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from bench.emulator.platform_lines import InitStart, PlatformLine, Report, Start
from bench.emulator.reportlog import parse_line
from bench.errors import RecordError
from bench.mining.invokes import Mine

_CHUNK_BYTES = 8 * 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_UNKNOWN = "?"
#: The common forms, read at once. A version is found in the stream's name or in ``START``.
_USUAL = re.compile(
    rb"REPORT RequestId: ([0-9a-f-]{36})\tDuration: (\d+)\.(\d\d) ms\tBilled Duration: (\d+) ms"
    rb"\tMemory Size: (\d+) MB\tMax Memory Used: (\d+) MB\t(?:Init Duration: (\d+)\.(\d\d) ms\t)?"
    rb"[ \r]*(?=\n)"
)
_START = re.compile(rb"START RequestId: ([0-9a-f-]{36}) Version: (\$LATEST|\d+)")
#: What tools write before a line: up to four words (``EVENTS``, an id, a time, a stream).
_PREFIX = re.compile(r"^\s*(?:\S+[ \t]+){0,4}?(?=REPORT RequestId: |\{\"time\")")
_TEXT_REPORT = b"REPORT RequestId: "
_JSON_LINE = b'"platform.'
_JSON_REPORT = b'"platform.report"'
#: How many invokes may be between their START and their REPORT.
_PENDING_MAX = 500_000


def read_saved(paths: tuple[str, ...], mine: Mine) -> None:
    """Read files, or stdin for ``-``.

    Raises:
        RecordError: a file that cannot be read or is damaged.
    """
    for name in paths:
        source = "stdin" if name == "-" else Path(name).name
        try:
            if name == "-":
                _read(_opened(sys.stdin.buffer), source, mine)
            else:
                with open(name, "rb") as file:
                    _read(_opened(file), source, mine)
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise RecordError(
                f"cannot read {source}: {reason}", hint="a log is a text file, plain or gzip"
            ) from None


def _opened(file: BinaryIO) -> BinaryIO:
    """The stream, decompressed if it is gzip; stdin cannot be rewound, so it is peeked at."""
    buffered = file if hasattr(file, "peek") else None
    head = buffered.peek(2)[:2] if buffered is not None else b""
    if head == _GZIP_MAGIC:
        opened: BinaryIO = gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
        return opened
    return file


def _read(file: BinaryIO, source: str, mine: Mine) -> None:
    first = file.read(_CHUNK_BYTES)
    if first.lstrip()[:1] in (b"[", b"{") and not first.lstrip().startswith(b'{"time"'):
        _read_events(first + file.read(), source, mine)
        return
    reader = _Reader(source, mine)
    rest = b""
    chunk = first
    while chunk:
        data = rest + chunk
        end = data.rfind(b"\n") + 1
        reader.read(data[:end])
        rest = data[end:]
        chunk = file.read(_CHUNK_BYTES)
    if rest:
        reader.read(rest + b"\n")


class _Reader:
    """Reads whole lines; remembers the versions of invokes that have begun."""

    def __init__(self, source: str, mine: Mine) -> None:
        self._source = source
        self._mine = mine
        self._versions: dict[bytes, bytes] = {}

    def read(self, data: bytes) -> None:
        self._mine.lines += data.count(b"\n")
        self._versions.update(_START.findall(data))
        usual = _USUAL.findall(data)
        self._add(usual)
        if data.count(_TEXT_REPORT) > len(usual):
            for at, line in _lines_with(_TEXT_REPORT, data):
                if _JSON_LINE not in line and not _USUAL.match(data, at):
                    self._add_other(line)
        if _JSON_REPORT in data:
            for _, line in _lines_with(_JSON_LINE, data):
                self._add_other(line)
        if len(self._versions) > _PENDING_MAX:
            self._versions.clear()

    def _add(self, found: list[tuple[bytes, ...]]) -> None:
        versions, mine = self._versions, self._mine
        groups: dict[tuple[bytes, bytes], Callable[..., None]] = {}
        for request_id, ms, hundredths, billed, size, used, init, init_hundredths in found:
            version = versions.pop(request_id, b"?")
            add = groups.get((version, size))
            if add is None:
                group = mine.of(self._source, version.decode(), int(size))
                add = groups[version, size] = group.add_numbers
            if init:
                add(int(ms + hundredths), int(billed), int(used), int(init + init_hundredths))
            else:
                add(int(ms + hundredths), int(billed), int(used))

    def _add_other(self, line: bytes) -> None:
        """One of the rarer forms, by the full parser: status, restore, X-Ray, JSON."""
        found = parse_line(_PREFIX.sub("", line.decode(errors="replace"), count=1))
        if isinstance(found, Start):
            self._versions[found.request_id.encode()] = found.version.encode()
        elif isinstance(found, Report):
            version = self._versions.pop(found.request_id.encode(), b"?").decode()
            self._mine.of(self._source, version, found.memory_size_mb).add(found)
        elif _TEXT_REPORT in line or _JSON_REPORT in line:
            self._mine.unread += 1


def _lines_with(words: bytes, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines in which words stand, and where the first of these are in ``data``."""
    at = data.find(words)
    while at >= 0:
        end = data.find(b"\n", at)
        yield at, data[data.rfind(b"\n", 0, at) + 1 : end]
        at = data.find(words, end)


def _read_events(data: bytes, source: str, mine: Mine) -> None:
    """The JSON that ``aws logs filter-log-events`` and ``get-log-events`` print."""
    try:
        content = json.loads(data)
        events = content.get("events", []) if isinstance(content, dict) else content
        messages = [
            (str(e.get("logStreamName", "")), int(e.get("timestamp", 0)), str(e["message"]))
            for e in events
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f"{source} is JSON, but not of log events: {type(error).__name__}: {error}",
            hint="save logs with `aws logs filter-log-events --output json`",
        ) from None
    mine.lines += len(messages)
    add_events(source, messages, mine)


def add_events(source: str, messages: list[tuple[str, int, str]], mine: Mine) -> None:
    """Count the platform lines of log events, each with its stream, time in ms, and message.

    With streams and times, an init that ended long before the first event is known: nobody waited
    for it (``INIT_START`` to ``START`` far above the init itself).
    """
    streams: dict[str, _Stream] = {}
    for stream, timestamp_ms, message in messages:
        found = parse_line(message)
        if found is None:
            mine.unread += is_unread(message)
        else:
            streams.setdefault(stream, _Stream(source, stream, mine)).take(found, timestamp_ms)


def is_unread(message: str) -> bool:
    """Whether a message that is no platform line has the words of a report."""
    return message.startswith(_TEXT_REPORT.decode()) or _JSON_REPORT.decode() in message


#: A gap above this between init and first event is no queue: Lambda initialised ahead.
PROACTIVE_GAP_MS = 10_000


class _Stream:
    """One log stream, and so one execution environment."""

    def __init__(self, source: str, name: str, mine: Mine) -> None:
        self._source = source
        self._mine = mine
        #: Streams are called ``2026/11/20/[12]0123abcd…``, with the version in brackets.
        self._version = name.partition("[")[2].partition("]")[0] or _UNKNOWN
        self._init_ms: int | None = None
        self._gap_ms: int | None = None

    def take(self, line: PlatformLine, timestamp_ms: int) -> None:
        match line:
            case InitStart():
                self._init_ms = timestamp_ms
            case Start():
                self._version = line.version if self._version == _UNKNOWN else self._version
                if self._init_ms is not None:
                    self._gap_ms, self._init_ms = timestamp_ms - self._init_ms, None
            case Report():
                group = self._mine.of(self._source, self._version, line.memory_size_mb)
                group.add(line)
                init_ms = (line.init_duration_ns or 0) // 1_000_000
                gap_ms, self._gap_ms = self._gap_ms, None
                if gap_ms is not None and gap_ms - init_ms > PROACTIVE_GAP_MS:
                    group.proactive += 1
                    group.forget_cold()
            case _:
                pass
