"""One function with one execution environment at a time: Lambda's lifecycle around its events.

The rules, from AWS's documentation of the execution environment:

* init runs before the first event, unthrottled, for at most 10 s; its time is Init Duration;
* an init that failed or took too long is repeated inside the invoke, throttled and under the
  function's timeout; then there is no Init Duration, and Duration contains it;
* a crash or a timeout in an invoke resets the environment: the next event starts a new one inside
  its invoke ("suppressed init"), and what is in ``/tmp`` survives;
* everything else is reused: globals, connections, ``/tmp``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.cpu_share import quota_us
from bench.emulator import accounting, variables
from bench.emulator.conversation import FunctionFault
from bench.emulator.deployment import Deployment
from bench.emulator.environment import INIT_LIMIT_S, ExecutionEnvironment, Invocation
from bench.emulator.limits import Cgroup
from bench.emulator.platform_lines import (
    End,
    InitReport,
    InitStart,
    Phase,
    PlatformLine,
    Report,
    Start,
    billed_ms,
)
from bench.emulator.processes import Launcher

_MB = 1024 * 1024
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the caller of a function gets, and what is written about the invoke."""

    payload: bytes
    #: ``Unhandled``, or None if the function succeeded.
    function_error: str | None
    report: Report
    #: In ns: ``init`` where it ran before the event, ``first_byte`` as seen by the caller.
    phases: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How an invoke ended inside its time."""

    payload: bytes
    fault: FunctionFault | None
    response_ns: int | None


class LocalFunction:
    """A deployed function. Not thread-safe: one event at a time, as on Lambda.

    Args:
        deployment: what its environments are made from.
        launcher: starts its processes; joined to ``cgroup`` already.
        cgroup: enforces its limits; None where there are none.
        scratch: for its ``/tmp`` and log.
        tell: is given each platform line, and the function's own output (bytes), in their order.
    """

    def __init__(
        self,
        deployment: Deployment,
        launcher: Launcher,
        cgroup: Cgroup | None,
        scratch: Path,
        tell: Callable[[PlatformLine | bytes], None],
    ) -> None:
        self._deployment = deployment
        self._launcher = launcher
        self._cgroup = cgroup
        self._scratch = scratch
        self._tell = tell
        self._log = scratch / "log"
        self._log.touch()
        self._log_read = 0
        self._environment: ExecutionEnvironment | None = None
        self._serial = 0
        self._peak_bytes = 0

    def invoke(self, event: bytes) -> Answer:
        """Hand one event to the function, in a new environment if it has none."""
        init_ns = self._init() if self._serial == 0 else None
        self._tell_output()
        request_id = str(uuid.uuid4())
        self._tell(Start(request_id=request_id, version=variables.VERSION))
        timeout_s = self._deployment.function.timeout_s
        begin_ns = time.monotonic_ns()
        outcome = self._run(request_id, event, begin_ns + int(timeout_s * _NS_PER_S))
        duration_ns = min(time.monotonic_ns() - begin_ns, int(timeout_s * _NS_PER_S))
        self._tell_output()
        self._tell(End(request_id=request_id))
        report = self._report(request_id, duration_ns, init_ns, outcome.fault)
        self._tell(report)
        phases = {} if init_ns is None else {"init": init_ns}
        if outcome.response_ns is not None:
            phases["invoke"] = outcome.response_ns - begin_ns
        return Answer(
            payload=outcome.payload,
            function_error=None if outcome.fault is None else "Unhandled",
            report=report,
            phases=phases,
        )

    def close(self) -> None:
        """End the environment, if there is one."""
        if self._environment is not None:
            self._environment.end()
            self._environment = None

    def _init(self) -> int | None:
        """The init phase before the first event; None if it failed and has to be repeated."""
        try:
            return self._new_environment(INIT_LIMIT_S, phase="init", throttled=False)
        except FunctionFault:
            return None

    def _new_environment(self, limit_s: float, *, phase: Phase, throttled: bool) -> int:
        """Start an environment and wait for its init; returns Init Duration in ns.

        Raises:
            FunctionFault: the init failed; the environment is gone and INIT_REPORT written.
        """
        environment = ExecutionEnvironment(
            self._launcher,
            function_name=self._deployment.function.name,
            timeout_s=self._deployment.function.timeout_s,
            cgroup=self._cgroup,
        )
        self._environment = environment
        self._serial += 1
        order = self._deployment.process_order(
            api_address=environment.api_address,
            scratch=self._scratch,
            log=self._log,
            serial=self._serial,
        )
        environment.start(order)
        if self._cgroup is not None:
            quota = quota_us(self._deployment.memory_mb)
            provisioned = self._deployment.cpu_mode == "provisioned"
            self._cgroup.set_quota(quota if throttled or provisioned else None)
            self._cgroup.limit_memory(self._deployment.memory_mb * _MB)
        runtime = self._deployment.function.runtime
        self._tell(
            InitStart(
                runtime_version=f"{runtime}:local",
                runtime_version_arn=f"arn:aws:lambda:{variables.REGION}::runtime:{runtime}-local",
                initialization_type="on-demand",
                phase=phase,
            )
        )
        begin_ns = time.monotonic_ns()
        try:
            init_ns = environment.init(limit_s)
        except FunctionFault as fault:
            took_ns = time.monotonic_ns() - begin_ns
            self._drop_environment()
            timed_out = fault.kind == "Sandbox.Timedout"
            self._tell_output()
            self._tell(
                InitReport(
                    duration_ns=took_ns,
                    phase=phase,
                    status="timeout" if timed_out else "error",
                    error_type=None if timed_out else fault.kind,
                    initialization_type="on-demand",
                )
            )
            raise
        environment.settle()
        if self._cgroup is not None and self._deployment.cpu_mode != "none":
            self._cgroup.set_quota(quota_us(self._deployment.memory_mb))
        return init_ns

    def _run(self, request_id: str, event: bytes, deadline_ns: int) -> _Outcome:
        """The invoke itself, with an init inside it where there is no environment."""
        try:
            if self._environment is None:
                self._new_environment(_left_s(deadline_ns), phase="invoke", throttled=True)
            assert self._environment is not None
            invocation = self._environment.invoke(
                event, request_id=request_id, timeout_s=_left_s(deadline_ns)
            )
        except FunctionFault as fault:
            self._drop_environment()
            return _Outcome(self._with_request_id(fault, request_id).payload, fault, None)
        return self._answered(self._environment, invocation)

    def _answered(self, environment: ExecutionEnvironment, invocation: Invocation) -> _Outcome:
        self._note_peak(environment)
        if not environment.is_ready:
            self._drop_environment()
        fault = invocation.error
        payload = invocation.body if fault is None else fault.payload
        return _Outcome(payload, fault, invocation.received_ns)

    def _with_request_id(self, fault: FunctionFault, request_id: str) -> FunctionFault:
        """A failure of the environment names the request, also when init failed inside it."""
        if fault.kind.startswith(("Runtime.Exit", "Sandbox.")) and request_id not in fault.message:
            return FunctionFault(fault.kind, f"RequestId: {request_id} Error: {fault.message}")
        return fault

    def _drop_environment(self) -> None:
        if self._environment is not None:
            self._note_peak(self._environment)
            self._environment.end()
            self._environment = None

    def _note_peak(self, environment: ExecutionEnvironment) -> None:
        try:
            peak_bytes = accounting.peak_memory_bytes(environment.pid)
        except FileNotFoundError:
            return  # it is gone, and what it had at the last look stands
        self._peak_bytes = max(self._peak_bytes, peak_bytes)

    def _report(
        self, request_id: str, duration_ns: int, init_ns: int | None, fault: FunctionFault | None
    ) -> Report:
        killed = fault is not None and "signal: killed" in fault.message
        memory_mb = self._deployment.memory_mb
        used_mb = memory_mb if killed else min(memory_mb, -(-self._peak_bytes // _MB))
        timed_out = fault is not None and fault.kind == "Sandbox.Timedout"
        crashed = fault is not None and self._environment is None and not timed_out
        return Report(
            request_id=request_id,
            duration_ns=duration_ns,
            billed_duration_ms=billed_ms(duration_ns, init_ns),
            memory_size_mb=memory_mb,
            max_memory_used_mb=used_mb,
            init_duration_ns=init_ns,
            status="timeout" if timed_out else "error" if crashed else None,
            error_type=fault.kind if crashed and fault is not None else None,
        )

    def _tell_output(self) -> None:
        """Pass on what the function has printed since the last time."""
        with self._log.open("rb") as file:
            file.seek(self._log_read)
            output = file.read()
        self._log_read += len(output)
        if output:  # a platform line begins a line of its own
            self._tell(output if output.endswith(b"\n") else output + b"\n")


def _left_s(deadline_ns: int) -> float:
    return max(0.001, (deadline_ns - time.monotonic_ns()) / _NS_PER_S)
