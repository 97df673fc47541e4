from __future__ import annotations

import json

import pytest

from bench.emulator.log_frames import Output
from bench.emulator.log_stream import LogFormat, LogStream, tail
from bench.emulator.platform_lines import (
    End,
    InitReport,
    InitStart,
    PlatformLine,
    Report,
    RuntimeDone,
    Start,
)

_ID = "0b1d9c52-6a53-4a2f-9d3e-2f7d5c1a8e01"
_LINES: tuple[PlatformLine, ...] = (
    InitStart(initialization_type="on-demand", phase="init", runtime_version="go:1"),
    InitReport(duration_ns=1, phase="init", initialization_type="on-demand"),
    InitReport(duration_ns=1, phase="init", initialization_type="on-demand", status="timeout"),
    InitReport(duration_ns=1, phase="init", initialization_type="snap-start"),
    Start(request_id=_ID, version="1"),
    RuntimeDone(activity="invoke", request_id=_ID),
    RuntimeDone(activity="invoke", request_id=_ID, status="error"),
    End(request_id=_ID),
    Report(
        request_id=_ID,
        duration_ns=1,
        billed_duration_ms=1,
        memory_size_mb=128,
        max_memory_used_mb=1,
    ),
)


def _stream(log_format: LogFormat, **levels: str) -> tuple[LogStream, list[PlatformLine | bytes]]:
    told: list[PlatformLine | bytes] = []
    return LogStream(log_format, told.append, **levels), told


@pytest.mark.parametrize(
    ("log_format", "system_level", "visible"),
    [
        ("Text", "INFO", [0, 2, 3, 4, 7, 8]),
        ("JSON", "DEBUG", [0, 1, 2, 3, 4, 5, 6, 8]),
        ("JSON", "INFO", [0, 2, 3, 4, 6, 8]),
        ("JSON", "WARN", [2, 6]),
    ],
)
def test_which_platform_lines_are_seen(
    log_format: LogFormat, system_level: str, visible: list[int]
) -> None:
    """Text has no RuntimeDone and no report of a good init on demand; JSON has no END."""
    stream, told = _stream(log_format, system_level=system_level)

    for line in _LINES:
        stream.platform(line)

    assert told == [_LINES[i] for i in visible]
    assert len(stream.take().splitlines()) == len(visible)


def test_output_below_its_level_is_not_seen_in_a_json_log() -> None:
    """By the level of the frame, or that of the JSON object with a time; other lines are INFO."""
    stream, told = _stream("JSON", application_level="WARN")

    stream.output(Output(data=b"framed", framed=True, level="INFO"))
    stream.output(Output(data=b"framed", framed=True, level="ERROR"))
    stream.output(
        Output(
            data=b'{"timestamp":"t","level":"info"}\n{"timestamp":"t","level":"fatal"}\n'
            b'{"level":"debug"}\nplain\n'
        )
    )

    assert told == [b"framed\n", b'{"timestamp":"t","level":"fatal"}\nplain\n']


def test_a_text_log_shows_all_output() -> None:
    """And ends each piece with a line break."""
    stream, told = _stream("Text", application_level="ERROR")

    stream.output(Output(data=b'{"timestamp":"t","level":"debug"}'))

    assert told == [b'{"timestamp":"t","level":"debug"}\n']


def test_the_log_is_taken_once() -> None:
    """Each answer has what was logged since the last one."""
    stream, _ = _stream("JSON")
    stream.platform(_LINES[4])

    first, second = stream.take(), stream.take()

    assert json.loads(first)["type"] == "platform.start"
    assert second == b""


@pytest.mark.parametrize(
    ("log", "whole", "expected"),
    [
        (b"short\n", True, b"short\n"),
        (b"x" * 5_000, False, b"x" * 4_096),
        (b"x" * 5_000 + b"\nlast\n", True, b"last\n"),
        (b"gone\n" + b"y" * 4_095 + b"\n", True, b"y" * 4_095 + b"\n"),
        (b"x" * 5_000, True, b""),
    ],
)
def test_the_tail_of_a_log(log: bytes, whole: bool, expected: bytes) -> None:
    """4 KB; of a JSON log only whole lines."""
    assert tail(log, whole=whole) == expected


@pytest.mark.parametrize("size", [10, 3_000, 4_096, 20_000])
def test_no_more_is_kept_than_the_tail_needs(size: int) -> None:
    """The tail is that of the whole log, also where it begins with a line."""
    whole, _ = _stream("Text")
    ending = LogStream("Text", lambda _: None, whole=False)
    for _ in range(9):
        whole.output(Output(data=b"x" * (size - 1) + b"\n"))
        ending.output(Output(data=b"x" * (size - 1) + b"\n"))

    log, kept = whole.take(), ending.take()

    assert [tail(kept, whole=w) for w in (True, False)] == [
        tail(log, whole=w) for w in (True, False)
    ]
    assert len(kept) < 2 * 4_097
    assert ending.take() == b""
