"""One execution environment: its life from exec to kill, and the instant of every step.

The instants, all CLOCK_MONOTONIC:

* *start*: the launcher's last reading before ``posix_spawn`` of the function's program, or the
  reading before the first external extension is started, where there are any;
* *init end*: the bytes of the first ``GET /next`` have been received, and those of every
  registered extension;
* *released*: just before the event's bytes are handed to the kernel;
* *received*: the last byte of the function's response has been received;
* *next*: the bytes of the following ``GET /next`` have been received; extensions that are told
  of invokes may take longer, which counts in Duration too.

Init Duration is init end - start; Duration as Lambda's own emulator defines it is next - released;
what a caller waits for is received - released. All three are reported.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.emulator import accounting, peers, variables
from bench.emulator.agreement import STAMP_EXECUTED_NS, STAMP_START_NS
from bench.emulator.conversation import Conversation, OtherApi, ResponseSink
from bench.emulator.extensions import Extensions
from bench.emulator.faults import FunctionFault
from bench.emulator.identifiers import random_uuid
from bench.emulator.invocation import (
    NOBODY,
    Caller,
    FirstByte,
    Invocation,
    event_headers,
    extension_event,
    trace_header,
)
from bench.emulator.limits import Cgroup
from bench.emulator.processes import CannotExecute, ExitStatus, Launcher, ProcessOrder, kill_group
from bench.emulator.registration import FunctionIdentity
from bench.emulator.runtime_api import RuntimeApi, response_bytes
from bench.emulator.shutdown import Shutdown, ShutdownReason
from bench.emulator.usage import Usage
from bench.errors import MeasurementError

#: Lambda's limit on the init phase of an on-demand environment.
INIT_LIMIT_S = 10.0
#: Its limit on restore and after-restore hooks under SnapStart.
RESTORE_LIMIT_S = 10.0
#: How long a function may still be busy between its `GET /next` and the next event.
_IDLE_LIMIT_S = 0.25
_KILL_LIMIT_S = 10.0


class ExecutionEnvironment:
    """A process group that speaks the Runtime API, driven by one thread.

    Call :meth:`start`, :meth:`init`, under SnapStart :meth:`restore`, :meth:`invoke` any number of
    times, :meth:`shutdown` if Lambda would, and always :meth:`end`.

    Args:
        launcher_process: starts its processes.
        function_name: its function.
        timeout_s: the function's timeout.
        cgroup: holds its processes; None where there is none.
        stop_fd: ends every wait with ``Interrupted`` when it becomes readable.
        handler: what extensions are told about the function.
        others: further APIs on the address of the Runtime API.
        restores: whether the runtime speaks the SnapStart protocol.
    """

    def __init__(
        self,
        launcher_process: Launcher,
        *,
        function_name: str,
        timeout_s: float,
        cgroup: Cgroup | None,
        stop_fd: int | None = None,
        handler: str = "",
        others: tuple[OtherApi, ...] = (),
        restores: bool = False,
    ) -> None:
        self._launcher = launcher_process
        self._api = RuntimeApi(launcher_process.channel.fileno(), stop_fd)
        self._api.may_speak = self._is_ours
        self._function_name = function_name
        self._timeout_s = timeout_s
        self._cgroup = cgroup
        self._usage = Usage(launcher_process.own_pid, cgroup)
        self._at_gate = False
        self._started = False
        self._extension_orders: Sequence[ProcessOrder] = ()
        identity = FunctionIdentity(
            name=function_name,
            version=variables.VERSION,
            handler=handler,
            account=variables.ACCOUNT,
        )
        self.extensions = Extensions(identity, launcher_process.exited)
        self._conversation = Conversation(
            self._api,
            lambda: self._exited(0.0),
            self.extensions,
            others,
            restores=restores,
        )
        #: Whether the function sees a `/tmp` of its own.
        self.private_tmp = False
        #: Whether the function was idle each time it should have been.
        self.was_idle = True
        #: Is called when the runtime is through with an init, a restore or an invoke, while
        #: extensions may still be busy; with what went wrong, if something did, and with the size
        #: of the response.
        self.runtime_done: Callable[[FunctionFault | None, int], None] | None = None

    def _is_ours(self, client_port: int) -> bool:
        """Other environments may know the port of the Runtime API, but they are not let in."""
        procs_file = None if self._cgroup is None else self._cgroup.procs_files[0]
        pids = peers.members(self._launcher.own_pid, procs_file)
        return peers.is_member(client_port, self._api.port, pids)

    def look_after(self, action: Callable[[], None]) -> None:
        """Have ``action`` called now and then while the runtime is awaited; trials have none."""
        self._conversation.look_after(action)

    @property
    def api_address(self) -> str:
        """Value of ``AWS_LAMBDA_RUNTIME_API``."""
        return self._api.address

    @property
    def pid(self) -> int:
        """The function's main process; 0 before it exists."""
        return self._launcher.pid

    def start(self, order: ProcessOrder, extensions: Sequence[ProcessOrder] = ()) -> None:
        """Have the process prepared up to the gate; nothing of the function runs yet.

        ``extensions`` are the external ones, which :meth:`init` starts before the runtime.
        """
        self._extension_orders = extensions
        self.private_tmp = self._launcher.prepare(order)
        self._at_gate = True
        accounting.wait_until_idle(self._launcher.own_pid, _IDLE_LIMIT_S)
        self._usage.begin()

    def init(self, limit_s: float = INIT_LIMIT_S, *, inside_invoke: bool = False) -> int:
        """Start extensions, open the gate, wait until all are ready; returns Init Duration in ns.

        ``inside_invoke``: ``limit_s`` is what is left of the function's timeout, which is what a
        longer init exceeds then.

        Raises:
            FunctionFault: the program or an extension failed, exited, or took longer than
                ``limit_s``.
        """
        deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
        text = f"init did not end within {limit_s:.2f} seconds"
        if inside_invoke:
            text = self._timeout_text
        start_ns = self._start_extensions(deadline_ns, text) if self._extension_orders else None
        self._at_gate = False
        self._started = True
        self._launcher.open_gate()
        init_end_ns = self._conversation.await_next(deadline_ns, text)
        if self.extensions.exist:
            self._tell_runtime_done(None, 0)
            later_ns = self._conversation.await_extensions(deadline_ns, text, init=True)
            init_end_ns = later_ns or init_end_ns
        self.extensions.registration_open = False
        self._launcher.await_stamps()
        return init_end_ns - (start_ns or self._launcher.stamps[STAMP_START_NS])

    @property
    def _timeout_text(self) -> str:
        return f"Task timed out after {self._timeout_s:.2f} seconds"

    def _start_extensions(self, deadline_ns: int, timeout_text: str) -> int:
        """Start the external extensions and wait until they have registered."""
        start_ns = time.monotonic_ns()
        for order in self._extension_orders:
            name = Path(order.argv[0]).name
            try:
                self.extensions.launched(name, self._launcher.spawn(order))
            except CannotExecute as error:
                raise self.extensions.launch_failed(name, str(error)) from None
        self._conversation.await_registrations(deadline_ns, timeout_text, self._check_extensions)
        return start_ns

    def _check_extensions(self) -> None:
        """The launcher at the gate tells of no exit; the kernel does."""
        for pid in self.extensions.pids:
            if accounting.has_ended(pid):
                raise self.extensions.crashed(pid)

    @property
    def spawn_ns(self) -> int:
        """From start to the completed exec, in ns; part of Init Duration."""
        stamps = self._launcher.stamps
        return stamps[STAMP_EXECUTED_NS] - stamps[STAMP_START_NS]

    @property
    def is_restorable(self) -> bool:
        """Whether the runtime waits for being restored: where a snapshot would be taken."""
        return self._conversation.is_restorable

    def restore(self, limit_s: float = RESTORE_LIMIT_S, *, inside_invoke: bool = False) -> int:
        """Tell the runtime that it is restored and wait for ``GET /next``; returns ns.

        ``inside_invoke`` as in :meth:`init`.

        Raises:
            FunctionFault: an after-restore hook failed, or took longer than ``limit_s``.
        """
        text = f"restore did not end within {limit_s:.2f} seconds"
        if inside_invoke:
            text = self._timeout_text
        released_ns = self._conversation.restore()
        deadline_ns = released_ns + int(limit_s * 1e9)
        return self._conversation.await_next(deadline_ns, text) - released_ns

    def settle(self) -> None:
        """Wait until the function is idle; then its CPU time and memory hold still."""
        idle = accounting.wait_until_idle(self.pid, _IDLE_LIMIT_S)
        self.was_idle = self.was_idle and idle

    def cpu_ns(self) -> int:
        """CPU time of the environment since start: of its cgroup, else of its main process."""
        return self._usage.cpu_ns(self.pid)

    def peak_bytes(self) -> int:
        """Peak memory of its main process.

        Raises:
            OSError: the main process has ended.
        """
        return accounting.peak_memory_bytes(self.pid)

    def invoke(
        self,
        event: bytes,
        *,
        request_id: str | None = None,
        timeout_s: float | None = None,
        caller: Caller = NOBODY,
        stream_to: ResponseSink | None = None,
    ) -> Invocation:
        """Release one event and wait for the response and the following ``GET /next``.

        An error that the runtime reports, and what is wrong with a response that Lambda does not
        take, is in the result; the runtime may go on afterwards. So is what becomes of runtime or
        extensions after the response, which the caller gets all the same.

        Args:
            event: the body of the event.
            request_id: a UUID; None makes one.
            timeout_s: what is left of the function's timeout, if less than all of it.
            caller: what comes along with the event.
            stream_to: gets the pieces of a response that the runtime streams, as they come.

        Raises:
            FunctionFault: exit or timeout before the response; of the runtime or an extension.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        request_id = request_id or random_uuid()
        deadline_ms = time.time_ns() // 1_000_000 + int(limit_s * 1000)
        trace_id = trace_header(caller)
        headers = event_headers(
            caller,
            function_name=self._function_name,
            request_id=request_id,
            deadline_ms=deadline_ms,
            trace_id=trace_id,
        )
        data = response_bytes(200, event, headers=headers)
        text = self._timeout_text
        first = FirstByte(stream_to) if stream_to is not None else None

        released_ns = self._conversation.release(request_id, data, first)
        if self.extensions.exist:
            self.extensions.release(extension_event(dict(headers)))
        deadline_ns = released_ns + int(limit_s * 1e9)
        arrival, error = self._conversation.await_response(deadline_ns, text)
        request = arrival.request
        next_ns, extensions_ns, ended = self._ending(deadline_ns, text, error, request.body_bytes)
        return Invocation(
            request_id=request_id,
            body=request.body,
            content_type=request.headers.get("content-type", "application/json"),
            released_ns=released_ns,
            received_ns=arrival.received_ns,
            next_ns=next_ns,
            error=error,
            ended=ended,
            extensions_ns=extensions_ns,
            first_byte_ns=None if first is None else first.at_ns,
            produced_bytes=request.body_bytes,
        )

    def _ending(
        self, deadline_ns: int, text: str, error: FunctionFault | None, produced_bytes: int
    ) -> tuple[int | None, int | None, FunctionFault | None]:
        """When the runtime and the last extension asked for more, or what became of them instead.

        What is wrong by now does not take back a response: Lambda has passed it on.
        """
        next_ns = extensions_ns = ended = None
        try:
            next_ns = self._conversation.await_next(deadline_ns, text)
        except FunctionFault as fault:
            ended = fault
        if self.extensions.exist:
            self._tell_runtime_done(ended or error, produced_bytes)
            if ended is None:
                try:
                    extensions_ns = self._conversation.await_extensions(
                        deadline_ns, text, init=False
                    )
                except FunctionFault as fault:
                    ended = fault
        return next_ns, extensions_ns, ended

    def _tell_runtime_done(self, fault: FunctionFault | None, produced_bytes: int) -> None:
        if self.runtime_done is not None:
            self.runtime_done(fault, produced_bytes)

    @property
    def is_ready(self) -> bool:
        """Whether the function waits for an event, and runtime and extensions live.

        If not, only :meth:`shutdown` and :meth:`end` are left.
        """
        return (
            self._conversation.is_ready
            and not self.extensions.have_failed
            and self._exited(0.0) is None
        )

    def shutdown(self, reason: ShutdownReason) -> None:
        """The shutdown phase: nothing without extensions, else at most 500 or 2,000 ms.

        :meth:`end` is to follow, and kills what is left. Args: why the environment ends.
        """
        if not self._started or not self.extensions.exist:
            return
        if self._cgroup is not None:
            self._cgroup.set_quota(None)
        Shutdown(
            extensions=self.extensions,
            conversation=self._conversation,
            pid=self.pid,
            exited=self._launcher.exited,
        ).run(reason)

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
            pids = (self.pid,) if self._started and self.pid else ()
            self._kill((*pids, *self.extensions.pids))
        finally:
            self._api.close()

    def _kill(self, pids: Sequence[int]) -> None:
        if self._cgroup is not None:
            self._cgroup.set_quota(None)  # to die takes CPU time too
            self._cgroup.limit_memory(None)
        for pid in pids:
            kill_group(pid)
        if self._cgroup is not None:
            self._cgroup.kill_all_but(self._launcher.own_pid)
        else:
            self._launcher.kill_all()
        for pid in pids:
            if self._launcher.exited(pid, _KILL_LIMIT_S) is None:
                raise MeasurementError(
                    f"process {pid} of `{self._function_name}` does not end",
                    hint=f"look at `cat /proc/{pid}/stack` and `cat /proc/{pid}/status`",
                )

    def _exited(self, timeout_s: float) -> ExitStatus | None:
        try:
            return self._launcher.exited(self.pid, timeout_s)
        except CannotExecute as error:
            text = f"cannot execute the function's program: {error}"
            raise FunctionFault("Runtime.InvalidEntrypoint", text) from None
