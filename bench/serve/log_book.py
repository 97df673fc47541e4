"""The log of one environment: what Lambda and the function say, as events of CloudWatch Logs."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, replace

from bench.emulator import log_stream
from bench.emulator.platform_format import format_json, format_text
from bench.emulator.platform_lines import InitStart, PlatformLine, RestoreStart, Start
from bench.serve.revision import Revision


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event of a log stream; the message ends with a line feed, as on AWS."""

    timestamp_ms: int
    message: str


class LogBook:
    """Collects the events of an environment. For one thread.

    Args:
        revision: supplies what the emulator does not know: version and runtime.
    """

    def __init__(self, revision: Revision) -> None:
        self._revision = revision
        self._events: list[LogEvent] = []

    def __call__(self, line: PlatformLine | bytes) -> None:
        """Note a platform line, or what the function has printed."""
        now_ns = time.time_ns()
        now_ms = now_ns // 1_000_000
        if isinstance(line, bytes):
            text = line.decode(errors="replace")
            parts = text.removesuffix("\n").split("\n")
            self._events += [LogEvent(now_ms, part + "\n") for part in parts]
            return
        told = self._completed(line)
        as_json = self._revision.log_format == "JSON"
        text = format_json(told, now_ns) if as_json else format_text(told)
        self._events.append(LogEvent(now_ms, text + "\n"))

    def take(self) -> list[LogEvent]:
        """What has come since the last time."""
        events, self._events = self._events, []
        return events

    def _completed(self, line: PlatformLine) -> PlatformLine:
        revision = self._revision
        if isinstance(line, Start):
            return replace(line, version=revision.version)
        if not isinstance(line, InitStart | RestoreStart):
            return line
        line = replace(
            line,
            runtime_version=revision.engine.version,
            runtime_version_arn=revision.runtime_arn,
        )
        if isinstance(line, InitStart):
            return replace(line, function_name=revision.name, function_version=revision.version)
        return line


def log_result(revision: Revision, events: list[LogEvent]) -> str:
    """``LogResult`` of the Invoke API: the last 4 KB of the log in base64."""
    log = "".join(event.message for event in events).encode()
    end = log_stream.tail(log, whole=revision.log_format == "JSON")
    return base64.b64encode(end).decode()
