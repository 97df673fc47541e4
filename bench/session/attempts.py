"""How often each cell was tried, and which are not worth trying again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bench.model import Cell, Trial

#: A cell whose first trials all failed is not tried again: a function that hangs would otherwise
#: cost its timeout in every round.
GIVE_UP_AFTER = 3


class Attempts:
    """Counts trials and failures of cells.

    Args:
        trials: of earlier sessions of the same run.
        excused: the types of errors that are not the function's doing.
    """

    def __init__(
        self, trials: Iterable[Trial] = (), *, excused: frozenset[str] = frozenset()
    ) -> None:
        self._tried: Counter[Cell] = Counter()
        self._failed: Counter[Cell] = Counter()
        self._excused = excused
        for trial in trials:
            self.count(trial)

    def count(self, trial: Trial) -> None:
        """Take note of a trial that ended."""
        self._tried[trial.cell] += 1
        if trial.outcome == "failed" and not (trial.error and trial.error.type in self._excused):
            self._failed[trial.cell] += 1

    def of(self, cell: Cell) -> int:
        """How many trials of the cell there were."""
        return self._tried[cell]

    def is_given_up(self, cell: Cell) -> bool:
        """Whether the cell failed in each of its first trials."""
        tried = self._tried[cell]
        return tried >= GIVE_UP_AFTER and self._failed[cell] == tried

    def given_up(self) -> tuple[str, ...]:
        """A sentence for each cell that was given up, for the record's warnings."""
        return tuple(self.warning(cell) for cell in self._tried if self.is_given_up(cell))

    def warning(self, cell: Cell) -> str:
        """The sentence about a cell that was given up after all the trials counted here."""
        return (
            f"`{cell.function}`, variant `{cell.variant}`, event `{cell.event}`, {cell.memory_mb}"
            f" MB failed in each of its first {self._tried[cell]} trials and was not tried again"
        )
