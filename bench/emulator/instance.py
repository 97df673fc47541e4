"""One execution environment of a function, with everything that is said about it.

Between :class:`~bench.emulator.environment.ExecutionEnvironment`, which knows the protocol, and
:class:`~bench.emulator.function.LocalFunction`, which knows Lambda's lifecycle: here are the
quotas of each phase, the platform lines, the function's output, and the subscribers of both.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.cpu_share import quota_us
from bench.emulator.conversation import ResponseSink
from bench.emulator.deployment import Deployment
from bench.emulator.environment import INIT_LIMIT_S, RESTORE_LIMIT_S, ExecutionEnvironment
from bench.emulator.faults import FunctionFault
from bench.emulator.freezer import Freezer
from bench.emulator.invocation import Caller, Invocation
from bench.emulator.journal import InitializationType, Journal
from bench.emulator.limits import Cgroup
from bench.emulator.log_frames import LOG_FD
from bench.emulator.log_stream import LogStream
from bench.emulator.platform_lines import (
    Phase,
)
from bench.emulator.processes import Launcher, ProcessOrder
from bench.emulator.shutdown import ShutdownReason
from bench.emulator.telemetry import Telemetry
from bench.emulator.usage import GroupMemory
from bench.frozen import dataclass

#: Lambda's limit on the init phase of other than on-demand environments, if the timeout is less.
LONG_INIT_LIMIT_S = 130.0
_FLUSH_LIMIT_S = 0.5
_MB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Settings of a Lambda function that its package does not know.

    ``snap_start``: the runtime speaks the protocol of SnapStart. There is no snapshot locally; the
    process just goes on, and Restore Duration is the time of the after-restore hooks.
    """

    snap_start: bool = False
    #: The least level of the function's output in a JSON log, its ``AWS_LAMBDA_LOG_LEVEL``: one of
    #: TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
    application_level: str = "INFO"
    #: The least level of platform lines in a JSON log: DEBUG, INFO or WARN.
    system_level: str = "INFO"


class Instance:
    """An environment from its init to its end.

    Args:
        deployment: what it is made from.
        configuration: how Lambda is set.
        launcher: starts its processes.
        cgroup: holds them; None where there is none.
        scratch: for ``/tmp`` and logs.
        log: is told everything that is seen.
        serial: tells its log stream from those of its predecessors.
        live: see :class:`~bench.emulator.journal.Journal`.
    """

    def __init__(
        self,
        deployment: Deployment,
        configuration: Configuration,
        launcher: Launcher,
        cgroup: Cgroup | None,
        scratch: Path,
        log: LogStream,
        serial: int,
        live: Callable[[], bool] | None = None,
    ) -> None:
        self._deployment = deployment
        self._configuration = configuration
        self._launcher = launcher
        self._cgroup = cgroup
        self._scratch = scratch
        self._serial = serial
        self._telemetry = Telemetry(json_logs=deployment.log_format == "JSON")
        self._environment = ExecutionEnvironment(
            launcher,
            function_name=deployment.function.lambda_name,
            timeout_s=deployment.function.timeout_s,
            cgroup=cgroup,
            handler=deployment.handler,
            others=(self._telemetry.answer,),
            restores=configuration.snap_start,
        )
        self._telemetry.extensions = self._environment.extensions
        #: What is said about it.
        self.journal = Journal(
            log,
            self._telemetry,
            (
                (scratch / f"log-{serial}", "function", self._has_records),
                (scratch / f"extensions-{serial}", "extension", False),
            ),
            function_name=deployment.function.lambda_name,
            runtime_version=deployment.runtime_version,
            initialization_type=self.initialization_type,
            live=live,
        )
        self._environment.look_after(self._look)
        self._memory = GroupMemory(cgroup)
        self._environment.runtime_done = self.journal.runtime_done
        self._freezer = Freezer(launcher, cgroup)
        self._frozen = False
        self._ended = False
        #: The largest memory seen, of all its processes where a cgroup knows them.
        self.peak_bytes = 0
        #: Whether the kernel has killed one of them at the memory limit.
        self.ran_out_of_memory = False

    @property
    def initialization_type(self) -> InitializationType:
        """The value of ``AWS_LAMBDA_INITIALIZATION_TYPE``."""
        if self._configuration.snap_start:
            return "snap-start"
        provisioned = self._deployment.cpu_mode == "provisioned"
        return "provisioned-concurrency" if provisioned else "on-demand"

    @property
    def init_limit_s(self) -> float:
        """Lambda's limit on the init phase before the first event."""
        if self.initialization_type == "on-demand":
            return INIT_LIMIT_S
        return max(LONG_INIT_LIMIT_S, self._deployment.function.timeout_s)

    @property
    def is_ready(self) -> bool:
        """Whether it can take an event: runtime and extensions live and wait for one."""
        return not self._ended and self._environment.is_ready

    @property
    def is_restorable(self) -> bool:
        """Whether it is where a snapshot would be taken, and waits for being restored."""
        return not self._ended and self._environment.is_restorable

    def init(self, limit_s: float, phase: Phase) -> int:
        """Start the processes and wait for the end of init; returns Init Duration in ns.

        ``phase`` invoke: the init is repeated inside an invoke, with the CPU of an invoke.

        Raises:
            FunctionFault: the init failed, as has been said in the log.
        """
        order = self._order()
        extensions = tuple(
            replace(extension, log_path=self._scratch / f"extensions-{self._serial}")
            for extension in self._deployment.extension_orders(order, self._scratch)
        )
        self._freezer.admit()
        self._memory.begin()
        self._environment.start(order, extensions)
        if self._cgroup is not None:
            self._throttle(phase == "invoke" or self._deployment.cpu_mode == "provisioned")
            self._cgroup.limit_memory(self._deployment.memory_mb * _MB)
        self.journal.init_starts(phase)
        try:
            init_ns = self._environment.init(limit_s, inside_invoke=phase == "invoke")
        except FunctionFault as fault:
            self.note_peak()
            self.journal.init_ended(None, fault, self._environment.extensions.lines)
            raise
        self.journal.init_ended(init_ns, None, self._environment.extensions.lines)
        self._telemetry.close_registration()
        self._environment.settle()
        self.note_peak()
        self._throttle(True)
        return init_ns

    def restore(self, left_s: float | None = None) -> int:
        """Go on after the point of the snapshot; returns Restore Duration in ns.

        ``left_s`` of the function's timeout, where the restore is repeated inside an invoke.

        Raises:
            FunctionFault: an after-restore hook failed or took too long, as the log says.
        """
        self.journal.restore_starts()
        restore_ns = 0
        try:
            if self.is_restorable:
                limit_s = RESTORE_LIMIT_S if left_s is None else min(left_s, RESTORE_LIMIT_S)
                restore_ns = self._environment.restore(
                    limit_s, inside_invoke=limit_s < RESTORE_LIMIT_S
                )
        except FunctionFault as fault:
            self.journal.restore_ended(None, fault)
            raise
        self.journal.restore_ended(restore_ns, None)
        return restore_ns

    def invoke(
        self,
        event: bytes,
        *,
        request_id: str,
        timeout_s: float,
        caller: Caller,
        stream_to: ResponseSink | None,
    ) -> Invocation:
        """Hand over an event.

        Raises:
            FunctionFault: exit or timeout before the response.
        """
        self.journal.invoke_starts(request_id)
        try:
            invocation = self._environment.invoke(
                event,
                request_id=request_id,
                timeout_s=timeout_s,
                caller=caller,
                stream_to=stream_to,
            )
        except FunctionFault as fault:
            self.journal.runtime_done(fault, 0)
            raise
        finally:
            self.note_peak()
        self.journal.read_output()
        self.journal.runtime_done(invocation.ended or invocation.error, invocation.produced_bytes)
        return invocation

    def freeze(self) -> None:
        """Stop everything until :meth:`thaw`, as Lambda does between invokes."""
        if self._freezer.works and not self._frozen:
            self._telemetry.pause()
            self._freezer.freeze()
            self._frozen = True

    def thaw(self) -> None:
        """Let everything go on."""
        if self._frozen:
            self._freezer.thaw()
            self._frozen = False
            self._telemetry.resume()

    def end(self, reason: ShutdownReason) -> None:
        """Shut down as Lambda does, kill what is left, and say what was printed until then."""
        if self._ended:
            return
        self._ended = True
        self.thaw()
        try:
            self._telemetry.flush(_FLUSH_LIMIT_S)
            self._environment.shutdown(reason)
        finally:
            self._environment.end()
            self.journal.read_output(final=True)
            self._telemetry.close()

    def note_peak(self) -> None:
        """Take note of how much memory the environment has used."""
        # When it is gone, what it had at the last look stands.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.peak_bytes = max(self.peak_bytes, self._environment.peak_bytes())
        self.peak_bytes = max(self.peak_bytes, self._memory.used_bytes)
        self.ran_out_of_memory = self.ran_out_of_memory or self._memory.ran_out

    def _look(self) -> None:
        """What is looked after while the runtime is awaited."""
        self.journal.look()
        self.peak_bytes = max(self.peak_bytes, self._memory.used_bytes)

    def _order(self) -> ProcessOrder:
        deployment, configuration = self._deployment, self._configuration
        order = deployment.process_order(
            api_address=self._environment.api_address,
            scratch=self._scratch,
            log=self._scratch / f"log-{self._serial}",
            serial=self._serial,
            private_root=self._launcher.root_obstacle is None,
        )
        environment = dict(order.environment)
        environment["AWS_LAMBDA_INITIALIZATION_TYPE"] = self.initialization_type
        if configuration.snap_start:  # its environments share what was made before the snapshot
            del environment["AWS_LAMBDA_LOG_GROUP_NAME"], environment["AWS_LAMBDA_LOG_STREAM_NAME"]
        if deployment.log_format == "JSON":
            environment.setdefault("AWS_LAMBDA_LOG_LEVEL", configuration.application_level)
        if self._has_records:
            environment["_LAMBDA_TELEMETRY_LOG_FD"] = str(LOG_FD)
        return replace(order, environment=environment, log_fd=LOG_FD if self._has_records else None)

    @property
    def _has_records(self) -> bool:
        """Whether the runtime is given a descriptor for records."""
        return self._deployment.function.runtime == "python"

    def _throttle(self, throttled: bool) -> None:
        if self._cgroup is not None:
            limited = throttled and self._deployment.cpu_mode != "none"
            self._cgroup.set_quota(quota_us(self._deployment.memory_mb) if limited else None)
