"""Platform lines in the JSON log format of Lambda, one object per line: the reader.

``{"time":"…Z","type":"platform.report","record":{…}}``, as the Telemetry API's schema reference
describes the records and as CloudWatch Logs shows them. ``platform.end`` is of the older Logs
API: Lambda's JSON logs have none, and ``platform.runtimeDone`` at DEBUG instead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast

from bench.emulator.platform_lines import (
    End,
    ExtensionLine,
    FailedStatus,
    InitReport,
    InitStart,
    Phase,
    PlatformLine,
    Report,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
    Start,
    TelemetryLine,
)

T = TypeVar("T")
_Record = dict[str, Any]

_MEMBERS = {"time", "type", "record"}
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z")
_REQUEST_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LARGEST_COUNT = 10**12
#: Up to here a float of milliseconds is within half a nanosecond of the decimals it was read from.
_LONGEST_MS = 10**9
_STATUSES: Mapping[str, FailedStatus | None] = {
    "success": None,
    "timeout": "timeout",
    "error": "error",
    "failure": "failure",
}
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")


def parse_json(line: str) -> PlatformLine | None:
    """The platform line in one JSON object, or None if the object is somebody else's.

    The object must have exactly the members time, type and record, the record all members that
    its type demands, each of the right type; further members of a record are ignored, because
    Lambda has added some with every version of its schema.
    """
    try:
        event = json.loads(line)
        if type(event) is not dict or event.keys() != _MEMBERS:
            return None
        read = _READERS.get(_text(event, "type"))
        if read is None or not _TIME.fullmatch(_text(event, "time")):
            return None
        return read(_object(event, "record"))
    # What a user prints may be anything: no JSON at all, or nested too deeply.
    except (ValueError, RecursionError):
        return None


def _text(record: _Record, key: str) -> str:
    value = record.get(key)
    if type(value) is not str:
        raise ValueError(f"{key} is not a string")
    return value


def _object(record: _Record, key: str) -> _Record:
    value = record.get(key)
    if type(value) is not dict:
        raise ValueError(f"{key} is not an object")
    return value


def _texts(record: _Record, key: str) -> tuple[str, ...]:
    values = record.get(key)
    if type(values) is not list or not all(type(value) is str for value in values):
        raise ValueError(f"{key} is not a list of strings")
    return tuple(values)


def _count(record: _Record, key: str) -> int:
    value = record.get(key)
    if type(value) is not int or not 0 <= value <= _LARGEST_COUNT:
        raise ValueError(f"{key} is not a count")
    return value


def _ns(record: _Record, key: str) -> int:
    value: Any = record.get(key, "")
    if type(value) not in (int, float) or not 0 <= value <= _LONGEST_MS:
        raise ValueError(f"{key} is not a duration")
    ns: int = round(value * 1_000_000)
    return ns


def _request_id(record: _Record, key: str = "requestId") -> str:
    value = _text(record, key)
    if not _REQUEST_ID.fullmatch(value):
        raise ValueError(f"{key} is not a request id")
    return value


def _phase(record: _Record, key: str = "phase") -> Phase:
    value = _text(record, key)
    if value not in ("init", "invoke"):
        raise ValueError(f"{key} is not a phase")
    return cast(Phase, value)


def _status(record: _Record) -> FailedStatus | None:
    """None for success, and where the record of an early schema has no status."""
    value = "success" if "status" not in record else _text(record, "status")
    if value not in _STATUSES:
        raise ValueError("status is none of Lambda's")
    return _STATUSES[value]


def _optional(read: Callable[[_Record, str], T], record: _Record, key: str) -> T | None:
    return read(record, key) if key in record else None


def _start(record: _Record) -> Start:
    return Start(
        request_id=_request_id(record),
        version=_text(record, "version"),
        function_arn=_optional(_text, record, "functionArn"),
    )


def _end(record: _Record) -> End:
    return End(request_id=_request_id(record))


def _report(record: _Record) -> Report:
    metrics = _object(record, "metrics")
    return Report(
        request_id=_request_id(record),
        duration_ns=_ns(metrics, "durationMs"),
        billed_duration_ms=_count(metrics, "billedDurationMs"),
        memory_size_mb=_count(metrics, "memorySizeMB"),
        max_memory_used_mb=_count(metrics, "maxMemoryUsedMB"),
        init_duration_ns=_optional(_ns, metrics, "initDurationMs"),
        restore_duration_ns=_optional(_ns, metrics, "restoreDurationMs"),
        billed_restore_duration_ms=_optional(_count, metrics, "billedRestoreDurationMs"),
        status=_status(record),
        error_type=_optional(_text, record, "errorType"),
        **_trace(record),
    )


def _trace(record: _Record) -> dict[str, Any]:
    """The trace context of :class:`Report`; empty where there is none or Root has another form."""
    if "tracing" not in record:
        return {}
    tracing = _object(record, "tracing")
    parts = dict(part.partition("=")[::2] for part in _text(tracing, "value").split(";"))
    if not _ROOT.fullmatch(parts.get("Root", "")):
        return {}
    return {
        "xray_trace_id": parts["Root"],
        "xray_parent_id": parts["Parent"] if _PARENT.fullmatch(parts.get("Parent", "")) else None,
        "segment_id": _optional(_text, tracing, "spanId"),
        "sampled": {"0": False, "1": True}.get(parts.get("Sampled", "")),
    }


def _init_start(record: _Record) -> InitStart:
    return InitStart(
        runtime_version=_optional(_text, record, "runtimeVersion"),
        runtime_version_arn=_optional(_text, record, "runtimeVersionArn"),
        initialization_type=_text(record, "initializationType"),
        phase=_phase(record),
        function_name=_optional(_text, record, "functionName"),
        function_version=_optional(_text, record, "functionVersion"),
    )


def _init_report(record: _Record) -> InitReport:
    return InitReport(
        duration_ns=_ns(_object(record, "metrics"), "durationMs"),
        phase=_phase(record),
        status=_status(record),
        error_type=_optional(_text, record, "errorType"),
        initialization_type=_text(record, "initializationType"),
    )


def _restore_start(record: _Record) -> RestoreStart:
    return RestoreStart(
        runtime_version=_optional(_text, record, "runtimeVersion"),
        runtime_version_arn=_optional(_text, record, "runtimeVersionArn"),
    )


def _restore_report(record: _Record) -> RestoreReport:
    return RestoreReport(
        duration_ns=_ns(_object(record, "metrics"), "durationMs"),
        status=_status(record),
        error_type=_optional(_text, record, "errorType"),
    )


def _runtime_done(record: _Record, activity: Literal["init", "restore", "invoke"]) -> RuntimeDone:
    metrics = _object(record, "metrics") if "metrics" in record else {}
    return RuntimeDone(
        activity=activity,
        status=_status(record),
        error_type=_optional(_text, record, "errorType"),
        request_id=_request_id(record) if activity == "invoke" else None,
        initialization_type=_optional(_text, record, "initializationType"),
        phase=_optional(_phase, record, "phase"),
        duration_ns=_optional(_ns, metrics, "durationMs"),
        produced_bytes=_optional(_count, metrics, "producedBytes"),
    )


def _extension(record: _Record) -> ExtensionLine:
    return ExtensionLine(
        name=_text(record, "name"),
        state=_text(record, "state"),
        events=_texts(record, "events"),
        error_type=_optional(_text, record, "errorType"),
    )


def _subscription(record: _Record, api: Literal["TELEMETRY", "LOGS"]) -> TelemetryLine:
    return TelemetryLine(
        name=_text(record, "name"),
        state=_text(record, "state"),
        types=_texts(record, "types"),
        api=api,
    )


_READERS: Mapping[str, Callable[[_Record], PlatformLine]] = {
    "platform.start": _start,
    "platform.end": _end,
    "platform.report": _report,
    "platform.initStart": _init_start,
    "platform.initReport": _init_report,
    "platform.initRuntimeDone": lambda record: _runtime_done(record, "init"),
    "platform.restoreStart": _restore_start,
    "platform.restoreReport": _restore_report,
    "platform.restoreRuntimeDone": lambda record: _runtime_done(record, "restore"),
    "platform.runtimeDone": lambda record: _runtime_done(record, "invoke"),
    "platform.extension": _extension,
    "platform.telemetrySubscription": lambda record: _subscription(record, "TELEMETRY"),
    "platform.logsSubscription": lambda record: _subscription(record, "LOGS"),
}
