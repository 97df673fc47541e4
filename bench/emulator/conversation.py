"""The Runtime API's rules: what each request of a runtime means in which state.

States and answers as AWS documents them and as its own emulator gives them: a request that the
state does not allow is 403 ``InvalidStateTransition``, another invocation's id is 400
``InvalidRequestID``, a response above 6 MB is 413; a repeated ``GET /next`` while an event is being
handled gives the same event again.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable
from typing import Literal

from bench.emulator.processes import ExitStatus
from bench.emulator.runtime_api import (
    ACCEPTED,
    Arrival,
    Connection,
    RuntimeApi,
    error_body,
    response_bytes,
)

_VERSION = "/2018-06-01"
_API = f"{_VERSION}/runtime"
_MODE_HEADER = "lambda-runtime-function-response-mode"
_ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"
_ERROR_BODY_TRAILER = "lambda-runtime-function-error-body"
_MODES = ("", "buffered", "streaming")


class FunctionFault(Exception):
    """The function failed, in Lambda's words: an error type and a message.

    ``payload`` is what the caller of the function gets: the runtime's own JSON where it sent one.
    """

    def __init__(self, kind: str, message: str, payload: bytes | None = None) -> None:
        super().__init__(message)
        # JSON may hold half a surrogate pair, which no file can.
        self.kind = kind.encode(errors="replace").decode()
        self.message = message.encode(errors="replace").decode()
        error = {"errorType": self.kind, "errorMessage": self.message}
        self.payload = payload or json.dumps(error).encode()


class Conversation:
    """Talks with one runtime from its first request to its last.

    Args:
        api: the transport.
        exited: how the runtime's process ended, or None while it lives.
    """

    def __init__(self, api: RuntimeApi, exited: Callable[[], ExitStatus | None]) -> None:
        self._api = api
        self._exited = exited
        self._state: Literal["init", "ready", "running", "responded"] = "init"
        self._parked: Connection | None = None
        self._request_id = ""
        self._event = b""

    @property
    def is_ready(self) -> bool:
        """Whether the runtime waits for an event."""
        return self._parked is not None

    def await_next(self, deadline_ns: int, timeout_text: str) -> int:
        """Wait for ``GET /next``; returns when its bytes had been received.

        Raises:
            FunctionFault: init error, exit, or the deadline has come.
        """
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            path = arrival.request.path
            if arrival.request.method == "GET" and path == f"{_API}/invocation/next":
                self._parked = arrival.connection
                self._state = "ready"
                return arrival.received_ns
            if path == f"{_API}/init/error" and self._state == "init":
                arrival.connection.send(response_bytes(202, ACCEPTED))
                raise _reported(arrival)
            self._answer_other(arrival)

    def release(self, request_id: str, event: bytes) -> int:
        """Hand an event, as a complete HTTP response, to the waiting runtime.

        Returns the reading of the clock just before the bytes went to the kernel.
        """
        connection = self._parked
        assert connection is not None, "the runtime does not wait for an event"
        self._request_id = request_id
        self._event = event
        self._state = "running"
        self._parked = None
        released_ns = time.monotonic_ns()
        connection.send(event)
        return released_ns

    def await_response(
        self, deadline_ns: int, timeout_text: str
    ) -> tuple[Arrival, FunctionFault | None]:
        """Wait for the response, or for the error that the runtime reports instead.

        Raises:
            FunctionFault: exit, deadline, or a response that Lambda does not take.
        """
        prefix = f"{_API}/invocation/{self._request_id}/"
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            request = arrival.request
            if request.method == "POST" and request.path == prefix + "response":
                self._refuse_bad_response(arrival)
                arrival.connection.send(response_bytes(202, ACCEPTED))
                self._state = "responded"
                return arrival, _mid_stream_error(arrival)
            if request.method == "POST" and request.path == prefix + "error":
                arrival.connection.send(response_bytes(202, ACCEPTED))
                self._state = "responded"
                return arrival, _reported(arrival)
            self._answer_other(arrival)

    def _wait(self, deadline_ns: int, timeout_text: str) -> Arrival:
        while True:
            arrival = self._api.wait(deadline_ns)
            if arrival is not None:
                return arrival
            status = self._exited()
            if status is not None:
                text = f"Runtime exited with error: {status}"
                raise FunctionFault("Runtime.ExitError", self._text(text))
            if time.monotonic_ns() >= deadline_ns:
                raise FunctionFault("Sandbox.Timedout", self._text(timeout_text))

    def _answer_other(self, arrival: Arrival) -> None:
        """Answer a request that does not move the conversation on."""
        method, path = arrival.request.method, arrival.request.path
        if method == "GET" and path == f"{_VERSION}/ping":
            answer = response_bytes(200, b"pong", content_type="text/plain")
        elif method == "GET" and path == f"{_API}/invocation/next" and self._state == "running":
            answer = self._event
        elif not path.startswith(f"{_API}/"):
            answer = response_bytes(404, error_body("NotFound", f"no such resource: {path}"))
        elif path.endswith(("/response", "/error")) and f"/{self._request_id}/" not in path:
            answer = response_bytes(400, error_body("InvalidRequestID", "Invalid request ID"))
        else:
            text = f"{method} {path} is not allowed in state {self._state}"
            answer = response_bytes(403, error_body("InvalidStateTransition", text))
        arrival.connection.send(answer)

    def _refuse_bad_response(self, arrival: Arrival) -> None:
        request = arrival.request
        mode = request.headers.get(_MODE_HEADER, "").lower()
        if mode not in _MODES:
            text = f"Invalid response mode header: {mode}"
            answer = response_bytes(400, error_body("InvalidResponseModeHeader", text))
            arrival.connection.send(answer)
            raise FunctionFault("Runtime.InvalidResponseModeHeader", self._text(text))
        if request.too_large:
            size = request.body_bytes
            text = f"Response payload size ({size} bytes) exceeded maximum allowed payload size."
            arrival.connection.send(response_bytes(413, error_body("RequestEntityTooLarge", text)))
            raise FunctionFault("Function.ResponseSizeTooLarge", text)

    def _text(self, text: str) -> str:
        """Lambda puts the request id before the text; what was garbled is worth saying too."""
        prefix = f"RequestId: {self._request_id} Error: " if self._request_id else ""
        garbage = (
            f" (it sent a malformed request: {self._api.garbage})" if self._api.garbage else ""
        )
        return f"{prefix}{text}{garbage}"


def _reported(arrival: Arrival) -> FunctionFault:
    """The error that a runtime posted about its function."""
    body = arrival.request.body
    try:
        error = json.loads(body)
        return FunctionFault(str(error["errorType"]), str(error["errorMessage"]), body)
    except (ValueError, KeyError, TypeError, RecursionError):
        kind = arrival.request.headers.get(_ERROR_TYPE_HEADER, "Function.Unknown")
        return FunctionFault(kind, body[:2000].decode(errors="replace"), body)


def _mid_stream_error(arrival: Arrival) -> FunctionFault | None:
    """The error that a runtime reports in the trailers of a response it had begun to stream."""
    trailers = arrival.request.trailers
    kind = trailers.get(_ERROR_TYPE_HEADER)
    if not kind:
        return None
    try:
        payload = base64.b64decode(trailers.get(_ERROR_BODY_TRAILER, ""), validate=True)
        message = str(json.loads(payload)["errorMessage"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return FunctionFault(kind, "the runtime reported an error in mid-stream")
    return FunctionFault(kind, message, payload)
