"""Runs the rounds of a plan on copies: each round prepared at once, measured in random order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.backends import TrialOrder
from bench.backends.aws import LOST, AwsBackend
from bench.errors import Interrupted
from bench.model import Record, Trial
from bench.session import schedule
from bench.session.attempts import Attempts
from bench.session.dialogue import Observer, told
from bench.session.orders import next_session
from bench.store import TrialWriter, trial_key

#: Versions made at the same time: their calls wait for states, and the token bucket limits them.
_PREPARING = 16


class CloudSession:
    """Runs what is left of a record's plan.

    Args:
        record: the header, and the trials of earlier, interrupted sessions.
        backend: with the copies of all arms.
        writer: where trials are recorded, each as it ends.
        observer: told of each.
        stop: set to end early; what is being invoked is still recorded.
        parallel: how many trials run at the same time.
        on_round: called with the trials of each round that is through.
        clock_ns: monotonic.
    """

    def __init__(
        self,
        record: Record,
        backend: AwsBackend,
        writer: TrialWriter,
        observer: Observer,
        *,
        stop: threading.Event,
        parallel: int,
        on_round: Callable[[Sequence[Trial]], None] = lambda _: None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._record = record
        self.backend = backend
        self._on_round = on_round
        self._round: list[Trial] = []
        self._keeping = threading.Lock()
        self._makers: ThreadPoolExecutor
        self._writer = writer
        self._observer = observer
        self._stop = stop
        self._parallel = parallel
        self._clock_ns = clock_ns
        self._session = next_session(record.trials)
        self._functions = {f.id: f for f in record.functions}
        self._events = {
            (f.id, e.name): e.path.read_bytes() for f in record.functions for e in f.events
        }
        self._done = {trial_key(t) for t in record.trials}
        # That a cold start was not to be had is not the function's doing.
        self._attempts = Attempts(record.trials, excused=frozenset({LOST}))
        #: What to seal the record with.
        self.header = record

    def run(self) -> Record:
        """Run all rounds, or as many as the budget allows; gives the header to seal.

        Raises:
            Interrupted: the run was stopped; everything that ended is recorded.
            Stopped: AWS cannot be used any more; the same holds.
            StorageError: the record cannot be written any more.
        """
        started_ns = self._clock_ns()
        complete = False
        try:
            preparing = max(self._parallel, _PREPARING)
            with (
                ThreadPoolExecutor(preparing, thread_name_prefix="prepare") as self._makers,
                ThreadPoolExecutor(self._parallel, thread_name_prefix="trial") as pool,
            ):
                complete = self._run_rounds(pool, started_ns)
        finally:
            wall_ns = self._clock_ns() - started_ns
            self.header = replace(
                self._record,
                complete=complete,
                wall_ns=self._record.wall_ns + wall_ns,
                wall_in_trials_ns=self._record.wall_in_trials_ns + wall_ns,
                warnings=tuple(dict.fromkeys((*self._record.warnings, *self._attempts.given_up()))),
            )
        return self.header

    def _run_rounds(self, pool: ThreadPoolExecutor, started_ns: int) -> bool:
        plan = self._record.plan
        budget_ns = None if plan.budget_s is None else int(plan.budget_s * 1e9)
        longest_ns = 0
        for slots in schedule.rounds(plan):
            began_ns = self._clock_ns()
            spent_ns = self._record.wall_ns + began_ns - started_ns + longest_ns
            if budget_ns is not None and spent_ns > budget_ns:
                return True
            self._run_round(pool, [slot for slot in slots if self._is_due(slot)])
            self.backend.versions.end_round()
            self._on_round(self._round)
            self._round = []
            longest_ns = max(longest_ns, self._clock_ns() - began_ns)
        return True

    def _run_round(self, pool: ThreadPoolExecutor, slots: Sequence[schedule.Slot]) -> None:
        orders = [self._order(slot) for slot in slots]
        if not self.backend.prepares_ahead:
            self._collect([pool.submit(self._kept, self.backend.run, o) for o in orders])
            return
        prepared = self._results([self._makers.submit(self.backend.prepare, o, 0) for o in orders])
        pairs = zip(orders, prepared, strict=True)
        measure = self.backend.measure
        self._collect([pool.submit(self._kept, measure, order, f) for order, f in pairs])

    def _kept(self, measure: Callable[..., Trial], *order: Any) -> None:
        """Measure a trial and record it at once, so that kill -9 costs only what is in flight."""
        trial = measure(*order)
        with self._keeping:
            self._keep(trial)

    def _collect(self, futures: Sequence[Future[None]]) -> None:
        """Wait for trials; on any trouble the others end first and are recorded too."""
        trouble: BaseException | None = None
        for future in as_completed(futures):
            error = future.exception()
            if error is None:
                continue
            if not isinstance(trouble, Exception) or isinstance(trouble, Interrupted):
                trouble = error
                self._stop.set()
        if trouble is not None:
            raise trouble
        self._check_stopped()

    def _results(self, futures: Sequence[Future[Any]]) -> list[Any]:
        errors = [e for f in as_completed(futures) if (e := f.exception()) is not None]
        said = [e for e in errors if not isinstance(e, Interrupted)]
        if errors:
            raise (said or errors)[0]
        self._check_stopped()
        return [future.result() for future in futures]

    def _check_stopped(self) -> None:
        if self._stop.is_set():
            raise Interrupted("interrupted")

    def _keep(self, trial: Trial) -> None:
        trial = replace(trial, guards={**trial.guards, "session": self._session})
        self._writer.append(trial)
        self._round.append(trial)
        self._attempts.count(trial)
        self._observer(told(trial))

    def _is_due(self, slot: schedule.Slot) -> bool:
        if (slot.round, slot.cell, slot.arm) in self._done:
            return False
        if self._attempts.is_given_up(slot.cell):
            self._observer({"event": "skipped"})
            return False
        return True

    def _order(self, slot: schedule.Slot) -> TrialOrder:
        cell = slot.cell
        function = self._functions[cell.function]
        return TrialOrder(
            cell=cell,
            arm=slot.arm,
            round=slot.round,
            position=slot.position,
            slot=slot.copy,
            discarded=slot.discarded,
            function=function,
            handler=function.handler,
            tree=Path(),
            event=self._events[cell.function, cell.event],
        )
