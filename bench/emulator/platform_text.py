"""Platform lines in the text log format of Lambda: the reader.

A table per kind of line says which labels it has and which form the value of each must have;
:mod:`bench.emulator.reportlog` says what makes a line Lambda's.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from bench.emulator.platform_lines import (
    End,
    ExtensionLine,
    InitReport,
    InitStart,
    PlatformLine,
    Report,
    RestoreReport,
    RestoreStart,
    Start,
    TelemetryLine,
)

#: A value's reader raises ValueError if the text has another form.
_Read = Callable[[str], object]
#: Label → attribute of the record and the reader of its value.
_Fields = Mapping[str, tuple[str, _Read]]

_unknown_field = re.compile(r"[A-Z][A-Za-z ]*: .+").fullmatch


def parse_text(line: str) -> PlatformLine | None:
    """The platform line in one line or CloudWatch event of text, or None if it is not Lambda's."""
    usual = _usual_report(line)
    if usual is not None:
        return _report_of(usual)
    form = _FORMS.get(line[:TEXT_KEY_LENGTH])
    if form is None:
        return None
    first, _, second = line.rstrip("\r\n").partition("\n")
    try:
        found = form.read(first.removesuffix("\r"))
    except ValueError:
        return None
    if second:
        return _with_trace(found, second) if isinstance(found, Report) else None
    return found


def _with_trace(report: Report, line: str) -> Report | None:
    """``report`` with what the X-Ray line after it says; None if ``line`` is something else."""
    if report.xray_trace_id is not None or not line.startswith("XRAY TraceId: "):
        return None
    try:
        return dataclasses.replace(report, **_values(line.rstrip("\r\n"), _TRACE))
    except ValueError:
        return None


def _report_of(usual: re.Match[str]) -> Report:
    request_id, duration, billed, size, used, init, trace_id, segment_id, sampled = usual.groups()
    return Report(
        request_id=request_id,
        duration_ns=int(duration.replace(".", "")) * 10_000,
        billed_duration_ms=int(billed),
        memory_size_mb=int(size),
        max_memory_used_mb=int(used),
        init_duration_ns=None if init is None else int(init.replace(".", "")) * 10_000,
        xray_trace_id=trace_id,
        segment_id=segment_id,
        sampled=None if sampled is None else sampled == "true",
    )


def _values(text: str, known: _Fields) -> dict[str, Any]:
    fields = text.split("\t")
    if not fields[-1]:
        fields.pop()
    values: dict[str, Any] = {}
    for field in fields:
        label, _, value = field.partition(": ")
        entry = known.get(label)
        if entry is not None:
            name, read = entry
            if name in values:
                raise ValueError(f"{label} twice")
            values[name] = read(value)
        elif not _unknown_field(field):
            raise ValueError(f"{field!r} is not a field")
    return values


class _Form:
    """A kind of line that consists of tab-divided ``Label: value`` fields, one of them first."""

    def __init__(
        self, kind: type[PlatformLine], word: str, fields: _Fields, **constants: object
    ) -> None:
        self.opening = f"{word}{next(iter(fields))}: "
        self._kind: Callable[..., PlatformLine] = kind
        self._word_length = len(word)
        self._fields = fields
        self._constants = constants
        self._required = {
            field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING
        }

    def read(self, line: str) -> PlatformLine:
        """The line as its record.

        Raises:
            ValueError: the line has another form.
        """
        if not line.startswith(self.opening):
            raise ValueError("another word")
        values = _values(line[self._word_length :], self._fields)
        if not values.keys() >= self._required:
            raise ValueError("a field is missing")
        return self._kind(**self._constants, **values)


class _Sentence:
    """``START`` and ``END``, which have no tabs."""

    def __init__(self, kind: Callable[..., PlatformLine], opening: str, rest: str) -> None:
        self.opening = opening
        self._kind = kind
        self._match = re.compile(re.escape(opening) + rest).fullmatch

    def read(self, line: str) -> PlatformLine:
        """The line as its record.

        Raises:
            ValueError: the line has another form.
        """
        found = self._match(line)
        if found is None:
            raise ValueError("another sentence")
        return self._kind(**found.groupdict())


def _pattern(regex: str) -> Callable[[str], str]:
    match = re.compile(regex).fullmatch

    def read(text: str) -> str:
        if match(text) is None:
            raise ValueError(f"{text!r} has another form")
        return text

    return read


def _number(regex: str, unit: str, scale: int = 1) -> Callable[[str], int]:
    match = re.compile(f"{regex} {unit}").fullmatch
    end = -len(unit) - 1

    def read(text: str) -> int:
        if match(text) is None:
            raise ValueError(f"{text!r} is not in {unit}")
        return int(text[:end].replace(".", "")) * scale

    return read


def _choice(values: Mapping[str, object]) -> _Read:
    def read(text: str) -> object:
        if text not in values:
            raise ValueError(f"{text!r} is none of {', '.join(values)}")
        return values[text]

    return read


def _words(text: str) -> tuple[str, ...]:
    _word_list(text)
    return tuple(re.findall("[A-Za-z]+", text))


def _types(text: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _words(text))


_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_TRACE_ID = r"1-[0-9a-f]{8}-[0-9a-f]{24}"
_SEGMENT_ID = "[0-9a-f]{16}"
#: Always two decimals, which makes the digits a number of 10 µs.
_duration = _number(r"[0-9]{1,9}\.[0-9]{2}", "ms", 10_000)
_whole_ms = _number(r"[0-9]{1,9}", "ms")
_megabytes = _number(r"[0-9]{1,7}", "MB")
_name = _pattern(r"[^\x00-\x1f]+")
_token = _pattern(r"[!-~]+")
_version = _pattern(r"[!-~]*")
_word_list = _pattern(r"\[(?:[A-Za-z]+(?:, ?[A-Za-z]+)*)?\]")

#: What most of the reports look like, in one pattern: three times as fast as field by field, and
#: with the same result.
_usual_report = re.compile(
    rf"REPORT RequestId: ({_UUID})"
    r"\tDuration: ([0-9]{1,9}\.[0-9]{2}) ms"
    r"\tBilled Duration: ([0-9]{1,9}) ms"
    r"\tMemory Size: ([0-9]{1,7}) MB"
    r"\tMax Memory Used: ([0-9]{1,7}) MB"
    r"(?:\tInit Duration: ([0-9]{1,9}\.[0-9]{2}) ms)?\t?"
    rf"(?:\r?\nXRAY TraceId: ({_TRACE_ID})\tSegmentId: ({_SEGMENT_ID})\tSampled: (true|false)\t?)?"
    r"[\r\n]*"
).fullmatch

_TRACE: _Fields = {
    "XRAY TraceId": ("xray_trace_id", _pattern(_TRACE_ID)),
    "SegmentId": ("segment_id", _pattern(_SEGMENT_ID)),
    "Sampled": ("sampled", _choice({"true": True, "false": False})),
}
_OUTCOME: _Fields = {
    "Status": (
        "status",
        _choice({"success": None, "timeout": "timeout", "error": "error", "failure": "failure"}),
    ),
    "Error Type": ("error_type", _token),
}
_RUNTIME: _Fields = {
    "Runtime Version": ("runtime_version", lambda text: _version(text) or None),
    "Runtime Version ARN": ("runtime_version_arn", lambda text: _version(text) or None),
}
_REPORT: _Fields = {
    "RequestId": ("request_id", _pattern(_UUID)),
    "Duration": ("duration_ns", _duration),
    "Billed Duration": ("billed_duration_ms", _whole_ms),
    "Memory Size": ("memory_size_mb", _megabytes),
    "Max Memory Used": ("max_memory_used_mb", _megabytes),
    "Init Duration": ("init_duration_ns", _duration),
    "Restore Duration": ("restore_duration_ns", _duration),
    "Billed Restore Duration": ("billed_restore_duration_ms", _whole_ms),
    **_OUTCOME,
    **_TRACE,
}
_INIT_REPORT: _Fields = {
    "Init Duration": ("duration_ns", _duration),
    "Phase": ("phase", _pattern("init|invoke")),
    **_OUTCOME,
}
_RESTORE_REPORT: _Fields = {"Restore Duration": ("duration_ns", _duration), **_OUTCOME}
_EXTENSION: _Fields = {
    "Name": ("name", _name),
    "State": ("state", _pattern("[A-Za-z]+")),
    "Events": ("events", _words),
    "Error Type": ("error_type", _token),
}
_SUBSCRIPTION: _Fields = {
    "Name": ("name", _name),
    "State": ("state", _pattern("[A-Za-z]+")),
    "Types": ("types", _types),
}

#: So much of the beginning of a line tells which form it must have.
TEXT_KEY_LENGTH = 9
_FORMS: Mapping[str, _Form | _Sentence] = {
    form.opening[:TEXT_KEY_LENGTH]: form
    for form in (
        _Sentence(
            Start,
            "START RequestId: ",
            rf"(?P<request_id>{_UUID}) Version: (?P<version>\$LATEST[.A-Z]*|[0-9]+)",
        ),
        _Sentence(End, "END RequestId: ", f"(?P<request_id>{_UUID})"),
        _Form(Report, "REPORT ", _REPORT),
        _Form(InitStart, "INIT_START ", _RUNTIME),
        _Form(InitReport, "INIT_REPORT ", _INIT_REPORT),
        _Form(RestoreStart, "RESTORE_START ", _RUNTIME),
        _Form(RestoreReport, "RESTORE_REPORT ", _RESTORE_REPORT),
        _Form(ExtensionLine, "EXTENSION\t", _EXTENSION),
        _Form(TelemetryLine, "TELEMETRY\t", _SUBSCRIPTION, api="TELEMETRY"),
        _Form(TelemetryLine, "LOGS\t", _SUBSCRIPTION, api="LOGS"),
    )
}
TEXT_KEYS = frozenset(_FORMS)
