from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.emulator.platform_format import (
    format_end,
    format_extension,
    format_init_report,
    format_init_start,
    format_json,
    format_report,
    format_restore_report,
    format_restore_start,
    format_start,
    format_telemetry,
    format_time,
)
from bench.emulator.platform_lines import (
    End,
    ExtensionLine,
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
from bench.emulator.reportlog import parse_line, platform_lines

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "report_lines"
_ID = "5f0e1c01-3a7b-4d19-8c42-9b6d10e7a001"
_TIME_NS = 1_791_444_629_470_999_999
_WRITERS: dict[type, Any] = {
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
_REPORT = Report(
    request_id=_ID,
    duration_ns=250_060_000,
    billed_duration_ms=351,
    memory_size_mb=128,
    max_memory_used_mb=77,
)


def _durations(step_ns: int) -> st.SearchStrategy[int]:
    return st.integers(0, 900_000_000_000 // step_ns).map(lambda steps: steps * step_ns)


def _or_none(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


_counts = st.integers(0, 9_999_999)
_hex = st.sampled_from("0123456789abcdef")
_ids = st.uuids().map(str)
_tokens = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
_printable = st.text(st.characters(exclude_categories=["C"]), min_size=1)
_letters = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1)
_statuses = st.sampled_from(["timeout", "error", "failure"])
_outcomes = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"status": _statuses}, optional={"error_type": _tokens}),
)
_traces = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "xray_trace_id": st.text(_hex, min_size=32, max_size=32).map(
                lambda h: f"1-{h[:8]}-{h[8:]}"
            )
        },
        optional={
            "segment_id": st.text(_hex, min_size=16, max_size=16),
            "sampled": st.booleans(),
        },
    ),
)
_restores = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"restore_duration_ns": _durations(10_000), "billed_restore_duration_ms": _counts}
    ),
)


def _reports(step_ns: int) -> st.SearchStrategy[Report]:
    numbers = st.fixed_dictionaries(
        {
            "request_id": _ids,
            "duration_ns": _durations(step_ns),
            "billed_duration_ms": _counts,
            "memory_size_mb": _counts,
            "max_memory_used_mb": _counts,
            "init_duration_ns": _or_none(_durations(step_ns)),
        }
    )
    return st.builds(
        lambda *parts: Report(**{k: v for part in parts for k, v in part.items()}),
        numbers,
        _restores,
        _outcomes,
        _traces,
    )


_versions = st.fixed_dictionaries(
    {"runtime_version": _or_none(_tokens), "runtime_version_arn": _or_none(_tokens)}
)
_extensions = st.builds(
    ExtensionLine,
    name=_printable,
    state=_letters,
    events=st.lists(_letters.map(str.upper)).map(tuple),
    error_type=_or_none(_tokens),
)
_subscriptions = st.builds(
    TelemetryLine,
    name=_printable,
    state=_letters,
    types=st.lists(_letters).map(tuple),
    api=st.sampled_from(["TELEMETRY", "LOGS"]),
)
_text_lines = st.one_of(
    st.builds(Start, request_id=_ids, version=st.just("$LATEST") | _counts.map(str)),
    st.builds(End, request_id=_ids),
    _reports(10_000),
    _versions.map(lambda values: InitStart(**values)),
    _versions.map(lambda values: RestoreStart(**values)),
    st.builds(
        lambda ns, phase, outcome: InitReport(duration_ns=ns, phase=phase, **outcome),
        _durations(10_000),
        st.sampled_from(["init", "invoke"]),
        _outcomes,
    ),
    st.builds(
        lambda ns, outcome: RestoreReport(duration_ns=ns, **outcome), _durations(10_000), _outcomes
    ),
    _extensions,
    _subscriptions,
)
_init_types = st.sampled_from(["on-demand", "provisioned-concurrency", "snap-start"])
_json_lines = st.one_of(
    st.builds(Start, request_id=_ids, version=_tokens, function_arn=_or_none(_tokens)),
    st.builds(End, request_id=_ids),
    _reports(1_000),
    st.builds(
        lambda report, parent: dataclasses.replace(
            report, xray_parent_id=parent if report.xray_trace_id else None
        ),
        _reports(1_000),
        st.text(_hex, min_size=16, max_size=16),
    ),
    _versions.map(lambda values: RestoreStart(**values)),
    st.builds(
        InitStart,
        runtime_version=_or_none(_printable),
        runtime_version_arn=_or_none(_printable),
        initialization_type=_init_types,
        phase=st.sampled_from(["init", "invoke"]),
        function_name=_or_none(_printable),
        function_version=_or_none(_printable),
    ),
    st.builds(
        lambda ns, phase, kind, outcome: InitReport(
            duration_ns=ns, phase=phase, initialization_type=kind, **outcome
        ),
        _durations(1_000),
        st.sampled_from(["init", "invoke"]),
        _init_types,
        _outcomes,
    ),
    st.builds(
        lambda ns, outcome: RestoreReport(duration_ns=ns, **outcome), _durations(1_000), _outcomes
    ),
    st.builds(
        RuntimeDone,
        activity=st.just("invoke"),
        request_id=_ids,
        status=_or_none(_statuses),
        duration_ns=_or_none(_durations(1_000)),
        produced_bytes=_or_none(_counts),
    ),
    st.builds(RuntimeDone, activity=st.just("init"), initialization_type=_init_types),
    _extensions,
    _subscriptions,
)


@settings(max_examples=300, deadline=None)
@given(_text_lines)
def test_text_lines_come_back(line: PlatformLine) -> None:
    """Whatever is written in text is read as the same record."""
    assert parse_line(_WRITERS[type(line)](line)) == line


@settings(max_examples=300, deadline=None)
@given(_json_lines, st.integers(0, 4_000_000_000_000_000_000))
def test_json_lines_come_back(line: PlatformLine, time_ns: int) -> None:
    """Whatever is written in JSON is read as the same record, at any time."""
    assert parse_line(format_json(line, time_ns)) == line


@settings(max_examples=200, deadline=None)
@given(_text_lines, st.text())
def test_a_line_with_something_before_it_is_the_functions_own(
    line: PlatformLine, before: str
) -> None:
    """Only at the start of a line does Lambda speak."""
    assert parse_line(f"x{before}{_WRITERS[type(line)](line)}") is None


@settings(max_examples=200, deadline=None)
@given(st.text())
@example('{"time":"","type":"platform.report","record":1}')
def test_no_text_makes_the_parser_fail(text: str) -> None:
    """Any text is a log; random text has no platform line in it."""
    assert list(platform_lines(text)) == []


@settings(max_examples=200, deadline=None)
@given(_reports(10_000), st.randoms(use_true_random=False))
def test_the_order_of_the_fields_is_free(report: Report, random: Any) -> None:
    """Fields in any order give the same report, so the quick pattern agrees with the table."""
    plain = dataclasses.replace(report, xray_trace_id=None, segment_id=None, sampled=None)
    first, *fields = format_report(plain).rstrip("\t").split("\t")
    random.shuffle(fields)

    assert parse_line("\t".join([first, *fields])) == plain


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in json.loads((_FIXTURES / "reports.json").read_text())
        if case["source"] == "published"
        and case["message"].startswith("REPORT")
        and "no tab" not in case["name"]
    ],
    ids=lambda case: case["name"],
)
def test_published_reports_are_written_byte_for_byte(case: dict[str, Any]) -> None:
    """Our line of the same values is the published one; ends of events vary in publications."""
    assert format_report(Report(**case["report"])).rstrip() == case["message"].rstrip()


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (Start(request_id=_ID, version="$LATEST"), f"START RequestId: {_ID} Version: $LATEST"),
        (End(request_id=_ID), f"END RequestId: {_ID}"),
        (
            _REPORT,
            f"REPORT RequestId: {_ID}\tDuration: 250.06 ms\tBilled Duration: 351 ms"
            "\tMemory Size: 128 MB\tMax Memory Used: 77 MB\t",
        ),
        (
            dataclasses.replace(
                _REPORT,
                init_duration_ns=100_770_000,
                xray_trace_id="1-6ac7d556-032906e375c910cf42cb849e",
                segment_id="90cbc97f4ee64a7f",
                sampled=False,
            ),
            f"REPORT RequestId: {_ID}\tDuration: 250.06 ms\tBilled Duration: 351 ms"
            "\tMemory Size: 128 MB\tMax Memory Used: 77 MB\tInit Duration: 100.77 ms\t\n"
            "XRAY TraceId: 1-6ac7d556-032906e375c910cf42cb849e\tSegmentId: 90cbc97f4ee64a7f"
            "\tSampled: false\t",
        ),
        (
            dataclasses.replace(_REPORT, status="error", error_type="Runtime.ExitError"),
            f"REPORT RequestId: {_ID}\tDuration: 250.06 ms\tBilled Duration: 351 ms"
            "\tMemory Size: 128 MB\tMax Memory Used: 77 MB"
            "\tStatus: error\tError Type: Runtime.ExitError",
        ),
        (
            InitStart(runtime_version="python:3.13.v64", runtime_version_arn="arn:aws:x"),
            "INIT_START Runtime Version: python:3.13.v64\tRuntime Version ARN: arn:aws:x",
        ),
        (
            InitReport(duration_ns=10_007_330_000, phase="init", status="timeout"),
            "INIT_REPORT Init Duration: 10007.33 ms\tPhase: init\tStatus: timeout",
        ),
        (
            RestoreStart(runtime_version="java:11.v20", runtime_version_arn="arn:aws:x"),
            "RESTORE_START Runtime Version: java:11.v20\tRuntime Version ARN: arn:aws:x",
        ),
        (RestoreReport(duration_ns=398_970_000), "RESTORE_REPORT Restore Duration: 398.97 ms"),
        (
            ExtensionLine(name="agent", state="Ready", events=("INVOKE", "SHUTDOWN")),
            "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
        ),
        (
            TelemetryLine(name="agent", state="Subscribed", types=("platform", "function")),
            "TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, Function]",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_text_lines_are_exactly_lambdas(line: PlatformLine, text: str) -> None:
    """Field order, tabs, decimals and brackets are those of published lines."""
    assert _WRITERS[type(line)](line) == text


@pytest.mark.parametrize(
    ("line", "kind", "record"),
    [
        (
            dataclasses.replace(_REPORT, init_duration_ns=463_512_000),
            "report",
            f'{{"requestId":"{_ID}","metrics":{{"durationMs":250.06,"billedDurationMs":351,'
            '"memorySizeMB":128,"maxMemoryUsedMB":77,"initDurationMs":463.512},'
            '"status":"success"}',
        ),
        (
            dataclasses.replace(_REPORT, duration_ns=5_000_000_000, status="timeout"),
            "report",
            f'{{"requestId":"{_ID}","metrics":{{"durationMs":5000.0,"billedDurationMs":351,'
            '"memorySizeMB":128,"maxMemoryUsedMB":77},"status":"timeout"}',
        ),
        (
            InitStart(initialization_type="on-demand", phase="init", runtime_version="x:1.v1"),
            "initStart",
            '{"initializationType":"on-demand","phase":"init","runtimeVersion":"x:1.v1"}',
        ),
        (
            InitReport(
                duration_ns=10_000_487_000,
                phase="init",
                status="timeout",
                initialization_type="on-demand",
            ),
            "initReport",
            '{"initializationType":"on-demand","phase":"init","status":"timeout",'
            '"metrics":{"durationMs":10000.487}}',
        ),
        (
            RuntimeDone(
                activity="invoke",
                request_id=_ID,
                status="timeout",
                duration_ns=5_001_182_000,
                produced_bytes=0,
            ),
            "runtimeDone",
            f'{{"requestId":"{_ID}","status":"timeout",'
            '"metrics":{"durationMs":5001.182,"producedBytes":0}}',
        ),
        (
            TelemetryLine(name="index.js", state="Subscribed", types=("platform", "function")),
            "telemetrySubscription",
            '{"name":"index.js","state":"Subscribed","types":["platform","function"]}',
        ),
    ],
    ids=["report", "timeout", "initStart", "initReport", "runtimeDone", "telemetrySubscription"],
)
def test_json_lines_are_exactly_lambdas(line: PlatformLine, kind: str, record: str) -> None:
    """Order of the members, decimals and the millisecond time are those of published records."""
    expected = f'{{"time":"2026-10-08T07:30:29.470Z","type":"platform.{kind}","record":{record}}}'

    assert format_json(line, _TIME_NS) == expected


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [(4_999, "0.00"), (5_000, "0.01"), (999_995_000, "1000.00"), (999_994_999, "999.99")],
)
def test_text_durations_are_rounded_to_two_decimals(duration_ns: int, text: str) -> None:
    """Half of the last decimal is rounded up, and carries."""
    assert format_restore_report(RestoreReport(duration_ns=duration_ns)).endswith(f": {text} ms")


def test_the_time_of_a_record_is_cut_at_the_millisecond() -> None:
    """A time is never in the future of the event."""
    assert format_time(999_999) == "1970-01-01T00:00:00.000Z"
