"""From a slot of the schedule to the order of a trial, and the clocks it runs under."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.backends import TrialOrder
from bench.cpu_share import PERIOD_US
from bench.model import Arm, Cell, Record, Trial
from bench.session import schedule
from bench.subjects import Function

#: Multiples of it, less their whole part, fill the unit interval evenly however many there are.
_GOLDEN_RATIO = 0.618_033_988_749_894_9


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedArm:
    """Where the copies of one arm are, and its handler."""

    function: str
    variant: str
    arm: Arm
    handler: str
    copies: tuple[Path, ...]


@dataclass(slots=True)
class Orders:
    """Makes the orders of a run."""

    record: Record
    arms: Sequence[StagedArm]
    _arms: dict[tuple[str, str, Arm], StagedArm] = field(init=False)
    _functions: dict[str, Function] = field(init=False)
    _events: dict[tuple[str, str], bytes] = field(init=False)

    def __post_init__(self) -> None:
        functions = (*self.record.functions, *self.record.control_functions)
        self._arms = {(a.function, a.variant, a.arm): a for a in self.arms}
        self._functions = {f.id: f for f in functions}
        self._events = {(f.id, e.name): e.path.read_bytes() for f in functions for e in f.events}

    def make(self, slot: schedule.Slot, tried: int) -> TrialOrder:
        """The order of a slot whose cell was tried so many times before."""
        cell = slot.cell
        arm = self._arms[cell.function, cell.variant, slot.arm]
        return TrialOrder(
            cell=cell,
            arm=slot.arm,
            round=slot.round,
            position=slot.position,
            slot=slot.copy,
            discarded=slot.discarded,
            function=self._functions[cell.function].configured(cell.variant),
            handler=arm.handler,
            tree=arm.copies[slot.copy],
            event=self._events[cell.function, cell.event],
            hash_seed=schedule.hash_seed(self.record.plan, slot.round),
            phase_ns=self._phase_ns(cell, tried),
        )

    def _phase_ns(self, cell: Cell, tried: int) -> int | None:
        """Where in the quota's period the event of a check of the model is released."""
        plan = self.record.plan
        if cell not in plan.validation_cells or plan.cpu_mode == "none":
            return None
        offset = random.Random(f"{plan.seed}:{cell}:phase").random()
        return int((offset + tried * _GOLDEN_RATIO) % 1.0 * PERIOD_US * 1_000)


def clock_guards(session: int) -> dict[str, int]:
    """Which measuring process it is, and how its clocks stand to the monotonic one."""
    now_ns = time.monotonic_ns()
    return {
        "session": session,
        "boottime_offset_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now_ns,
        "realtime_offset_ns": time.time_ns() - now_ns,
    }


def next_session(trials: Sequence[Trial]) -> int:
    """The number of the measuring process that goes on after these trials."""
    return 1 + max((trial.guards.get("session", 0) for trial in trials), default=-1)


def spent_ns(record: Record) -> int:
    """What a run has used of its budget: a killed session could not put it on record itself."""
    ends: dict[int, tuple[int, int]] = {}
    for trial in record.trials:
        session = trial.guards.get("session", 0)
        first, _ = ends.get(session, (trial.started_ns, 0))
        ends[session] = (first, trial.started_ns)
    return max(record.wall_ns, sum(last - first for first, last in ends.values()))
