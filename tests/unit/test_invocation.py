from __future__ import annotations

import re

import pytest

from bench.emulator.invocation import (
    NOBODY,
    Caller,
    event_headers,
    header_value,
    trace_fields,
    trace_header,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, ""),
        ("", ""),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a":\r\n "é"}', '{"a":"\\u00e9"}'),
        ("x\r\nInjected: yes", "x??Injected: yes"),
    ],
)
def test_a_header_value_is_one_line_of_ascii(text: str | None, value: str) -> None:
    """JSON keeps its meaning, anything else loses what no header can hold."""
    assert header_value(text) == value


def test_a_new_trace_is_not_sampled() -> None:
    """Version, seconds, 96 bits; a caller's trace is passed on."""
    assert re.fullmatch(
        "Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", trace_header(NOBODY)
    )
    assert trace_header(Caller(trace_id="Root=x")) == "Root=x"


def test_the_fields_of_a_trace() -> None:
    """In any order, without those that are empty."""
    assert trace_fields("Sampled=1; Root=1-2-3;Parent=;junk") == {"Sampled": "1", "Root": "1-2-3"}


def test_an_arn_cannot_inject_a_header() -> None:
    """Every value stands on one line of ASCII, that of the function's name included."""
    headers = event_headers(
        NOBODY, function_name="ü\r\nInjected: yes", request_id="r", deadline_ms=1, trace_id="Root=x"
    )

    assert all(value.isascii() and value.isprintable() for _, value in headers)
