"""One event as it goes to a function, and how it came back."""

from __future__ import annotations

import json
import time

from bench.emulator import variables
from bench.emulator.conversation import ResponseSink
from bench.emulator.faults import FunctionFault
from bench.emulator.identifiers import random_uuid
from bench.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What the caller of a function hands over besides the event; all of it may be missing."""

    #: ``Root=1-…;Parent=…;Sampled=0|1``; None makes an unsampled one.
    trace_id: str | None = None
    #: JSON, as a mobile SDK sends it.
    client_context: str | None = None
    #: JSON with the identity and its pool.
    cognito_identity: str | None = None
    tenant_id: str | None = None
    #: The ARN as called, with version or alias; None is that of the function.
    function_arn: str | None = None


class FirstByte:
    """Passes the pieces of a streamed response on, and notes when the first one came."""

    def __init__(self, sink: ResponseSink) -> None:
        self._sink = sink
        self.at_ns: int | None = None

    def __call__(self, content_type: str, piece: bytes) -> None:
        """Pass one on."""
        if self.at_ns is None:
            self.at_ns = time.monotonic_ns()
        self._sink(content_type, piece)


#: Nothing but the event.
NOBODY = Caller()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One answered event and its instants in ns, CLOCK_MONOTONIC.

    See :mod:`bench.emulator.environment` for their meaning.
    """

    request_id: str
    #: Empty if the response was streamed to somebody.
    body: bytes
    content_type: str
    released_ns: int
    received_ns: int
    #: None if the runtime ended after its response, or did not ask for more in time.
    next_ns: int | None
    #: What the runtime reported instead of a response.
    error: FunctionFault | None = None
    #: What became of the environment after the response or error: exit or timeout of the runtime
    #: or an extension.
    ended: FunctionFault | None = None
    #: When the last extension had asked for more, where one took longer than the runtime.
    extensions_ns: int | None = None
    #: When the first piece of a streamed response came.
    first_byte_ns: int | None = None
    #: Size of the response.
    produced_bytes: int = 0


def trace_header(caller: Caller) -> str:
    """The X-Ray trace of an invoke: the caller's, or an unsampled one.

    A new one has the version, the seconds in hexadecimal, and 96 random bits.
    """
    if caller.trace_id is not None:
        return caller.trace_id
    random = random_uuid().replace("-", "")
    return f"Root=1-{int(time.time()):08x}-{random[:24]};Parent={random[16:]};Sampled=0"


def event_headers(
    caller: Caller, *, function_name: str, request_id: str, deadline_ms: int, trace_id: str
) -> tuple[tuple[str, str], ...]:
    """The headers of ``GET /next``'s answer; the empty ones are not to be sent."""
    arn = caller.function_arn or variables.function_arn(function_name)
    return (
        ("Lambda-Runtime-Aws-Request-Id", request_id),
        ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", header_value(arn)),
        ("Lambda-Runtime-Trace-Id", header_value(trace_id)),
        ("Lambda-Runtime-Client-Context", header_value(caller.client_context)),
        ("Lambda-Runtime-Cognito-Identity", header_value(caller.cognito_identity)),
        ("Lambda-Runtime-Aws-Tenant-Id", header_value(caller.tenant_id)),
    )


def extension_event(headers: dict[str, str]) -> dict[str, object]:
    """The INVOKE event of the Extensions API, from the headers of the event that it is about."""
    return {
        "eventType": "INVOKE",
        "deadlineMs": int(headers["Lambda-Runtime-Deadline-Ms"]),
        "requestId": headers["Lambda-Runtime-Aws-Request-Id"],
        "invokedFunctionArn": headers["Lambda-Runtime-Invoked-Function-Arn"],
        "tracing": {"type": "X-Amzn-Trace-Id", "value": headers["Lambda-Runtime-Trace-Id"]},
    }


def header_value(text: str | None) -> str:
    """``text`` as it can stand in a header: JSON is written without line breaks and in ASCII."""
    if not text:
        return ""
    if text.isascii() and text.isprintable():
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"))
    except (ValueError, RecursionError):
        return "".join(c if c.isascii() and c.isprintable() else "?" for c in text)


def trace_fields(trace_id: str) -> dict[str, str]:
    """``Root``, ``Parent`` and ``Sampled`` of a trace header, as far as it has them."""
    parts = (part.strip().partition("=") for part in trace_id.split(";"))
    return {name: value for name, _, value in parts if value}
