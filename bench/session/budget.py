"""A time budget as a promise: what a trial will take, and what still fits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from bench.model import Cell
from bench.session.schedule import Slot

#: The next trial of a cell is expected to take as long as the longest of so many before it.
_REMEMBERED = 3
#: A trial in flight is ended when this much more than the budget is spent: the promise is 5 %.
HARD_LIMIT = 1.03


class Budget:
    """How much of the time of a run is left, and which groups of a round still fit into it.

    Args:
        limit_s: the whole measuring time; None without a limit.
        spent_ns: what earlier sessions of the same run have used.
        clock_ns: the monotonic clock.
    """

    def __init__(
        self,
        limit_s: float | None,
        spent_ns: int = 0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._clock_ns = clock_ns
        self._limit_ns = None if limit_s is None else int(limit_s * 1e9)
        self._began_ns = clock_ns() - spent_ns
        self._durations: dict[Cell, deque[int]] = {}

    @property
    def remaining_s(self) -> float | None:
        """What is left, not less than 0; None without a limit."""
        if self._limit_ns is None:
            return None
        return max(0, self._limit_ns - (self._clock_ns() - self._began_ns)) / 1e9

    @property
    def hard_stop_s(self) -> float | None:
        """In how many seconds a trial in flight must be ended; None without a limit."""
        if self._limit_ns is None:
            return None
        left_ns = self._limit_ns * HARD_LIMIT - (self._clock_ns() - self._began_ns)
        return max(1e-3, left_ns / 1e9)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.remaining_s == 0

    def note(self, cell: Cell, duration_ns: int) -> None:
        """Remember what a trial took."""
        self._durations.setdefault(cell, deque(maxlen=_REMEMBERED)).append(duration_ns)

    def fitting(self, slots: Sequence[Slot]) -> tuple[Slot, ...]:
        """The slots of those groups of a round that still fit, in the order given."""
        remaining_s = self.remaining_s
        if remaining_s is None:
            return tuple(slots)
        left_ns = remaining_s * 1e9
        chosen: set[object] = set()
        for group in dict.fromkeys(slot.cell.group for slot in slots):
            cost_ns = self._expected_ns(slot for slot in slots if slot.cell.group == group)
            if cost_ns < left_ns:
                chosen.add(group)
                left_ns -= cost_ns
        return tuple(slot for slot in slots if slot.cell.group in chosen)

    def _expected_ns(self, slots: Iterable[Slot]) -> int:
        """What these trials will take; a cell that never ran counts like its function's longest."""
        return sum(self._expected_of(slot.cell) for slot in slots)

    def _expected_of(self, cell: Cell) -> int:
        known = self._durations.get(cell)
        if known:
            return max(known)
        return max(
            (max(d) for other, d in self._durations.items() if other.function == cell.function),
            default=0,
        )
