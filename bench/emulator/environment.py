"""One execution environment: its life from exec to kill, and the instant of every step.

The instants, all CLOCK_MONOTONIC:

* *start*: the launcher's last reading before ``posix_spawn`` of the function's program;
* *init end*: the bytes of the first ``GET /next`` have been received;
* *released*: just before the event's bytes are handed to the kernel;
* *received*: the last byte of the function's response has been received;
* *next*: the bytes of the following ``GET /next`` have been received.

Init Duration is init end - start; Duration as Lambda's own emulator defines it is next - released;
what a caller waits for is received - released. All three are reported.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.emulator import accounting, launcher, variables
from bench.emulator.limits import Cgroup
from bench.emulator.processes import CannotExecute, ExitStatus, Launcher, ProcessOrder, kill_group
from bench.emulator.runtime_api import (
    ACCEPTED,
    Arrival,
    Connection,
    RuntimeApi,
    error_body,
    response_bytes,
)
from bench.errors import MeasurementError

#: Lambda's limit on the init phase of an on-demand environment.
INIT_LIMIT_S = 10.0
#: How long a function may still be busy between its `GET /next` and the next event.
_IDLE_LIMIT_S = 0.25
#: How long a process that reported a failure may take to exit by itself.
_EXIT_GRACE_S = 0.5
_KILL_LIMIT_S = 10.0
_API = "/2018-06-01/runtime"


class FunctionFault(Exception):
    """The function failed, in Lambda's words: an error type and a message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One answered event and its instants (see the module's text), in ns."""

    request_id: str
    body: bytes
    content_type: str
    released_ns: int
    received_ns: int
    next_ns: int


class ExecutionEnvironment:
    """A process group that speaks the Runtime API, driven by one thread.

    Call :meth:`start`, :meth:`init`, :meth:`invoke` any number of times, and always :meth:`end`.
    """

    def __init__(
        self,
        launcher_process: Launcher,
        *,
        function_name: str,
        timeout_s: float,
        cgroup: Cgroup | None,
    ) -> None:
        self._launcher = launcher_process
        self._api = RuntimeApi(launcher_process.channel.fileno())
        self._function_name = function_name
        self._timeout_s = timeout_s
        self._cgroup = cgroup
        self._cpu_base_ns = 0
        self._parked: Connection | None = None
        self._state: Literal["init", "ready", "running", "responded", "ended"] = "init"
        self._at_gate = False
        self._started = False
        self._request_id = ""
        #: Whether the function sees a `/tmp` of its own.
        self.private_tmp = False
        #: Whether the function was idle each time it should have been.
        self.was_idle = True

    @property
    def api_address(self) -> str:
        """Value of ``AWS_LAMBDA_RUNTIME_API``."""
        return self._api.address

    @property
    def pid(self) -> int:
        """The function's main process; 0 before it exists."""
        return self._launcher.pid

    def start(self, order: ProcessOrder) -> None:
        """Have the process prepared up to the gate; nothing of the function runs yet."""
        self.private_tmp = self._launcher.prepare(order)
        self._at_gate = True
        if self._cgroup is not None:
            self._cpu_base_ns = self._cgroup.cpu_ns()

    def init(self, limit_s: float = INIT_LIMIT_S) -> int:
        """Open the gate and wait for the first ``GET /next``; returns Init Duration in ns.

        Raises:
            FunctionFault: the program failed, exited, or took longer than ``limit_s``.
        """
        self._at_gate = False
        self._started = True
        deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
        self._launcher.open_gate()
        init_end_ns = self._await_next(
            deadline_ns, f"init did not end within {limit_s:.2f} seconds"
        )
        return init_end_ns - self._launcher.stamps[launcher.STAMP_START_NS]

    @property
    def spawn_ns(self) -> int:
        """From start to the completed exec, in ns; part of Init Duration."""
        stamps = self._launcher.stamps
        return stamps[launcher.STAMP_EXECUTED_NS] - stamps[launcher.STAMP_START_NS]

    def settle(self) -> None:
        """Wait until the function is idle; then its CPU time and memory hold still."""
        idle = accounting.wait_until_idle(self.pid, _IDLE_LIMIT_S)
        self.was_idle = self.was_idle and idle

    def cpu_ns(self) -> int:
        """CPU time of the environment since start: of its cgroup, else of its main process."""
        if self._cgroup is None:
            return accounting.process_cpu_ns(self.pid)
        stamps = self._launcher.stamps
        own = stamps[launcher.STAMP_OWN_CPU_EXECUTED_NS] - stamps[launcher.STAMP_OWN_CPU_START_NS]
        return self._cgroup.cpu_ns() - self._cpu_base_ns - own

    def invoke(self, event: bytes) -> Invocation:
        """Release one event and wait for the response and the following ``GET /next``.

        Raises:
            FunctionFault: error response, exit, timeout, or a response above Lambda's limit.
        """
        connection = self._parked
        assert connection is not None, "invoke() follows init() or a successful invoke()"
        self._request_id = str(uuid.uuid4())
        deadline_ms = time.time_ns() // 1_000_000 + int(self._timeout_s * 1000)
        data = response_bytes(200, event, headers=self._event_headers(deadline_ms))
        self._state = "running"
        self._parked = None

        released_ns = time.monotonic_ns()
        connection.send(data)
        deadline_ns = released_ns + int(self._timeout_s * 1e9)
        arrival = self._await_response(deadline_ns)

        received_ns = arrival.received_ns
        timeout_text = f"Task timed out after {self._timeout_s:.2f} seconds"
        next_ns = self._await_next(deadline_ns, timeout_text)
        return Invocation(
            request_id=self._request_id,
            body=arrival.request.body,
            content_type=arrival.request.headers.get("content-type", "application/json"),
            released_ns=released_ns,
            received_ns=received_ns,
            next_ns=next_ns,
        )

    def end(self) -> None:
        """Kill the process group, and in the cgroup everybody but the launcher.

        Raises:
            MeasurementError: the process does not end.
        """
        self._state = "ended"
        try:
            if self._at_gate:
                self._launcher.abandon()
            pid = self.pid if self._started else 0
            if self._cgroup is not None:
                self._cgroup.set_quota(None)  # to die takes CPU time too
                self._cgroup.limit_memory(None)
            if pid:
                kill_group(pid)
            if self._cgroup is not None:
                self._cgroup.kill_all_but(self._launcher.own_pid)
            if pid and self._exited(pid, _KILL_LIMIT_S) is None:
                raise MeasurementError(
                    f"process {pid} of `{self._function_name}` does not end",
                    hint=f"look at `cat /proc/{pid}/stack` and `cat /proc/{pid}/status`",
                )
        finally:
            self._api.close()

    # -- the Runtime API's states ----------------------------------------------------------

    def _await_next(self, deadline_ns: int, timeout_text: str) -> int:
        """Wait for ``GET /next``; returns when its bytes had been received."""
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            if self._is_next(arrival):
                self._parked = arrival.connection
                self._state = "ready"
                return arrival.received_ns
            if arrival.request.path == f"{_API}/init/error" and self._state == "init":
                arrival.connection.send(response_bytes(202, ACCEPTED))
                raise self._reported(arrival)
            self._refuse(arrival)

    def _await_response(self, deadline_ns: int) -> Arrival:
        prefix = f"{_API}/invocation/{self._request_id}/"
        timeout_text = f"Task timed out after {self._timeout_s:.2f} seconds"
        while True:
            arrival = self._wait(deadline_ns, timeout_text)
            request = arrival.request
            if request.method == "POST" and request.path == prefix + "response":
                if request.too_large:
                    raise self._too_large(arrival)
                arrival.connection.send(response_bytes(202, ACCEPTED))
                self._state = "responded"
                return arrival
            if request.method == "POST" and request.path == prefix + "error":
                arrival.connection.send(response_bytes(202, ACCEPTED))
                raise self._reported(arrival)
            self._refuse(arrival)

    def _wait(self, deadline_ns: int, timeout_text: str) -> Arrival:
        while True:
            arrival = self._api.wait(deadline_ns)
            if arrival is not None:
                return arrival
            exit_status = self._exited(self.pid, 0.0)
            if exit_status is not None:
                raise FunctionFault("Runtime.ExitError", self._text(_exit_text(exit_status)))
            if time.monotonic_ns() >= deadline_ns:
                raise FunctionFault("Sandbox.Timedout", self._text(timeout_text))

    def _exited(self, pid: int, timeout_s: float) -> ExitStatus | None:
        try:
            return self._launcher.exited(pid, timeout_s)
        except CannotExecute as error:
            text = f"cannot execute the function's program: {error}"
            raise FunctionFault("Runtime.InvalidEntrypoint", text) from None

    def _is_next(self, arrival: Arrival) -> bool:
        request = arrival.request
        return request.method == "GET" and request.path == f"{_API}/invocation/next"

    def _refuse(self, arrival: Arrival) -> None:
        """Answer a request that the current state does not allow."""
        path = arrival.request.path
        if not path.startswith(f"{_API}/"):
            answer = response_bytes(404, error_body("NotFound", f"no such resource: {path}"))
        elif path.endswith(("/response", "/error")) and self._request_id not in path:
            answer = response_bytes(400, error_body("InvalidRequestID", "Invalid request ID"))
        else:
            text = f"{arrival.request.method} {path} is not allowed in state {self._state}"
            answer = response_bytes(403, error_body("InvalidStateTransition", text))
        arrival.connection.send(answer)

    def _reported(self, arrival: Arrival) -> FunctionFault:
        """The error that a runtime posted about its function."""
        try:
            error = json.loads(arrival.request.body)
            kind, message = str(error["errorType"]), str(error["errorMessage"])
        except (ValueError, KeyError, TypeError):
            kind = arrival.request.headers.get(
                "lambda-runtime-function-error-type", "Function.Unknown"
            )
            message = arrival.request.body[:2000].decode(errors="replace")
        self._launcher.exited(self.pid, _EXIT_GRACE_S if self._state == "init" else 0.0)
        return FunctionFault(kind, message)

    def _too_large(self, arrival: Arrival) -> FunctionFault:
        size = arrival.request.body_bytes
        text = f"Response payload size ({size} bytes) exceeded maximum allowed payload size."
        arrival.connection.send(response_bytes(413, error_body("RequestEntityTooLarge", text)))
        return FunctionFault("Function.ResponseSizeTooLarge", text)

    def _text(self, text: str) -> str:
        """Lambda puts the request id before the text; what was garbled is worth saying too."""
        prefix = f"RequestId: {self._request_id} Error: " if self._request_id else ""
        garbage = (
            f" (it sent a malformed request: {self._api.garbage})" if self._api.garbage else ""
        )
        return f"{prefix}{text}{garbage}"

    def _event_headers(self, deadline_ms: int) -> tuple[tuple[str, str], ...]:
        return (
            ("Lambda-Runtime-Aws-Request-Id", self._request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            (
                "Lambda-Runtime-Invoked-Function-Arn",
                variables.function_arn(self._function_name),
            ),
            ("Lambda-Runtime-Trace-Id", _trace_id(deadline_ms)),
        )


def _exit_text(status: ExitStatus) -> str:
    return f"Runtime exited with error: {status}"


def _trace_id(now_ms: int) -> str:
    """An unsampled X-Ray trace header: version, seconds in hexadecimal, 96 random bits."""
    random = uuid.uuid4().hex
    return f"Root=1-{now_ms // 1000:08x}-{random[:24]};Parent={random[16:]};Sampled=0"


def log_tail(path: Path, limit_bytes: int = 4_096) -> str:
    """The end of a function's log, as Lambda's `LogResult` has it; undecodable bytes replaced."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - limit_bytes))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
