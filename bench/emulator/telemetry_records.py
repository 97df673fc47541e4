"""Records of the Telemetry API and of the older Logs API: platform lines and output as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

from bench.emulator.log_frames import Output
from bench.emulator.platform_format import format_json, format_time
from bench.emulator.platform_lines import (
    End,
    ExtensionLine,
    PlatformLine,
    Report,
    RuntimeDone,
    Start,
    TelemetryLine,
)

TelemetryType = Literal["platform", "function", "extension"]
#: Schema versions of the Telemetry API, in their order.
SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
#: Those of the Logs API.
LOGS_SCHEMAS = ("2020-08-15", "2021-03-18")
#: Since then, what a function logs as JSON is a JSON object in its record.
_STRUCTURED_SINCE = "2022-12-13"
#: Since then, ``platform.start`` has the function's ARN.
_ARN_SINCE = "2025-01-29"
_OF_LOGS_API = (Start, End, Report, ExtensionLine, TelemetryLine)


def platform_record(line: PlatformLine, time_ns: int, schema: str) -> bytes | None:
    """The record of a platform line; None if this schema has none."""
    if schema in LOGS_SCHEMAS:
        done = isinstance(line, RuntimeDone) and line.activity == "invoke"
        if not isinstance(line, _OF_LOGS_API) and not (done and schema == LOGS_SCHEMAS[1]):
            return None
    elif isinstance(line, End):
        return None
    if isinstance(line, Start) and schema < _ARN_SINCE:
        line = replace(line, function_arn=None)
    return format_json(line, time_ns).encode(errors="replace")


def output_records(
    output: Output, kind: TelemetryType, time_ns: int, schema: str, *, structured: bool
) -> Iterable[bytes]:
    """One record per line of plain output, one for a record that a runtime framed.

    ``structured``: the function's log format is JSON.
    """
    time_ns = output.time_ns or time_ns
    lines = [output.data] if output.framed else output.data.split(b"\n")
    for line in lines:
        if not (line or output.framed):
            continue
        text = line.decode(errors="replace")
        record: Any = text.rstrip("\n") if output.framed else text
        if structured and schema >= _STRUCTURED_SINCE and text.startswith("{"):
            record = _object(text) or record
        event = {"time": format_time(time_ns), "type": kind, "record": record}
        yield json.dumps(event, separators=(",", ":")).encode()


def dropped_record(records: int, size_bytes: int, time_ns: int) -> bytes:
    """What a subscriber is told when it was too slow."""
    record = {
        "reason": "Consumer seems to have fallen behind: it has not taken what was sent in time.",
        "droppedRecords": records,
        "droppedBytes": size_bytes,
    }
    event = {"time": format_time(time_ns), "type": "platform.logsDropped", "record": record}
    return json.dumps(event, separators=(",", ":")).encode()


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
