"""A budget in whole groups of a round, on a clock that the test moves."""

from __future__ import annotations

from plans import a_cell, a_plan

from bench.model import Cell
from bench.session.budget import Budget
from bench.session.schedule import Slot, round_slots

_S = 1_000_000_000
QUICK, SLOW = a_cell("default"), a_cell("default", function="go/other")


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5 * _S

    def __call__(self) -> int:
        return self.now_ns


def _slots(*cells: Cell) -> tuple[Slot, ...]:
    return round_slots(a_plan(*cells), 3, cells)


def _cells(slots: tuple[Slot, ...]) -> set[Cell]:
    return {slot.cell for slot in slots}


def test_without_a_limit_everything_fits() -> None:
    """A fixed number of rounds takes as long as it takes."""
    budget = Budget(None)
    budget.note(QUICK, 1_000 * _S)

    assert budget.fitting(_slots(QUICK, SLOW)) == _slots(QUICK, SLOW)
    assert (budget.remaining_s, budget.hard_stop_s, budget.is_spent) == (None, None, False)


def test_what_earlier_sessions_used_is_gone() -> None:
    """A resumed run has the rest of its budget."""
    clock = Clock()
    budget = Budget(10.0, spent_ns=4 * _S, clock_ns=clock)
    clock.now_ns += 1 * _S

    assert budget.remaining_s == 5.0


def test_a_group_that_does_not_fit_is_left_out_and_the_others_run() -> None:
    """The slow function's two arms would take 8 s of the 5 that are left."""
    clock = Clock()
    budget = Budget(5.0, clock_ns=clock)
    budget.note(QUICK, _S // 10)
    budget.note(SLOW, 4 * _S)

    assert _cells(budget.fitting(_slots(QUICK, SLOW))) == {QUICK}


def test_the_longest_of_the_last_trials_is_expected() -> None:
    """One quick trial does not make a slow function quick; what is long ago is forgotten."""
    clock = Clock()
    budget = Budget(5.0, clock_ns=clock)
    for seconds in (4, 1, 1):
        budget.note(SLOW, seconds * _S)
    assert budget.fitting(_slots(SLOW)) == ()

    budget.note(SLOW, 1 * _S)
    assert budget.fitting(_slots(SLOW)) == _slots(SLOW)


def test_nothing_fits_into_a_budget_that_is_spent() -> None:
    """Not even what has never run; a trial in flight is ended 3 % later."""
    clock = Clock()
    budget = Budget(10.0, clock_ns=clock)
    assert budget.hard_stop_s == 10.3
    clock.now_ns += 10 * _S

    assert budget.is_spent
    assert budget.fitting(_slots(QUICK)) == ()
