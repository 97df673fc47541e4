"""The log of a function as CloudWatch would show it: what is seen, in which form, and its tail.

With the JSON log format two levels decide what is seen: the application's for what the function
says, the system's for what the platform says. With the text format everything is seen, but for
what only the JSON format has.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from bench.emulator.log_frames import Output
from bench.emulator.platform_format import format_json, format_text
from bench.emulator.platform_lines import (
    End,
    InitReport,
    InitStart,
    PlatformLine,
    Report,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
    Start,
)

LogFormat = Literal["Text", "JSON"]
#: Severity of each level; the names of several languages are understood.
LEVELS: Mapping[str, int] = {
    "TRACE": 0,
    "DEBUG": 1,
    "INFO": 2,
    "WARN": 3,
    "WARNING": 3,
    "ERROR": 4,
    "FATAL": 5,
    "CRITICAL": 5,
}
#: Lambda's limit on the tail of a log in the answer to a caller.
TAIL_BYTES = 4_096
#: One byte more tells whether the tail begins with a line.
_ENOUGH_BYTES = TAIL_BYTES + 1
_INFO, _WARN, _DEBUG = LEVELS["INFO"], LEVELS["WARN"], LEVELS["DEBUG"]


def platform_level(line: PlatformLine) -> int:
    """At which system log level Lambda writes a line into a JSON log."""
    match line:
        case InitStart():
            return _INFO if line.runtime_version else _DEBUG
        case InitReport():
            if line.status is not None:
                return _WARN
            return _DEBUG if line.initialization_type == "on-demand" else _INFO
        case RuntimeDone() | RestoreReport():
            return _DEBUG if line.status is None else _WARN
        case Report():
            return _INFO if line.status is None else _WARN
        case Start() | RestoreStart():
            return _INFO
        case _:
            return _INFO


def _level_of_json(line: bytes) -> int:
    """The level of a line that the function wrote as JSON; INFO where it has none."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return _INFO
    level = record.get("level") if isinstance(record, dict) and "timestamp" in record else None
    return LEVELS.get(level.upper(), _INFO) if isinstance(level, str) else _INFO


class LogStream:
    """Passes on what is seen of a log, and keeps it for the answer to the caller.

    Args:
        log_format: Text or JSON.
        application_level: the least level of the function's own output that is seen.
        system_level: the same for platform lines.
        tell: is given each visible platform line, and the visible output (bytes, whole lines).
        whole: whether to keep all of it, or just enough for the tail in the answer.
    """

    def __init__(
        self,
        log_format: LogFormat,
        tell: Callable[[PlatformLine | bytes], None],
        *,
        application_level: str = "INFO",
        system_level: str = "INFO",
        whole: bool = True,
    ) -> None:
        self._json = log_format == "JSON"
        self._application_level = LEVELS[application_level.upper()]
        self._system_level = LEVELS[system_level.upper()]
        self._tell = tell
        self._whole = whole
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0

    def platform(self, line: PlatformLine) -> None:
        """Write a platform line, if it is seen."""
        if self._sees(line):
            self._tell(line)
            form = format_json(line, time.time_ns()) if self._json else format_text(line)
            self._keep(form.encode(errors="replace") + b"\n")

    def output(self, output: Output) -> None:
        """Write what the function printed, as far as it is seen."""
        data = output.data
        if self._json:
            data = self._visible(output)
        if data:
            if not data.endswith(b"\n"):  # a platform line begins a line of its own
                data += b"\n"
            self._tell(data)
            self._keep(data)

    def take(self) -> bytes:
        """The log since the last answer, or what is kept of it."""
        kept = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        return kept

    def _keep(self, data: bytes) -> None:
        if not self._whole:
            data = data[-_ENOUGH_BYTES:]
        self._kept.append(data)
        self._kept_bytes += len(data)
        while not self._whole and self._kept_bytes - len(self._kept[0]) >= _ENOUGH_BYTES:
            self._kept_bytes -= len(self._kept.popleft())

    def _sees(self, line: PlatformLine) -> bool:
        if self._json:
            return not isinstance(line, End) and platform_level(line) >= self._system_level
        if isinstance(line, InitReport):
            return line.status is not None or line.initialization_type != "on-demand"
        return bool(format_text(line))

    def _visible(self, output: Output) -> bytes:
        if output.level is not None:
            return output.data if LEVELS[output.level] >= self._application_level else b""
        # Only at line feeds: awslambdaric writes carriage returns inside one record.
        return b"".join(
            line
            for line in _lines(output.data)
            if not line.startswith(b"{") or _level_of_json(line) >= self._application_level
        )


def tail(log: bytes, *, whole: bool) -> bytes:
    """The last 4 KB of a log; ``whole`` drops a line that would be cut, as JSON demands."""
    end = log[-TAIL_BYTES:]
    if not whole or len(end) == len(log) or log[-TAIL_BYTES - 1 : -TAIL_BYTES] == b"\n":
        return end
    return end.partition(b"\n")[2]


def log_tail(path: Path, limit_bytes: int = TAIL_BYTES) -> str:
    """The end of a function's log, as Lambda's `LogResult` has it; undecodable bytes replaced."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit_bytes))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _lines(data: bytes) -> list[bytes]:
    """Lines with their line feeds."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines
