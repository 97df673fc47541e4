"""Real Lambda as a backend: one trial is one new version of a throw-away copy, invoked once.

Warm invokes follow on the same version, one after the other, and so on the same environment.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.backends import TrialOrder
from bench.cloud.control import ControlPlane
from bench.cloud.copies import Copy
from bench.cloud.evidence import Invoked, read_answer, runtime_of, why_not_cold
from bench.cloud.faults import code_of, kind_of, stopped, text_of
from bench.cloud.versions import Fresh, Method, Versions
from bench.errors import Interrupted
from bench.model import Arm, Trial, TrialError

#: A place in the schedule is given up after so many samples that were no cold starts, or lost.
MAX_ATTEMPTS = 6
#: Refused invokes did not run; they are repeated for this long.
_PATIENCE_S = 120.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LOG_TAIL_LINES = 20
_BYTES_PER_MB = 1024 * 1024
#: The harness's own failure: statistics count such a trial as lost, not as the function's.
LOST = "Harness.NoColdStart"

CopyKey = tuple[str, str, Arm, int]


class _Lost(Exception):
    """The answer of an invoke did not come: it may have run, so it must not be repeated."""


@dataclass(slots=True)
class Tally:
    """What happened besides samples, counted over a run."""

    replaced: Counter[str] = field(default_factory=Counter)
    throttled: int = 0
    warm_lost: int = 0


class AwsBackend:
    """Runs trials on copies that exist already; safe to use from several threads.

    Args:
        plane: the control plane.
        invoker: a client that never repeats an invoke.
        copies: of every arm and memory size.
        method: how cold starts are forced.
        warm_invokes: how many invokes follow the first one.
        session_id: distinguishes the labels of resumed sessions from earlier ones.
        clock_ns: monotonic.
    """

    name = "aws"

    def __init__(
        self,
        *,
        plane: ControlPlane,
        invoker: Any,
        copies: Mapping[CopyKey, Copy],
        method: Method = "version",
        warm_invokes: int = 5,
        session_id: str = "s",
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._plane = plane
        self._invoker = invoker
        self._copies = copies
        self._method = method
        self._warm_invokes = warm_invokes
        self._session_id = session_id
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self.versions = Versions(plane, method)
        self.tally = Tally()

    @property
    def prepares_ahead(self) -> bool:
        """Whether a round's versions can be made before the first of them is invoked."""
        return self._method == "version"

    def run(self, order: TrialOrder) -> Trial:
        """Prepare and measure one trial."""
        with self.versions.lock(self.copy_of(order)):
            return self.measure(order, self.prepare(order, 0))

    def close(self) -> None:
        """Nothing is held: copies are the session's."""

    def copy_of(self, order: TrialOrder) -> Copy:
        """The function that this trial runs on."""
        cell = order.cell
        return self._copies[cell.function, cell.variant, order.arm, cell.memory_mb]

    def prepare(self, order: TrialOrder, attempt: int) -> Fresh:
        """Make the copy's next invoke cold.

        Raises:
            Stopped: Lambda does not do it, and will not.
        """
        label = f"{self._session_id}-r{order.round}-p{order.position}-a{attempt}"
        return self.versions.prepare(self.copy_of(order), label)

    def measure(self, order: TrialOrder, fresh: Fresh) -> Trial:
        """Invoke what was prepared; as long as that was no cold start, prepare and invoke anew.

        Raises:
            Stopped: AWS cannot be used any more.
            Interrupted: the run is being stopped.
        """
        reasons: Counter[str] = Counter()
        started_ns = self._clock_ns()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            trial = self._attempt(order, fresh, started_ns, reasons)
            self.versions.retire(fresh)
            if trial is not None:
                return trial
            if attempt < MAX_ATTEMPTS:
                fresh = self.prepare(order, attempt)
        counted = ", ".join(f"{reason} ({n})" for reason, n in sorted(reasons.items()))
        error = TrialError(type=LOST, message=f"no cold start in {MAX_ATTEMPTS} samples: {counted}")
        return self._trial(order, started_ns, {}, reasons, error=error)

    def _attempt(
        self, order: TrialOrder, fresh: Fresh, started_ns: int, reasons: Counter[str]
    ) -> Trial | None:
        """One sample; None if it has to be replaced, and the reason is counted."""
        try:
            invoked = self._invoke(fresh, order.event)
        except _Lost as lost:
            reason: str | None = str(lost)
        else:
            if invoked.function_error is not None:
                return self._failed(order, started_ns, invoked, reasons)
            reason = why_not_cold(invoked, fresh)
            if reason is None:
                return self._sample(order, fresh, started_ns, invoked, reasons)
        assert reason is not None, "either the answer is lost or it says why it is none"
        reasons[reason] += 1
        with self._lock:
            self.tally.replaced[reason] += 1
        return None

    def _sample(
        self,
        order: TrialOrder,
        fresh: Fresh,
        started_ns: int,
        invoked: Invoked,
        reasons: Counter[str],
    ) -> Trial:
        report = invoked.report
        assert report is not None, "a cold start has a REPORT"
        waited_ns = invoked.cold_start_ns or 0
        phases = {"first_invoke": report.duration_ns, "cold_total": waited_ns + report.duration_ns}
        if report.init_duration_ns is not None:
            phases["init"] = report.init_duration_ns
        if report.restore_duration_ns is not None:
            phases["restore"] = report.restore_duration_ns
        phases["round_trip"] = invoked.round_trip_ns
        memory_mb = report.max_memory_used_mb
        warm_ns: list[int] = []
        warm_billed_ms = 0
        for _ in range(self._warm_invokes):
            further = self._warm(fresh, order.event)
            if further is None or further.report is None:
                continue
            if further.function_error is not None:
                return self._failed(order, started_ns, further, reasons)
            warm_ns.append(further.report.duration_ns)
            warm_billed_ms += further.report.billed_duration_ms
            memory_mb = max(memory_mb, further.report.max_memory_used_mb)
        guards = {"billed_ms": report.billed_duration_ms, "warm_billed_ms": warm_billed_ms}
        return self._trial(
            order,
            started_ns,
            phases,
            reasons,
            warm_ns=tuple(warm_ns),
            memory_mb=memory_mb,
            guards=guards,
            facts=self._facts(invoked, fresh),
        )

    def _warm(self, fresh: Fresh, event: bytes) -> Invoked | None:
        """One more invoke of the same environment; None if it was lost or met another one."""
        try:
            invoked = self._invoke(fresh, event)
        except _Lost:
            invoked = None
        if invoked is None or invoked.report is None or invoked.cold_start_ns is not None:
            with self._lock:
                self.tally.warm_lost += 1
            return None
        return invoked

    def _facts(self, invoked: Invoked, fresh: Fresh) -> dict[str, str]:
        runtime = runtime_of(invoked)
        facts = {"request_id": invoked.request_id, "version": fresh.version}
        return facts | ({"runtime_version": runtime} if runtime else {})

    def _failed(
        self, order: TrialOrder, started_ns: int, invoked: Invoked, reasons: Counter[str]
    ) -> Trial:
        """A trial that the function failed by its own doing."""
        redact = self._plane.account.redact
        try:
            said = json.loads(invoked.payload)
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        lines = [line for line in invoked.log.splitlines() if line.strip()]
        error = TrialError(
            type=str(said.get("errorType") or invoked.function_error),
            message=redact(str(said.get("errorMessage") or "the function said nothing")),
            log_tail=redact("\n".join(lines[-_LOG_TAIL_LINES:])),
        )
        return self._trial(order, started_ns, {}, reasons, error=error)

    def _trial(
        self,
        order: TrialOrder,
        started_ns: int,
        phases: Mapping[str, int],
        reasons: Counter[str],
        *,
        warm_ns: tuple[int, ...] = (),
        memory_mb: int | None = None,
        guards: Mapping[str, int] | None = None,
        facts: Mapping[str, str] | None = None,
        error: TrialError | None = None,
    ) -> Trial:
        return Trial(
            **order.place(),
            outcome="ok" if error is None else "failed",
            started_ns=started_ns,
            phases=dict(phases),
            cpu={},
            warm_invokes_ns=warm_ns,
            peak_memory_bytes=None if memory_mb is None else memory_mb * _BYTES_PER_MB,
            guards={**(guards or {}), "replaced": reasons.total()},
            facts=facts or {},
            error=error,
        )

    def _invoke(self, fresh: Fresh, event: bytes) -> Invoked:
        """Invoke once; again only where Lambda refused, so that it did not run.

        Raises:
            _Lost: it may have run, and the answer did not come.
            Stopped: nothing can be invoked any more.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        arguments: dict[str, Any] = {"FunctionName": fresh.copy.name, "LogType": "Tail"}
        if fresh.qualifier is not None:
            arguments["Qualifier"] = fresh.qualifier
        deadline_s = time.monotonic() + _PATIENCE_S
        pause_s = _FIRST_PAUSE_S
        while True:
            if self._plane.stop.is_set():
                raise Interrupted("interrupted")
            began_ns = self._clock_ns()
            try:
                answer = self._invoker.invoke(Payload=event, **arguments)
                return read_answer(answer, self._clock_ns() - began_ns)
            except (ClientError, BotoCoreError) as error:
                kind = kind_of(error)
                if kind == "unknown":
                    raise _Lost(f"answer lost: {code_of(error)}") from None
                if kind != "refused" or time.monotonic() > deadline_s:
                    what = f"invoke of `{fresh.copy.function}`"
                    raise stopped(error, what, self._plane.account.redact) from None
                with self._lock:
                    self.tally.throttled += "TooManyRequests" in code_of(error) + text_of(error)
            self._plane.stop.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
