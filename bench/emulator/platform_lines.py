"""What Lambda itself says in the log of a function: one frozen record per kind of platform line.

Durations are whole nanoseconds and exact: the text form of a log has two decimals of a millisecond
(10 µs), the JSON form has three (1 µs). :mod:`bench.emulator.reportlog` reads both forms,
:mod:`bench.emulator.platform_format` writes them.
"""

from __future__ import annotations

from typing import Literal

from bench.frozen import dataclass

Phase = Literal["init", "invoke"]
#: How something ended badly. None stands for success, about which the text form is silent.
FailedStatus = Literal["timeout", "error", "failure"]
#: Which sum explains the billed duration; see :attr:`Report.billing`.
Billing = Literal["duration+init", "duration", "duration+restore", "unexplained"]

_NS_PER_MS = 1_000_000
#: Half of the last decimal of the text form: what a printed duration may be off by.
_PRINTED_ERROR_NS = 5_000


def billed_ms(duration_ns: int, init_ns: int | None = None) -> int:
    """Billed Duration of an on-demand invoke: Duration + Init Duration, rounded up to whole ms.

    Init is billed since 1 August 2025 (AWS Compute Blog, 29 April 2025). Leave ``init_ns`` out
    for a warm invoke and for one whose init ran inside the invoke.
    """
    return _ceil_ms(duration_ns + (init_ns or 0))


def _ceil_ms(ns: int) -> int:
    return -(-ns // _NS_PER_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """``START``: an invoke begins. The text form has no function ARN."""

    request_id: str
    version: str
    function_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """``END``: the invoke is over, ``REPORT`` follows."""

    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``REPORT``: the times, memory and price of one invoke."""

    request_id: str
    duration_ns: int
    #: Contains :attr:`billed_restore_duration_ms`: adding the two counts the restore twice.
    billed_duration_ms: int
    memory_size_mb: int
    max_memory_used_mb: int
    #: None: the environment was warm, restored, provisioned, or initialised inside the invoke.
    init_duration_ns: int | None = None
    restore_duration_ns: int | None = None
    billed_restore_duration_ms: int | None = None
    status: FailedStatus | None = None
    error_type: str | None = None
    xray_trace_id: str | None = None
    #: The segment under which the caller's trace called the function; in JSON only.
    xray_parent_id: str | None = None
    segment_id: str | None = None
    sampled: bool | None = None

    @property
    def billing(self) -> Billing:
        """Which rule gives the billed duration from the durations printed.

        ``duration+init`` is the rule since August 2025. ``duration`` means that there was no init
        to bill or, with an Init Duration, that the line is older or its init was free of charge.
        An init so short that both rules give the same counts as ``duration+init``.
        ``unexplained``: neither; older lines of invokes stopped at the timeout are like that.
        """
        if self.billed_restore_duration_ms is not None:
            invoke_ms = self.billed_duration_ms - self.billed_restore_duration_ms
            return "duration+restore" if self._is_ceiling(invoke_ms) else "unexplained"
        if self.init_duration_ns is not None and self._is_ceiling(
            self.billed_duration_ms, self.init_duration_ns
        ):
            return "duration+init"
        return "duration" if self._is_ceiling(self.billed_duration_ms) else "unexplained"

    def _is_ceiling(self, ms: int, *further_ns: int) -> bool:
        printed_ns = self.duration_ns + sum(further_ns)
        error_ns = _PRINTED_ERROR_NS * (1 + len(further_ns))
        return _ceil_ms(printed_ns - error_ns) <= ms <= _ceil_ms(printed_ns + error_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitStart:
    """``INIT_START``: an init begins.

    The text form has only the runtime version and its ARN. Those are None for container images;
    the JSON form demands type and phase.
    """

    runtime_version: str | None = None
    runtime_version_arn: str | None = None
    initialization_type: str | None = None
    phase: Phase | None = None
    function_name: str | None = None
    function_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InitReport:
    """``INIT_REPORT``: an init is over; on demand only written in text when it went wrong."""

    duration_ns: int
    #: ``invoke``: the init was repeated inside the first invoke.
    phase: Phase
    status: FailedStatus | None = None
    error_type: str | None = None
    #: ``on-demand``, ``provisioned-concurrency``, ``snap-start``, …; None in the text form, while
    #: the JSON form demands it.
    initialization_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreStart:
    """``RESTORE_START``: Lambda begins to restore a SnapStart snapshot."""

    runtime_version: str | None = None
    runtime_version_arn: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreReport:
    """``RESTORE_REPORT``: the restore is over, its hooks included."""

    duration_ns: int
    status: FailedStatus | None = None
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeDone:
    """The runtime is through with an init, a restore or an invoke. JSON logs only, at DEBUG."""

    activity: Literal["init", "restore", "invoke"]
    status: FailedStatus | None = None
    error_type: str | None = None
    request_id: str | None = None
    initialization_type: str | None = None
    phase: Phase | None = None
    duration_ns: int | None = None
    produced_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionLine:
    """``EXTENSION``: an extension has registered, or could not be started."""

    name: str
    state: str
    events: tuple[str, ...]
    error_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryLine:
    """``TELEMETRY``, or ``LOGS`` of the older API: an extension has subscribed to the log."""

    name: str
    state: str
    #: In lower case as in the subscription; the text form capitalises them.
    types: tuple[str, ...]
    api: Literal["TELEMETRY", "LOGS"] = "TELEMETRY"


PlatformLine = (
    Start
    | End
    | Report
    | InitStart
    | InitReport
    | RestoreStart
    | RestoreReport
    | RuntimeDone
    | ExtensionLine
    | TelemetryLine
)
