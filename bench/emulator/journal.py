"""What is said about one execution environment: platform lines, output, and who hears of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from bench.emulator import variables
from bench.emulator.faults import FunctionFault
from bench.emulator.log_frames import Output, OutputReader
from bench.emulator.log_stream import LogStream
from bench.emulator.platform_lines import (
    ExtensionLine,
    FailedStatus,
    InitReport,
    InitStart,
    Phase,
    PlatformLine,
    RestoreReport,
    RestoreStart,
    RuntimeDone,
)
from bench.emulator.telemetry import Telemetry
from bench.emulator.telemetry_records import TelemetryType

Activity = Literal["init", "restore", "invoke"]
InitializationType = Literal["on-demand", "provisioned-concurrency", "snap-start"]

_PIECES_PER_LOOK = 16


class Journal:
    """Writes everything to the log of the function and tells it to the subscribers.

    Args:
        log: the function's log.
        telemetry: the subscribers.
        outputs: where function and extensions print to, and whether a runtime writes records there.
        function_name: the function.
        runtime_version: what its runtime is called, such as ``python:3.13.9.local``.
        initialization_type: how its environments come into being.
        live: whether output can be told to the log right now without waiting, asked by
            :meth:`look`; None leaves it until a phase is over, unless somebody subscribes.
    """

    def __init__(
        self,
        log: LogStream,
        telemetry: Telemetry,
        outputs: tuple[tuple[Path, TelemetryType, bool], ...],
        *,
        function_name: str,
        runtime_version: str,
        initialization_type: InitializationType,
        live: Callable[[], bool] | None = None,
    ) -> None:
        self._log = log
        self._telemetry = telemetry
        self._outputs = [
            (OutputReader(path, framed=framed), kind) for path, kind, framed in outputs
        ]
        self._live = live
        self._function_name = function_name
        self._runtime_version = runtime_version
        name = runtime_version.replace(":", "-")
        self._runtime_arn = f"arn:aws:lambda:{variables.REGION}::runtime:{name}"
        self._type = initialization_type
        self._phase: Phase = "init"
        self._request_id: str | None = None
        self._activity: Activity = "init"
        self._activity_ns = 0
        self._done_said = False
        self._extensions_said = False

    def say(self, line: PlatformLine) -> None:
        """Write a platform line to the log, and tell the subscribers."""
        self._log.platform(line)
        self._telemetry.say(line)

    def read_output(self, *, final: bool = False) -> None:
        """Write to the log what function and extensions have printed since the last time."""
        self._say_subscriptions()
        for reader, kind in self._outputs:
            for output in reader.read(final=final):
                self._put(output, kind)

    def look(self) -> None:
        """Write what has been printed by now, if somebody wants it before the phase is over.

        Only complete lines, and at most 1 MB: the runtime is about to ask for something.
        """
        if self._live is None and not self._telemetry.has_subscribers:
            return
        self._say_subscriptions()
        for reader, kind in self._outputs:
            for _ in range(_PIECES_PER_LOOK):
                if self._live is not None and not self._live():
                    return
                found = reader.read_on()
                if not found:
                    break
                for output in found:
                    self._put(output, kind)

    def init_starts(self, phase: Phase) -> None:
        """An init begins."""
        self._phase = phase
        self.say(
            InitStart(
                runtime_version=self._runtime_version,
                runtime_version_arn=self._runtime_arn,
                initialization_type=self._type,
                phase=phase,
                function_name=self._function_name,
                function_version=variables.VERSION,
            )
        )
        self._begins("init")

    def init_ended(
        self,
        duration_ns: int | None,
        fault: FunctionFault | None,
        extensions: Callable[[], tuple[ExtensionLine, ...]],
    ) -> None:
        """The init is over; without a duration, after the time since it began."""
        if duration_ns is None:
            duration_ns = time.monotonic_ns() - self._activity_ns
        self.runtime_done(fault, 0)
        self._say_subscriptions()
        if not self._extensions_said:
            self._extensions_said = True
            for line in extensions():
                self.say(line)
        status, kind = _status(fault)
        self.say(
            InitReport(
                duration_ns=duration_ns,
                phase=self._phase,
                # An init has no other word for a crash.
                status="error" if status == "failure" else status,
                error_type=None if status == "timeout" else kind,
                initialization_type=self._type,
            )
        )

    def restore_starts(self) -> None:
        """A restore begins."""
        self.say(
            RestoreStart(
                runtime_version=self._runtime_version, runtime_version_arn=self._runtime_arn
            )
        )
        self._begins("restore")

    def restore_ended(self, duration_ns: int | None, fault: FunctionFault | None) -> None:
        """The restore is over; without a duration, after the time since it began."""
        if duration_ns is None:
            duration_ns = time.monotonic_ns() - self._activity_ns
        self.runtime_done(fault, 0)
        status, kind = _status(fault)
        self.say(RestoreReport(duration_ns=duration_ns, status=status, error_type=kind))

    def invoke_starts(self, request_id: str) -> None:
        """An event goes out; its START has been said."""
        self._request_id = request_id
        self._begins("invoke")

    def runtime_done(self, fault: FunctionFault | None, produced_bytes: int) -> None:
        """The runtime is through with what it does; said once for each activity."""
        if self._done_said:
            return
        self._done_said = True
        self.read_output()
        status, kind = _status(fault)
        invoking, initialising = self._activity == "invoke", self._activity == "init"
        self.say(
            RuntimeDone(
                activity=self._activity,
                status=status,
                error_type=kind,
                request_id=self._request_id if invoking else None,
                initialization_type=self._type if initialising else None,
                phase=self._phase if initialising else None,
                duration_ns=time.monotonic_ns() - self._activity_ns if invoking else None,
                produced_bytes=produced_bytes if invoking else None,
            )
        )

    def _put(self, output: Output, kind: TelemetryType) -> None:
        self._log.output(output)
        self._telemetry.say(output, kind)

    def _begins(self, activity: Activity) -> None:
        self._activity = activity
        self._activity_ns = time.monotonic_ns()
        self._done_said = False

    def _say_subscriptions(self) -> None:
        lines = self._telemetry.lines
        while lines:
            self.say(lines.pop(0))


def _status(fault: FunctionFault | None) -> tuple[FailedStatus | None, str | None]:
    """Lambda's word for how something ended, and its type of the error.

    ``error`` is what the function did, ``failure`` what happened to its processes.
    """
    if fault is None:
        return None, None
    if fault.kind == "Sandbox.Timedout":
        return "timeout", None
    crashed = fault.kind in ("Runtime.ExitError", "Runtime.InvalidEntrypoint")
    failed = crashed or fault.kind.startswith("Extension.")
    return "failure" if failed else "error", fault.platform_type
