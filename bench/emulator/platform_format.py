"""Platform lines as Lambda writes them, byte for byte, in its text and its JSON log format.

The order of the fields, the tabs and the decimals are those of lines published from CloudWatch
Logs. Nothing here ends with a line break; a ``REPORT`` with a trace has one inside it. Durations
are rounded to the last decimal of the form: 10 µs in text, 1 µs in JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from bench.emulator.platform_lines import (
    End,
    ExtensionLine,
    FailedStatus,
    InitReport,
    InitStart,
    PlatformLine,
    Report,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
    Start,
    TelemetryLine,
)


def format_start(line: Start) -> str:
    """``START RequestId: … Version: $LATEST``."""
    return f"START RequestId: {line.request_id} Version: {line.version}"


def format_end(line: End) -> str:
    """``END RequestId: …``."""
    return f"END RequestId: {line.request_id}"


def format_report(report: Report) -> str:
    """``REPORT …``, with the X-Ray part on a second line if the report has a trace.

    Every field ends with a tab, but for a status, which ends the line.
    """
    fields = [
        f"REPORT RequestId: {report.request_id}",
        f"Duration: {_ms(report.duration_ns)}",
        f"Billed Duration: {report.billed_duration_ms} ms",
        f"Memory Size: {report.memory_size_mb} MB",
        f"Max Memory Used: {report.max_memory_used_mb} MB",
    ]
    if report.init_duration_ns is not None:
        fields.append(f"Init Duration: {_ms(report.init_duration_ns)}")
    if report.restore_duration_ns is not None:
        fields.append(f"Restore Duration: {_ms(report.restore_duration_ns)}")
    if report.billed_restore_duration_ms is not None:
        fields.append(f"Billed Restore Duration: {report.billed_restore_duration_ms} ms")
    fields += _outcome(report.status, report.error_type) or [""]
    text = "\t".join(fields)
    return text if report.xray_trace_id is None else f"{text}\n{_xray_line(report)}"


def _xray_line(report: Report) -> str:
    fields = [f"XRAY TraceId: {report.xray_trace_id}"]
    if report.segment_id is not None:
        fields.append(f"SegmentId: {report.segment_id}")
    if report.sampled is not None:
        fields.append(f"Sampled: {'true' if report.sampled else 'false'}")
    return "\t".join([*fields, ""])


def format_init_start(line: InitStart) -> str:
    """``INIT_START Runtime Version: …⇥Runtime Version ARN: …``."""
    return f"INIT_START {_runtime(line)}"


def format_init_report(line: InitReport) -> str:
    """``INIT_REPORT Init Duration: …⇥Phase: …⇥Status: …⇥Error Type: …``."""
    return "\t".join(
        [
            f"INIT_REPORT Init Duration: {_ms(line.duration_ns)}",
            f"Phase: {line.phase}",
            *_outcome(line.status, line.error_type),
        ]
    )


def format_restore_start(line: RestoreStart) -> str:
    """``RESTORE_START Runtime Version: …⇥Runtime Version ARN: …``."""
    return f"RESTORE_START {_runtime(line)}"


def format_restore_report(line: RestoreReport) -> str:
    """``RESTORE_REPORT Restore Duration: …⇥Status: …⇥Error Type: …``."""
    return "\t".join(
        [
            f"RESTORE_REPORT Restore Duration: {_ms(line.duration_ns)}",
            *_outcome(line.status, line.error_type),
        ]
    )


def format_extension(line: ExtensionLine) -> str:
    """``EXTENSION⇥Name: …⇥State: …⇥Events: [INVOKE, SHUTDOWN]⇥Error Type: …``."""
    text = f"EXTENSION\tName: {line.name}\tState: {line.state}\tEvents: [{', '.join(line.events)}]"
    return text if line.error_type is None else f"{text}\tError Type: {line.error_type}"


def format_telemetry(line: TelemetryLine) -> str:
    """``TELEMETRY⇥Name: …⇥State: …⇥Types: [Platform, Function]``, or ``LOGS⇥…``."""
    types = ", ".join(name.capitalize() for name in line.types)
    return f"{line.api}\tName: {line.name}\tState: {line.state}\tTypes: [{types}]"


_TEXT: dict[type, Callable[[Any], str]] = {
    Start: format_start,
    End: format_end,
    Report: format_report,
    InitStart: format_init_start,
    InitReport: format_init_report,
    RestoreStart: format_restore_start,
    RestoreReport: format_restore_report,
    ExtensionLine: format_extension,
    TelemetryLine: format_telemetry,
}


def format_text(line: PlatformLine) -> str:
    """Any platform line in the text log format; empty for what only JSON logs have."""
    form = _TEXT.get(type(line))
    return "" if form is None else form(line)


def format_json(line: PlatformLine, time_ns: int) -> str:
    """Any platform line in the JSON log format.

    Args:
        line: what to say. Its members that are None are left out.
        time_ns: Unix time of the event; printed to the millisecond, as Lambda does.
    """
    kind, record = _event(line)
    event = {"time": format_time(time_ns), "type": f"platform.{kind}", "record": record}
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def format_time(time_ns: int) -> str:
    """Unix time as in a JSON log, for example ``2026-10-08T07:30:29.470Z``."""
    seconds, ns = divmod(time_ns, 1_000_000_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{ns // 1_000_000:03d}Z"


def _ms(ns: int) -> str:
    hundredths = (ns + 5_000) // 10_000
    return f"{hundredths // 100}.{hundredths % 100:02d} ms"


def _outcome(status: FailedStatus | None, error_type: str | None) -> list[str]:
    if status is None:
        return []
    return [f"Status: {status}"] + ([] if error_type is None else [f"Error Type: {error_type}"])


def _runtime(line: InitStart | RestoreStart) -> str:
    version, arn = line.runtime_version or "", line.runtime_version_arn or ""
    return f"Runtime Version: {version}\tRuntime Version ARN: {arn}"


def _event(line: PlatformLine) -> tuple[str, dict[str, Any]]:
    match line:
        case Start():
            return "start", _present(
                requestId=line.request_id, functionArn=line.function_arn, version=line.version
            )
        case End():
            return "end", {"requestId": line.request_id}
        case Report():
            return "report", _report_record(line)
        case InitStart() | InitReport():
            return _init_event(line)
        case RestoreStart():
            return "restoreStart", _present(
                runtimeVersion=line.runtime_version, runtimeVersionArn=line.runtime_version_arn
            )
        case RestoreReport():
            return "restoreReport", _present(
                **_status(line), metrics={"durationMs": _number(line.duration_ns)}
            )
        case RuntimeDone():
            return _runtime_done_event(line)
        case ExtensionLine() | TelemetryLine():
            return _extension_event(line)


def _report_record(report: Report) -> dict[str, Any]:
    metrics = _present(
        durationMs=_number(report.duration_ns),
        billedDurationMs=report.billed_duration_ms,
        memorySizeMB=report.memory_size_mb,
        maxMemoryUsedMB=report.max_memory_used_mb,
        initDurationMs=_number(report.init_duration_ns),
        restoreDurationMs=_number(report.restore_duration_ns),
        billedRestoreDurationMs=report.billed_restore_duration_ms,
    )
    tracing = None
    if report.xray_trace_id is not None:
        parent = "" if report.xray_parent_id is None else f";Parent={report.xray_parent_id}"
        sampled = "" if report.sampled is None else f";Sampled={int(report.sampled)}"
        tracing = _present(
            spanId=report.segment_id,
            type="X-Amzn-Trace-Id",
            value=f"Root={report.xray_trace_id}{parent}{sampled}",
        )
    return _present(
        requestId=report.request_id, metrics=metrics, **_status(report), tracing=tracing
    )


def _init_event(line: InitStart | InitReport) -> tuple[str, dict[str, Any]]:
    common = _present(initializationType=line.initialization_type, phase=line.phase)
    if isinstance(line, InitReport):
        metrics = {"durationMs": _number(line.duration_ns)}
        return "initReport", common | _status(line) | {"metrics": metrics}
    return "initStart", common | _present(
        runtimeVersion=line.runtime_version,
        runtimeVersionArn=line.runtime_version_arn,
        functionName=line.function_name,
        functionVersion=line.function_version,
    )


def _runtime_done_event(line: RuntimeDone) -> tuple[str, dict[str, Any]]:
    metrics = _present(durationMs=_number(line.duration_ns), producedBytes=line.produced_bytes)
    record = _present(
        requestId=line.request_id,
        initializationType=line.initialization_type,
        phase=line.phase,
        **_status(line),
        metrics=metrics or None,
    )
    kinds = {"init": "initRuntimeDone", "restore": "restoreRuntimeDone", "invoke": "runtimeDone"}
    return kinds[line.activity], record


def _extension_event(line: ExtensionLine | TelemetryLine) -> tuple[str, dict[str, Any]]:
    record: dict[str, Any] = {"name": line.name, "state": line.state}
    if isinstance(line, ExtensionLine):
        return "extension", record | _present(events=line.events, errorType=line.error_type)
    kind = "telemetrySubscription" if line.api == "TELEMETRY" else "logsSubscription"
    return kind, record | {"types": line.types}


def _status(line: Report | InitReport | RestoreReport | RuntimeDone) -> dict[str, Any]:
    return _present(status=line.status or "success", errorType=line.error_type)


def _number(ns: int | None) -> float | None:
    """Milliseconds whose shortest decimal form has at most three decimals."""
    return None if ns is None else (ns + 500) // 1_000 / 1_000


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
