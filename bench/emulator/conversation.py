"""The Runtime API's rules: what each request of a runtime means in which state.

States and answers as AWS documents them and as its own emulator gives them: a request that the
state does not allow is 403 ``InvalidStateTransition``, another invocation's id is 400
``InvalidRequestID``, a response above 6 MB is 413; a repeated ``GET /next`` while an event is being
handled gives the same event again. Requests of other APIs are handed to those who answer them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from bench.emulator.connection import Connection
from bench.emulator.extensions import Extensions
from bench.emulator.faults import FunctionFault, mid_stream_error, reported
from bench.emulator.http1 import Sink
from bench.emulator.http1_head import Request
from bench.emulator.processes import ExitStatus
from bench.emulator.runtime_api import Arrival, RuntimeApi, response_bytes
from bench.emulator.runtime_rules import (
    ACCEPTED_RESPONSE,
    API,
    INIT_ERROR,
    NEXT,
    RESTORE_ERROR,
    RESTORE_NEXT,
    VERSION,
    judged,
    refusal,
    refusal_or_pong,
)

#: Answers a request of another API than the Runtime API; False if it is of none it knows.
OtherApi = Callable[[Arrival], bool]
#: Is given the content type and a piece of a streamed response.
ResponseSink = Callable[[str, bytes], None]
#: How often something else is looked after while a request is awaited.
_LOOK_NS = 75_000_000
_REFUSED_TEXT = (
    "a client was refused that no process of this environment holds: one that closes its socket"
    " without reading the answer is not known any more"
)


class Conversation:
    """Talks with one runtime, and with its extensions, from the first request to the last.

    Args:
        api: the transport.
        exited: how the runtime's process ended, or None while it lives.
        extensions: those of the environment.
        others: further APIs on the same address.
        restores: whether this runtime is restored from a snapshot, as under SnapStart.
    """

    def __init__(
        self,
        api: RuntimeApi,
        exited: Callable[[], ExitStatus | None],
        extensions: Extensions,
        others: tuple[OtherApi, ...] = (),
        *,
        restores: bool = False,
    ) -> None:
        self._api = api
        self._exited = exited
        self._extensions = extensions
        self._others = (extensions.answer, *others)
        self._restores = restores
        self._state: Literal[
            "init", "restore-ready", "restoring", "ready", "running", "responded"
        ] = "init"
        self._parked: Connection | None = None
        self._request_id = ""
        self._event = b""
        self._streaming: Request | None = None
        self._arrival = api.wait

    def look_after(self, action: Callable[[], None]) -> None:
        """Have ``action`` called now and then while requests are awaited, from now on."""
        next_ns = 0

        def arrival(deadline_ns: int) -> Arrival | None:
            nonlocal next_ns
            now_ns = time.monotonic_ns()
            if now_ns >= next_ns:
                next_ns = now_ns + _LOOK_NS
            found = self._api.wait(min(deadline_ns, next_ns))
            if found is None and time.monotonic_ns() >= next_ns:
                action()
            return found

        self._arrival = arrival

    @property
    def is_ready(self) -> bool:
        """Whether the runtime waits for an event."""
        return self._state == "ready"

    @property
    def is_restorable(self) -> bool:
        """Whether the runtime waits for being restored from its snapshot."""
        return self._state == "restore-ready"

    def await_registrations(
        self, deadline_ns: int, timeout_text: str, alive: Callable[[], None]
    ) -> None:
        """Wait until all external extensions have registered, before the runtime is started.

        ``alive`` is called now and then, and raises what is the matter when one is not.

        Raises:
            FunctionFault: one of them failed, or the deadline has come.
        """
        while not self._extensions.externals_registered:
            self._extensions.check()
            alive()
            now_ns = time.monotonic_ns()
            if now_ns >= deadline_ns:
                raise FunctionFault("Sandbox.Timedout", self._text(timeout_text))
            arrival = self._api.wait(min(deadline_ns, now_ns + 20_000_000))
            if arrival is not None:
                self._answer_other(arrival)

    def await_next(self, deadline_ns: int, timeout_text: str) -> int:
        """Wait for ``GET /next``; returns when its bytes had been received.

        During the init of a runtime that is restored, ``GET restore/next`` ends the wait too.

        Raises:
            FunctionFault: init error, exit, or the deadline has come.
        """
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            request = arrival.request
            if request.method == "GET" and self._parks(request.path):
                self._park(arrival.connection)
                self._state = "ready" if request.path == NEXT else "restore-ready"
                return arrival.received_ns
            if request.method == "POST" and request.path == self._error_path():
                arrival.connection.send(ACCEPTED_RESPONSE)
                raise reported(request)
            self._answer_other(arrival)

    def await_extensions(self, deadline_ns: int, timeout_text: str, *, init: bool) -> int | None:
        """Wait until the extensions have asked for their next event; returns when that was.

        None if there was nothing to wait for. An init is over when all have asked, an invoke
        when all that were told of it have.

        Raises:
            FunctionFault: one of them or the runtime failed, or the deadline has come.
        """
        last_ns = None
        extensions = self._extensions
        while not (extensions.all_wait if init else extensions.invoked_wait):
            arrival = self._wait(deadline_ns, timeout_text)
            self._answer_other(arrival)
            last_ns = arrival.received_ns
        extensions.check()
        if init:
            extensions.registration_open = False
        return last_ns

    def release(self, request_id: str, event: bytes, stream_to: ResponseSink | None = None) -> int:
        """Hand an event, as a complete HTTP response, to the waiting runtime.

        Returns the reading of the clock just before the bytes went to the kernel.
        """
        connection = self._parked
        assert connection is not None, "the runtime does not wait for an event"
        self._request_id = request_id
        self._api.refused_a_client = False
        self._event = event
        self._state = "running"
        self._parked = None
        if stream_to is not None:
            self._api.sink_for = self._streamer(stream_to)
        released_ns = time.monotonic_ns()
        connection.send(event)
        return released_ns

    def restore(self) -> int:
        """Tell the runtime that it has been restored; returns the clock just before."""
        connection = self._parked
        assert connection is not None, "the runtime does not wait for its restore"
        self._state = "restoring"
        self._parked = None
        released_ns = time.monotonic_ns()
        connection.send(response_bytes(200, b"{}"))
        return released_ns

    def await_response(
        self, deadline_ns: int, timeout_text: str
    ) -> tuple[Arrival, FunctionFault | None]:
        """Wait for the response, or for the error that the runtime reports instead.

        A response that Lambda does not take is an error too; the runtime, which is told so, may go
        on after it.

        Raises:
            FunctionFault: exit, or the deadline has come.
        """
        prefix = f"{API}/invocation/{self._request_id}/"
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            request = arrival.request
            free = self._streaming is None or request is self._streaming
            if free and request.method == "POST" and request.path.startswith(prefix):
                call = request.path[len(prefix) :]
                if call == "response":
                    answer, kind, text = judged(request)
                    fault = FunctionFault(kind, self._explained(kind, text)) if kind else None
                    self._responded(arrival, answer)
                    return arrival, fault or mid_stream_error(request)
                if call == "error":
                    self._responded(arrival, ACCEPTED_RESPONSE)
                    return arrival, reported(request)
            self._answer_other(arrival)

    def await_shutdown(self, deadline_ns: int) -> None:
        """Wait until the extensions have taken note of the shutdown, or the deadline has come."""
        while not self._extensions.shutdown_wait:
            now_ns = time.monotonic_ns()
            if now_ns >= deadline_ns:
                return
            arrival = self._api.wait(min(deadline_ns, now_ns + 5_000_000))
            if arrival is not None:
                self._answer(arrival)

    def _responded(self, arrival: Arrival, answer: bytes) -> None:
        arrival.connection.send(answer)
        self._state = "responded"
        self._streaming = None
        self._api.sink_for = None

    def _parks(self, path: str) -> bool:
        """Whether a GET of this resource is what the state waits for."""
        if path == RESTORE_NEXT:
            return self._restores and self._state == "init"
        return path == NEXT

    def _park(self, connection: Connection) -> None:
        if self._parked is not None and self._parked is not connection:
            self._parked.close()
        self._parked = connection

    def _wait(self, deadline_ns: int, timeout_text: str) -> Arrival:
        while True:
            arrival = self._arrival(deadline_ns)
            if arrival is not None and arrival.received_ns < deadline_ns:
                return arrival
            status = self._exited()
            if status is not None:
                raise FunctionFault("Runtime.ExitError", self._text(_exit_text(status)))
            if self._extensions.exist:
                self._extensions.check()
            if time.monotonic_ns() >= deadline_ns:
                raise FunctionFault("Sandbox.Timedout", self._text(timeout_text))

    def _answer_other(self, arrival: Arrival) -> None:
        """Answer a request that does not move the conversation of the runtime on.

        Raises:
            FunctionFault: an extension reported an error.
        """
        self._answer(arrival)
        if self._extensions.exist:
            self._extensions.check()

    def _answer(self, arrival: Arrival) -> None:
        method, path = arrival.request.method, arrival.request.path
        if method == "GET" and path == NEXT and self._state in ("ready", "running"):
            if self._state == "ready":  # asked again on another connection: the last one gets it
                self._park(arrival.connection)
            else:
                arrival.connection.send(self._event)
            return
        if not path.startswith(f"{VERSION}/"):
            if any(answers(arrival) for answers in self._others):
                return
            answer = refusal(404, "NotFound", f"no such resource: {path[:200]}")
        else:
            answer = refusal_or_pong(method, path, self._request_id, self._state)
        arrival.connection.send(answer)

    def _error_path(self) -> str | None:
        """Where the runtime may report an error that is not one of an invoke."""
        paths = {"init": INIT_ERROR, "restoring": RESTORE_ERROR}
        return paths.get(self._state)

    def _streamer(self, stream_to: ResponseSink) -> Callable[[Request], Sink | None]:
        """Picks the streamed response of the current request out of what comes."""
        path = f"{API}/invocation/{self._request_id}/response"

        def sink_for(request: Request) -> Sink | None:
            wanted = request.method == "POST" and request.path == path and request.streamed
            if not wanted or self._state != "running" or self._streaming is not None:
                return None
            self._streaming = request
            content_type = request.headers.get("content-type", "application/octet-stream")
            return lambda piece: stream_to(content_type, piece)

        return sink_for

    def _explained(self, kind: str, text: str) -> str:
        """A response of too many bytes is told without the request, as Lambda does."""
        return text if kind == "Function.ResponseSizeTooLarge" else self._text(text)

    def _text(self, text: str) -> str:
        """Lambda puts the request id before the text; what was not understood is worth saying too.

        Without it, a runtime whose answer was refused would seem to have given none.
        """
        prefix = f"RequestId: {self._request_id} Error: " if self._request_id else ""
        garbage = (
            f" (it sent a malformed request: {self._api.garbage})" if self._api.garbage else ""
        )
        refused = f" ({_REFUSED_TEXT})" if self._api.refused_a_client else ""
        return f"{prefix}{text}{garbage}{refused}"


def _exit_text(status: ExitStatus) -> str:
    """Lambda's words for the end of a runtime; status 0 is a mistake too, but no error."""
    if status.status == 0:
        return "Runtime exited without providing a reason"
    return f"Runtime exited with error: {status}"
