"""What the order of starts says about the clock, for trials one by one and for several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.model import Record, Trial
from bench.stats.clocks import clock_reasons
from tests.unit.plans import a_cell, a_plan, a_record, a_trial

_ROUND_NS = 1_000_000_000


def _trials(starts_ns: Sequence[Sequence[int]], sessions: Sequence[int]) -> tuple[Trial, ...]:
    """Rounds of trials that began so long after the beginning of their round."""
    return tuple(
        replace(
            a_trial(a_cell()),
            round=number,
            position=position,
            started_ns=number * _ROUND_NS + start_ns,
            guards={"session": sessions[number]},
        )
        for number, round_ns in enumerate(starts_ns)
        for position, start_ns in enumerate(round_ns)
    )


def _record(backend: str, trials: tuple[Trial, ...]) -> Record:
    return replace(a_record(a_plan(), trials=trials), backend=backend)


def test_trials_that_run_at_once_may_start_in_any_order_within_a_round() -> None:
    """Each waits for a version of its own before it starts; one by one they could not."""
    trials = _trials([[3, 1, 2], [2, 3, 1]], sessions=[0, 0])
    assert clock_reasons(_record("aws", trials), {}) == ()
    assert "went back 2 times" in clock_reasons(_record("local", trials), {})[0]


def test_a_round_that_starts_before_the_end_of_the_one_before_is_a_clock_that_went_back() -> None:
    """All trials of a round have ended when the next one begins, on every backend."""
    trials = _trials([[3, 1], [0, 1 - _ROUND_NS], [0, 1]], sessions=[0, 0, 0])
    (reason,) = clock_reasons(_record("aws", trials), {})
    assert reason == "the monotonic clock went back 1 times, first in round 1"


def test_another_boot_has_another_clock() -> None:
    """A resumed session may begin long before the one that it goes on with."""
    trials = _trials([[1, 0], [-3 * _ROUND_NS, -2 * _ROUND_NS]], sessions=[0, 1])
    assert clock_reasons(_record("aws", trials), {}) == ()


def test_aws_records_without_sessions_say_nothing_about_the_clock() -> None:
    """Older ones: whether a later round ran on the same boot is not known."""
    trials = _trials([[1, 0], [-3 * _ROUND_NS, -2 * _ROUND_NS]], sessions=[0, 0])
    bare = tuple(replace(trial, guards={}) for trial in trials)
    assert clock_reasons(_record("aws", bare), {}) == ()
