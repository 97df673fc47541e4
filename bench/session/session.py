"""A session: the trials of a plan, run one after the other, each on record as soon as it ended.

What to measure after a look is asked of the reporting process, see :mod:`bench.session.dialogue`.
"""

from __future__ import annotations

import gc
import select
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.backends import Backend
from bench.emulator.deployment import PythonRuntime
from bench.errors import Interrupted
from bench.model import Allocation, Record
from bench.session import schedule
from bench.session.attempts import Attempts
from bench.session.budget import Budget
from bench.session.dialogue import (
    Advisor,
    Observer,
    StopPipe,
    told,
)
from bench.session.orders import Orders, StagedArm, clock_guards, next_session, spent_ns
from bench.store import TrialWriter, trial_key


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """What the measuring process is told: where the record is, and what its trials run from."""

    record_directory: Path
    work_directory: Path
    arms: tuple[StagedArm, ...]
    #: What each Python function runs on, by its id.
    pythons: Mapping[str, PythonRuntime] = field(default_factory=dict)


class Session:
    """Runs what is left of a record's plan, and what its advisor adds to it.

    Args:
        record: the header, and the trials of an earlier, interrupted session.
        order: where copies and record are.
        backend: where trials run.
        writer: where they are recorded.
        observer: told what happens, between trials.
        stop: when its descriptor becomes readable, no further trial is run.
        advisor: asked for the next rounds at each look but the last; without, the run ends at the
            first.
        keep: given the header whenever rounds were allotted, so that a killed run can go on.
        rest: what is done between rounds, so that it need not be done inside one.
    """

    def __init__(
        self,
        record: Record,
        order: SessionOrder,
        backend: Backend,
        writer: TrialWriter,
        observer: Observer,
        stop: StopPipe | None = None,
        advisor: Advisor | None = None,
        keep: Callable[[Record], None] = lambda _: None,
        rest: Callable[[], object] = gc.collect,
    ) -> None:
        self._stop = stop
        self._advisor = advisor
        self._keep = keep
        self._rest = rest
        self._record = record
        self._number = next_session(record.trials)
        self._budget = Budget(record.plan.budget_s, spent_ns(record))
        self._backend = backend
        self._writer = writer
        self._observer = observer
        self._orders = Orders(record, order.arms)
        self._done = {trial_key(t) for t in record.trials}
        self._attempts = Attempts(record.trials)
        self._in_trials_ns = 0
        #: What to seal the record with.
        self.header = record

    def run(self) -> Record:
        """Run all rounds, or as many as the budget allows; returns the header to seal.

        Raises:
            Interrupted: by a signal; everything up to the last whole trial is recorded.
            StorageError: the record cannot be written any more.
        """
        started_ns = time.monotonic_ns()
        complete = False
        try:
            self._run_rounds()
            complete = True
        finally:
            wall_ns = time.monotonic_ns() - started_ns
            self.header = replace(
                self._record,
                complete=complete,
                wall_ns=self._record.wall_ns + wall_ns,
                wall_in_trials_ns=self._record.wall_in_trials_ns + self._in_trials_ns,
                warnings=tuple(dict.fromkeys((*self._record.warnings, *self._attempts.given_up()))),
            )
        return self.header

    def _run_rounds(self) -> None:
        if self._stop is not None:
            self._stop.alarm(self._budget.hard_stop_s)
        try:
            for slots in self._rounds():
                left = [slot for slot in slots if slot.key not in self._done]
                fitting = self._budget.fitting(left)
                if left and not fitting:
                    return
                for slot in fitting:
                    self._run_slot(slot)
                self._rest()
        except Interrupted:
            out_of_time = self._budget.is_spent and self._stop and self._stop.was_only_alarm()
            if not out_of_time:
                raise

    def _rounds(self) -> Iterator[tuple[schedule.Slot, ...]]:
        """The rounds allotted so far, those done included, then what the advisor says."""
        opening = schedule.opening(self._record.plan)
        if not self._record.allocations:
            self._allot(opening)
        self._tell(self._record.allocations[len(opening) :])
        yield from schedule.rounds(self._record.plan, self._record.allocations)
        while self._advisor is not None and len(self._record.plan.looks) > 1:
            allotted = self._advisor(self._budget.remaining_s)
            if not allotted:
                return
            self._allot(allotted)
            yield from schedule.rounds(self._record.plan, allotted)

    def _allot(self, allocations: tuple[Allocation, ...]) -> None:
        known = self._record.allocations
        self._record = replace(self._record, allocations=(*known, *allocations))
        self.header = self._record
        self._keep(self._record)
        if known:
            self._tell(allocations)

    def _tell(self, allocations: tuple[Allocation, ...]) -> None:
        trials = sum(map(len, schedule.rounds(self._record.plan, allocations)))
        if trials:
            self._observer({"event": "allotted", "trials": trials})

    def _run_slot(self, slot: schedule.Slot) -> None:
        if self._stop is not None and select.select([self._stop.fd], [], [], 0)[0]:
            raise Interrupted("interrupted")
        cell = slot.cell
        if self._attempts.is_given_up(cell):
            self._observer({"event": "skipped"})
            return
        order = self._orders.make(slot, self._attempts.of(cell))
        clocks = clock_guards(self._number)
        begin_ns = time.monotonic_ns()
        trial = self._backend.run(order)
        duration_ns = time.monotonic_ns() - begin_ns
        self._in_trials_ns += duration_ns
        self._budget.note(cell, duration_ns)
        trial = replace(trial, guards={**trial.guards, **clocks})
        self._writer.append(trial)
        self._attempts.count(trial)
        self._observer(told(trial))
