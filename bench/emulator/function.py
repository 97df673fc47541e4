"""One function with one execution environment at a time: Lambda's lifecycle around its events.

The rules, from AWS's documentation of the execution environment:

* init runs before the first event, unthrottled, for at most 10 s; its time is Init Duration;
* an init that failed or took too long is repeated inside the invoke, throttled and under the
  function's timeout; then there is no Init Duration, and Duration contains it;
* with provisioned concurrency init is throttled, and may take 130 s; it is no caller's business,
  so that no report has an Init Duration; the same holds for SnapStart, where the restore has its
  own lines and figures;
* a crash or a timeout in an invoke, of the runtime or an extension, resets the environment: the
  next event starts a new one inside its invoke ("suppressed init"), and what is in ``/tmp``
  survives; a response that came before it is the caller's all the same;
* everything else is reused: globals, connections, ``/tmp``; between invokes all of it is frozen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.emulator import variables
from bench.emulator.answer import Answer
from bench.emulator.conversation import ResponseSink
from bench.emulator.deployment import Deployment
from bench.emulator.faults import FunctionFault
from bench.emulator.identifiers import random_uuid
from bench.emulator.instance import Configuration, Instance
from bench.emulator.invocation import (
    NOBODY,
    Caller,
    Invocation,
    trace_header,
)
from bench.emulator.limits import Cgroup
from bench.emulator.log_stream import LogFormat, LogStream
from bench.emulator.outcome import (
    Before,
    Outcome,
    end_ns,
    ending,
    phases,
    with_request_id,
    xray_fields,
)
from bench.emulator.platform_lines import End, PlatformLine, Report, Start, billed_ms
from bench.emulator.processes import Launcher
from bench.emulator.shutdown import ShutdownReason
from bench.errors import UsageError

__all__ = ["MAX_EVENT_BYTES", "Answer", "Configuration", "LocalFunction"]

_MB = 1024 * 1024
#: Lambda's limit on the event of a synchronous invoke.
MAX_EVENT_BYTES = 6 * _MB
_NS_PER_S = 1_000_000_000


class LocalFunction:
    """A deployed function.

    Not thread-safe: one event at a time, as on Lambda. Several of them may run at the same time in
    threads of one process if each has its own launcher, scratch directory and cgroup, the latter
    made by :func:`bench.emulator.limits.create` with a name of its own that begins with
    :func:`~bench.emulator.limits.owner_name` and a hyphen. ``tell`` is called in the thread that
    calls :meth:`invoke` or :meth:`close`.

    Args:
        deployment: what its environments are made from.
        launcher: starts its processes; joined to ``cgroup`` already.
        cgroup: enforces its limits; None where there are none.
        scratch: for its ``/tmp`` and log.
        tell: is given each platform line that is seen in the log, and the function's own output
            (bytes, whole lines), in their order.
        configuration: how Lambda is set.
        live: whether ``tell`` can take output right now; None: it is told when a phase is over.
        whole_log: whether answers have all of the log, or its last 4 KB.
    """

    def __init__(
        self,
        deployment: Deployment,
        launcher: Launcher,
        cgroup: Cgroup | None,
        scratch: Path,
        tell: Callable[[PlatformLine | bytes], None],
        configuration: Configuration | None = None,
        *,
        live: Callable[[], bool] | None = None,
        whole_log: bool = True,
    ) -> None:
        self._deployment = deployment
        self._configuration = configuration or Configuration()
        self._launcher = launcher
        self._cgroup = cgroup
        self._scratch = scratch
        self._log_format: LogFormat = "JSON" if deployment.log_format == "JSON" else "Text"
        self._log = LogStream(
            self._log_format,
            tell,
            application_level=self._configuration.application_level,
            system_level=self._configuration.system_level,
            whole=whole_log,
        )
        self._live = live
        self._instance: Instance | None = None
        self._serial = 0
        self._peak_bytes = 0

    def invoke(
        self,
        event: bytes,
        *,
        caller: Caller = NOBODY,
        request_id: str | None = None,
        stream_to: ResponseSink | None = None,
        last: bool = False,
    ) -> Answer:
        """Hand one event to the function, in a new environment if it has none.

        Args:
            event: the body of the event.
            caller: what comes along with it.
            request_id: a UUID; None makes one.
            stream_to: gets content type and pieces of a response that the function streams, as
                they come; the answer's payload is empty then.
            last: :meth:`close` follows at once, so that there is nothing to freeze for; to freeze
                an environment for the first time takes up to 20 ms.

        Raises:
            UsageError: the event is above Lambda's limit.
            MeasurementError: a process of the function does not end.
        """
        if len(event) > MAX_EVENT_BYTES:
            raise UsageError(
                f"the event has {len(event)} bytes, Lambda's limit is {MAX_EVENT_BYTES}",
                hint="pass large data by reference, for example as a key in a bucket",
            )
        request_id = request_id or random_uuid()
        caller = replace(caller, trace_id=trace_header(caller))
        before = self._prepare()
        outcome = self._run(before.fault, event, request_id, caller, stream_to)
        instance = self._instance
        assert instance is not None
        instance.journal.read_output()
        instance.journal.say(End(request_id=request_id))
        report = self._report(request_id, caller, before, outcome)
        instance.journal.say(report)
        self._settle(outcome.failure, last=last)
        return self._answer(report, caller, before, outcome)

    def initialise(self) -> None:
        """Run init ahead of the first event, as provisioned concurrency does.

        If it fails it is repeated inside the first invoke; the log says so.
        """
        self._prepare()
        if self._instance is not None:
            self._instance.freeze()

    def close(self) -> None:
        """End the environment, if there is one."""
        self._drop("spindown")

    def _run(
        self,
        failure: FunctionFault | None,
        event: bytes,
        request_id: str,
        caller: Caller,
        stream_to: ResponseSink | None,
    ) -> Outcome:
        """The invoke from START on, and an init inside it; not that if a failure came before."""
        begin_ns = time.monotonic_ns()
        limit_ns = int(self._deployment.function.timeout_s * _NS_PER_S)
        came_before = failure is not None
        failure = failure or self._init_inside(begin_ns + limit_ns)
        instance = self._instance
        assert instance is not None
        instance.journal.read_output()
        instance.journal.say(self._start(request_id, caller))
        invocation = None
        if failure is None:
            try:
                invocation = instance.invoke(
                    event,
                    request_id=request_id,
                    timeout_s=_left_s(begin_ns + limit_ns),
                    caller=caller,
                    stream_to=stream_to,
                )
            except FunctionFault as fault:
                failure = fault
        return Outcome(
            begin_ns=begin_ns,
            duration_ns=0 if came_before else min(end_ns(invocation) - begin_ns, limit_ns),
            invocation=invocation,
            fault=_told(invocation, failure, request_id),
        )

    def _prepare(self) -> Before:
        """What Lambda does before the event: thaw, or init and restore of the first environment."""
        if self._instance is not None:
            self._instance.thaw()
            if not self._instance.is_ready:  # broken since the last report
                self._drop("failure")
            return Before()
        if self._serial > 0:  # after a crash or timeout: its init is inside the invoke
            return Before()
        instance = self._new_instance()
        try:
            init_ns = instance.init(instance.init_limit_s, "init")
        except FunctionFault as fault:
            self._drop(_reason(fault))
            return Before()
        if not self._configuration.snap_start:
            return Before(init_ns=init_ns)
        try:
            return Before(init_ns=init_ns, restore_ns=instance.restore())
        except FunctionFault as fault:
            return Before(init_ns=init_ns, fault=fault)

    def _init_inside(self, deadline_ns: int) -> FunctionFault | None:
        """The init inside an invoke, where there is no environment; what went wrong."""
        if self._instance is not None:
            return None
        instance = self._new_instance()
        try:
            instance.init(_left_s(deadline_ns), "invoke")
            if instance.is_restorable:
                instance.restore(_left_s(deadline_ns))
        except FunctionFault as fault:
            return fault
        return None

    def _new_instance(self) -> Instance:
        self._serial += 1
        self._instance = Instance(
            self._deployment,
            self._configuration,
            self._launcher,
            self._cgroup,
            self._scratch,
            self._log,
            self._serial,
            self._live,
        )
        return self._instance

    def _settle(self, failure: FunctionFault | None, *, last: bool) -> None:
        """After the report: freeze what can go on, reset what cannot."""
        instance = self._instance
        assert instance is not None
        if failure is not None or not instance.is_ready:
            self._drop(_reason(failure))
        elif not last:
            instance.freeze()

    def _drop(self, reason: ShutdownReason) -> None:
        if self._instance is not None:
            self._note_peak(self._instance)
            self._instance.end(reason)
            self._instance = None

    def _note_peak(self, instance: Instance) -> None:
        self._peak_bytes = max(self._peak_bytes, instance.peak_bytes)

    def _start(self, request_id: str, caller: Caller) -> Start:
        arn = caller.function_arn or variables.function_arn(self._deployment.function.lambda_name)
        return Start(request_id=request_id, version=variables.VERSION, function_arn=arn)

    def _report(self, request_id: str, caller: Caller, before: Before, outcome: Outcome) -> Report:
        instance = self._instance
        assert instance is not None
        self._note_peak(instance)
        memory_mb = self._deployment.memory_mb
        used_mb = min(memory_mb, -(-self._peak_bytes // _MB))
        if instance.ran_out_of_memory:
            used_mb = memory_mb
        on_demand = instance.initialization_type == "on-demand"
        init_ns = before.init_ns if on_demand else None
        restore_ms = None
        if before.restore_ns is not None:
            restore_ms = billed_ms(before.restore_ns)
        return Report(
            request_id=request_id,
            duration_ns=outcome.duration_ns,
            billed_duration_ms=billed_ms(outcome.duration_ns, init_ns) + (restore_ms or 0),
            memory_size_mb=memory_mb,
            max_memory_used_mb=used_mb,
            init_duration_ns=init_ns,
            restore_duration_ns=before.restore_ns,
            billed_restore_duration_ms=restore_ms,
            **ending(outcome),
            **xray_fields(caller),
        )

    def _answer(self, report: Report, caller: Caller, before: Before, outcome: Outcome) -> Answer:
        fault, invocation = outcome.fault, outcome.invocation
        payload = b"" if invocation is None else invocation.body
        return Answer(
            payload=payload if fault is None else fault.payload,
            function_error=None if fault is None else "Unhandled",
            report=report,
            phases=phases(before, outcome),
            content_type=(
                invocation.content_type
                if invocation is not None and fault is None
                else "application/json"
            ),
            log=self._log.take(),
            json_log=self._log_format == "JSON",
            trace_id=caller.trace_id or "",
        )


def _told(
    invocation: Invocation | None, failure: FunctionFault | None, request_id: str
) -> FunctionFault | None:
    """What the caller gets instead of a response; what the runtime said of it comes first."""
    if invocation is not None:
        return invocation.error
    return None if failure is None else with_request_id(failure, request_id)


def _reason(failure: FunctionFault | None) -> ShutdownReason:
    timed_out = failure is not None and failure.kind == "Sandbox.Timedout"
    return "timeout" if timed_out else "failure"


def _left_s(deadline_ns: int) -> float:
    return max(0.001, (deadline_ns - time.monotonic_ns()) / _NS_PER_S)
