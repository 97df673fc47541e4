"""The measuring process: runs the trials of a plan and appends them to the record.

Started as ``python -m bench.session ORDER`` by :mod:`bench.measurement`, because a process that
spawns must stay small: nothing here imports numpy, pandas, boto3, rich or pytest. Progress goes
to stdout as JSON lines, at most a few a second and never during a trial.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import schedule
from bench.backends import Backend, TrialOrder
from bench.backends.local import LocalBackend
from bench.codec import from_json
from bench.emulator.deployment import PythonRuntime
from bench.errors import BenchError, Interrupted, MeasurementError
from bench.model import Arm, Cell, Record, Trial
from bench.store import LOGS_DIRECTORY, TrialWriter, load_record, seal, trial_key

#: A cell whose first trials all failed is not tried again: a function that hangs would otherwise
#: cost its timeout in every round.
GIVE_UP_AFTER = 3
_PROGRESS_INTERVAL_NS = 400_000_000
_PR_SET_PDEATHSIG = 1
#: What ends a session early.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedArm:
    """Where the copies of one arm are, and its handler."""

    function: str
    variant: str
    arm: Arm
    handler: str
    copies: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOrder:
    """What the measuring process is told: where the record is, and what its trials run from."""

    record_directory: Path
    work_directory: Path
    arms: tuple[StagedArm, ...]
    python: PythonRuntime | None = None


Observer = Callable[[Mapping[str, Any]], None]


class Session:
    """Runs what is left of a record's plan.

    Args:
        record: the header, and the trials of an earlier, interrupted session.
        order: where copies and record are.
        backend: where trials run.
        writer: where they are recorded.
        observer: told what happens, between trials.
        stop_fd: when it becomes readable, no further trial is run.
    """

    def __init__(
        self,
        record: Record,
        order: SessionOrder,
        backend: Backend,
        writer: TrialWriter,
        observer: Observer,
        stop_fd: int | None = None,
    ) -> None:
        self._stop_fd = stop_fd
        self._record = record
        self._backend = backend
        self._writer = writer
        self._observer = observer
        self._arms = {(a.function, a.variant, a.arm): a for a in order.arms}
        self._functions = {f.id: f for f in record.functions}
        self._events = {
            (f.id, e.name): e.path.read_bytes() for f in record.functions for e in f.events
        }
        self._done = {trial_key(t) for t in record.trials}
        self._tried: Counter[Cell] = Counter()
        self._failed: Counter[Cell] = Counter()
        for trial in record.trials:
            self._count(trial)
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
            complete = self._run_rounds(started_ns)
        finally:
            wall_ns = time.monotonic_ns() - started_ns
            self.header = replace(
                self._record,
                complete=complete,
                wall_ns=self._record.wall_ns + wall_ns,
                wall_in_trials_ns=self._record.wall_in_trials_ns + self._in_trials_ns,
                warnings=tuple(dict.fromkeys((*self._record.warnings, *self._given_up()))),
            )
        return self.header

    def _run_rounds(self, started_ns: int) -> bool:
        plan = self._record.plan
        budget_ns = None if plan.budget_s is None else int(plan.budget_s * 1e9)
        budget_ns = None if budget_ns is None else budget_ns - self._record.wall_ns
        longest_ns = 0
        for slots in schedule.rounds(plan):
            round_started_ns = time.monotonic_ns()
            elapsed_ns = round_started_ns - started_ns
            if budget_ns is not None and elapsed_ns + longest_ns > budget_ns:
                return True
            for slot in slots:
                self._run_slot(slot)
            gc.collect()
            longest_ns = max(longest_ns, time.monotonic_ns() - round_started_ns)
        return True

    def _run_slot(self, slot: schedule.Slot) -> None:
        if self._stop_fd is not None and select.select([self._stop_fd], [], [], 0)[0]:
            raise Interrupted("interrupted")
        cell = slot.cell
        if (slot.round, cell, slot.arm) in self._done:
            return
        if self._is_given_up(cell):
            self._observer({"event": "skipped"})
            return
        arm = self._arms[cell.function, cell.variant, slot.arm]
        order = TrialOrder(
            cell=cell,
            arm=slot.arm,
            round=slot.round,
            position=slot.position,
            slot=slot.copy,
            discarded=slot.discarded,
            function=self._functions[cell.function],
            handler=arm.handler,
            tree=arm.copies[slot.copy],
            event=self._events[cell.function, cell.event],
            hash_seed=schedule.hash_seed(self._record.plan, slot.round),
        )
        begin_ns = time.monotonic_ns()
        trial = self._backend.run(order)
        self._in_trials_ns += time.monotonic_ns() - begin_ns
        self._writer.append(trial)
        self._count(trial)
        self._observer(_told(trial))

    def _count(self, trial: Trial) -> None:
        self._tried[trial.cell] += 1
        if trial.outcome == "failed":
            self._failed[trial.cell] += 1

    def _is_given_up(self, cell: Cell) -> bool:
        tried = self._tried[cell]
        return tried >= GIVE_UP_AFTER and self._failed[cell] == tried

    def _given_up(self) -> tuple[str, ...]:
        return tuple(
            f"`{c.function}`, variant `{c.variant}`, event `{c.event}`, {c.memory_mb} MB failed in "
            f"each of its first {self._tried[c]} trials and was not tried again"
            for c in self._tried
            if self._is_given_up(c)
        )


def _told(trial: Trial) -> dict[str, Any]:
    return {
        "event": "trial",
        "function": trial.function,
        "variant": trial.variant,
        "memory_mb": trial.memory_mb,
        "input": trial.event,
        "round": trial.round,
        "discarded": trial.discarded,
        "outcome": trial.outcome,
        "cold_total_ns": trial.phases.get("cold_total"),
    }


class _Narrator:
    """Writes events to stdout, batched: a reader woken at each trial would disturb the next."""

    def __init__(self) -> None:
        self._pending: list[Mapping[str, Any]] = []
        self._next_ns = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        self._pending.append(event)
        now_ns = time.monotonic_ns()
        if now_ns >= self._next_ns:
            self.flush()
            self._next_ns = now_ns + _PROGRESS_INTERVAL_NS

    def flush(self) -> None:
        """Write what is pending; a reader that went away is no reason to stop measuring."""
        lines = "".join(json.dumps(event) + "\n" for event in self._pending)
        self._pending.clear()
        try:
            sys.stdout.write(lines)
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115


def _stop_pipe() -> int:
    """A descriptor that becomes readable when SIGINT or SIGTERM has come.

    The signals themselves raise nothing: an exception at any instant could come between the making
    of something and its being known. Waiting points look at the descriptor instead.
    """
    read_fd, write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
    for signum in STOP_SIGNALS:
        signal.signal(signum, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    return read_fd


def _die_with(parent: int) -> None:
    """Have SIGTERM sent to us when the reporting process ends, however it ends.

    Raises:
        Interrupted: it has ended already.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise Interrupted("interrupted: the reporting process is gone")


def main() -> int:
    """Run the session that the order file describes; the exit code is that of the error, or 0.

    Arguments: the order file, and the process id of the reporting process, which starts this one
    with SIGINT and SIGTERM blocked, so that none comes before there is somebody to take it.
    """
    narrator = _Narrator()
    try:
        _die_with(int(sys.argv[2]))
        order = from_json(SessionOrder, json.loads(Path(sys.argv[1]).read_bytes()))
        _measure(order, narrator, _stop_pipe())
    except BenchError as error:
        narrator({"event": "error", "message": error.message, "hint": error.hint})
        return error.exit_code
    finally:
        narrator.flush()
    return 0


def _measure(order: SessionOrder, observer: Observer, stop_fd: int) -> None:
    directory = order.record_directory
    with contextlib.ExitStack() as cleanup:
        writer = TrialWriter(directory)
        cleanup.callback(writer.close)
        record = load_record(directory)
        backend = LocalBackend(
            work_directory=order.work_directory,
            log_directory=directory / LOGS_DIRECTORY,
            python=order.python,
            cpu_mode=record.plan.cpu_mode,
            warm_invokes=record.plan.warm_invokes,
            stop_fd=stop_fd,
        )
        cleanup.callback(backend.close)
        _check_limits(record, backend)
        facts = dict(record.environment) | {
            "cgroup": backend.cgroups.version,
            "cgroup_reason": backend.cgroups.reason,
        }
        record = replace(record, environment=dict(sorted(facts.items())))
        session = Session(record, order, backend, writer, observer, stop_fd)
        cleanup.callback(lambda: seal(directory, session.header))
        gc.collect()
        gc.freeze()
        gc.disable()
        session.run()


def _check_limits(record: Record, backend: LocalBackend) -> None:
    """The cells of a plan with limits must not be measured without, and be called measured.

    Raises:
        MeasurementError: what was there when the plan was made is not there now.
    """
    if record.plan.cpu_mode != "none" and backend.cgroups.version == "none":
        raise MeasurementError(
            f"memory sizes cannot be enforced any more: {backend.cgroups.reason}",
            hint="run with `--cpu none`, or see `coldbench doctor`",
        )


if __name__ == "__main__":
    sys.exit(main())
