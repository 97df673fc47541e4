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

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from bench.emulator import accounting, launcher, variables
from bench.emulator.conversation import Conversation, FunctionFault
from bench.emulator.limits import Cgroup
from bench.emulator.processes import CannotExecute, ExitStatus, Launcher, ProcessOrder, kill_group
from bench.emulator.runtime_api import RuntimeApi, response_bytes
from bench.errors import MeasurementError

#: Lambda's limit on the init phase of an on-demand environment.
INIT_LIMIT_S = 10.0
#: How long a function may still be busy between its `GET /next` and the next event.
_IDLE_LIMIT_S = 0.25
_KILL_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One answered event and its instants (see the module's text), in ns."""

    request_id: str
    body: bytes
    content_type: str
    released_ns: int
    received_ns: int
    #: None if the runtime ended after it had reported an error.
    next_ns: int | None
    #: What the runtime reported instead of a response.
    error: FunctionFault | None = None


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
        stop_fd: int | None = None,
    ) -> None:
        self._launcher = launcher_process
        self._api = RuntimeApi(launcher_process.channel.fileno(), stop_fd)
        self._function_name = function_name
        self._timeout_s = timeout_s
        self._cgroup = cgroup
        self._cpu_base_ns = 0
        self._at_gate = False
        self._started = False
        self._conversation = Conversation(self._api, lambda: self._exited(0.0))
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
        accounting.wait_until_idle(self._launcher.own_pid, _IDLE_LIMIT_S)
        if self._cgroup is not None:
            self._cpu_base_ns = self._group_cpu_ns()

    def init(self, limit_s: float = INIT_LIMIT_S) -> int:
        """Open the gate and wait for the first ``GET /next``; returns Init Duration in ns.

        Raises:
            FunctionFault: the program failed, exited, or took longer than ``limit_s``.
        """
        self._at_gate = False
        self._started = True
        deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
        self._launcher.open_gate()
        text = f"init did not end within {limit_s:.2f} seconds"
        init_end_ns = self._conversation.await_next(deadline_ns, text)
        self._launcher.await_stamps()
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
        return self._group_cpu_ns() - self._cpu_base_ns

    def _group_cpu_ns(self) -> int:
        """CPU time of the cgroup without that of the launcher, which lives in it."""
        assert self._cgroup is not None
        return self._cgroup.cpu_ns() - accounting.process_cpu_ns(self._launcher.own_pid)

    def invoke(
        self, event: bytes, *, request_id: str | None = None, timeout_s: float | None = None
    ) -> Invocation:
        """Release one event and wait for the response and the following ``GET /next``.

        An error that the runtime reports is in the result; it may go on afterwards.

        Args:
            event: the body of the event.
            request_id: a UUID; None makes one.
            timeout_s: what is left of the function's timeout, if less than all of it.

        Raises:
            FunctionFault: exit, timeout, or a response that Lambda does not take.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        request_id = request_id or str(uuid.uuid4())
        deadline_ms = time.time_ns() // 1_000_000 + int(limit_s * 1000)
        headers = self._event_headers(request_id, deadline_ms)
        data = response_bytes(200, event, headers=headers)
        text = f"Task timed out after {self._timeout_s:.2f} seconds"

        released_ns = self._conversation.release(request_id, data)
        deadline_ns = released_ns + int(limit_s * 1e9)
        arrival, error = self._conversation.await_response(deadline_ns, text)

        return Invocation(
            request_id=request_id,
            body=arrival.request.body,
            content_type=arrival.request.headers.get("content-type", "application/json"),
            released_ns=released_ns,
            received_ns=arrival.received_ns,
            next_ns=self._next_ns(deadline_ns, text, error),
            error=error,
        )

    def _next_ns(self, deadline_ns: int, text: str, error: FunctionFault | None) -> int | None:
        try:
            return self._conversation.await_next(deadline_ns, text)
        except FunctionFault:
            if error is None:
                raise
            return None

    @property
    def is_ready(self) -> bool:
        """Whether the function waits for an event; if not, only :meth:`end` is left."""
        return self._conversation.is_ready

    def end(self) -> None:
        """Kill the process group, and in the cgroup everybody but the launcher.

        Raises:
            MeasurementError: the process does not end.
        """
        try:
            if self._at_gate:
                self._launcher.abandon()
            if self._started:
                self._launcher.await_stamps()
            pid = self.pid if self._started else 0
            if self._cgroup is not None:
                self._cgroup.set_quota(None)  # to die takes CPU time too
                self._cgroup.limit_memory(None)
            if pid:
                kill_group(pid)
            if self._cgroup is not None:
                self._cgroup.kill_all_but(self._launcher.own_pid)
            if pid and self._launcher.exited(pid, _KILL_LIMIT_S) is None:
                raise MeasurementError(
                    f"process {pid} of `{self._function_name}` does not end",
                    hint=f"look at `cat /proc/{pid}/stack` and `cat /proc/{pid}/status`",
                )
        finally:
            self._api.close()

    def _exited(self, timeout_s: float) -> ExitStatus | None:
        try:
            return self._launcher.exited(self.pid, timeout_s)
        except CannotExecute as error:
            text = f"cannot execute the function's program: {error}"
            raise FunctionFault("Runtime.InvalidEntrypoint", text) from None

    def _event_headers(self, request_id: str, deadline_ms: int) -> tuple[tuple[str, str], ...]:
        arn = variables.function_arn(self._function_name)
        return (
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", arn),
            ("Lambda-Runtime-Trace-Id", _trace_id(deadline_ms)),
        )


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
