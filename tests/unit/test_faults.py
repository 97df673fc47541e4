from __future__ import annotations

import base64
import json

import pytest

from bench.emulator.faults import mid_stream_error, normalised_type, reported
from bench.emulator.http1_head import Request


def _request(
    body: bytes, header: str | None = None, trailers: dict[str, str] | None = None
) -> Request:
    headers = {} if header is None else {"lambda-runtime-function-error-type": header}
    return Request("POST", "/", headers, body, trailers or {}, len(body))


@pytest.mark.parametrize(
    ("kind", "normalised"),
    [
        ("Runtime.ExitError", "Runtime.ExitError"),
        ("Function.ResponseSizeTooLarge", "Function.ResponseSizeTooLarge"),
        ("Extension.Crash", "Extension.Crash"),
        ("Sandbox.Timedout", "Sandbox.Timedout"),
        ("Runtime.exit", "Runtime.Unknown"),
        ("Runtime.Exit2", "Runtime.Unknown"),
        ("Runtime.", "Runtime.Unknown"),
        ("ValueError", "Function.Unknown"),
        ("Function.", "Function.Unknown"),
        ("", "Function.Unknown"),
        ("Runtime.ExitError\n", "Runtime.Unknown"),
    ],
)
def test_types_are_lambdas_or_unknown(kind: str, normalised: str) -> None:
    """The pattern of AWS's runtime interface emulator."""
    assert normalised_type(kind) == normalised


def test_the_payload_is_the_runtimes_own() -> None:
    """Its type goes to the caller, the header's to the platform lines."""
    body = b'{"errorType": "KeyError", "errorMessage": "x"}'

    fault = reported(_request(body, "Runtime.HandlerFailed"))

    assert (fault.kind, fault.message, fault.payload) == ("KeyError", "x", body)
    assert fault.platform_type == "Runtime.HandlerFailed"


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"errorType": 1}', b"[" * 100_000])
def test_an_error_that_is_no_error_document(body: bytes) -> None:
    """It is unknown, and still an error."""
    assert reported(_request(body)).kind == "Function.Unknown"


@pytest.mark.parametrize(
    ("body", "header", "kind", "message"),
    [
        (b'{"errorType": "E", "errorMessage": "' + b"x" * 9_000, None, "E", "x" * 2_000),
        (
            b'{"errorMessage" : "a\\"\\u00e9", "stackTrace": ["',
            "Runtime.Reason",
            "Runtime.Reason",
            'a"\u00e9',
        ),
        (b'{"errorType": "E", "errorMessage": "cut \\u00', None, "E", "cut \\u00"),
        (b"no JSON", None, "Function.Unknown", "no JSON"),
    ],
)
def test_an_error_document_in_part(
    body: bytes, header: str | None, kind: str, message: str
) -> None:
    """The caller gets whole JSON with its type and the beginning of its message."""
    request = _request(body, header)
    request.truncated = True

    fault = reported(request)

    assert json.loads(fault.payload) == {"errorType": kind, "errorMessage": message}
    assert fault.platform_type == normalised_type(header or kind)


def test_an_error_document_above_the_limit_is_not_passed_on() -> None:
    """What was kept of it is no JSON."""
    request = _request(b'{"errorType": "E", "errorMessage": "xxx')
    request.body_bytes = request.limit_bytes + 1

    assert json.loads(reported(request).payload) == {"errorType": "E", "errorMessage": "xxx"}


def test_half_a_surrogate_pair_does_no_harm() -> None:
    """JSON can say what no file can hold."""
    fault = reported(_request(b'{"errorType": "\\ud800", "errorMessage": "\\udfff"}'))

    assert (fault.kind, fault.message) == ("?", "?")


def test_an_error_in_the_trailers() -> None:
    """Type and body, the latter in base64; a body that is none leaves the type."""
    body = json.dumps({"errorType": "Function.Lost", "errorMessage": "lost"}).encode()
    name, error = "lambda-runtime-function-error-type", "lambda-runtime-function-error-body"

    good = mid_stream_error(
        _request(b"", None, {name: "Function.Lost", error: base64.b64encode(body).decode()})
    )
    bad = mid_stream_error(_request(b"", None, {name: "Function.Lost", error: "%%%"}))

    assert good is not None
    assert bad is not None
    assert (good.message, good.payload) == ("lost", body)
    assert (bad.kind, bad.message) == (
        "Function.Lost",
        "the runtime reported an error in mid-stream",
    )
    assert mid_stream_error(_request(b"")) is None
