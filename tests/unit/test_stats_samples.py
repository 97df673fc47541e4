"""Which trials count, what is read from them, and how arms are paired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bench.model import Cell, Trial, TrialError
from bench.stats.samples import METRICS, collect, pair

_CELL = Cell(function="go/hello", variant="default", memory_mb=1769, event="empty")


def _trial(number: int, init: int = 100, **changes: Any) -> Trial:
    fields: dict[str, Any] = {
        "function": _CELL.function,
        "variant": _CELL.variant,
        "memory_mb": _CELL.memory_mb,
        "event": _CELL.event,
        "page_cache": "warm",
        "arm": "variant",
        "round": number,
        "position": 0,
        "slot": 0,
        "discarded": False,
        "outcome": "ok",
        "started_ns": number,
        "phases": {"spawn": 1, "init": init, "first_invoke": 50, "cold_total": init + 50},
        "cpu": {"init": 80, "first_invoke": 40, "warm_invokes": 30},
        "warm_invokes_ns": (9, 5, 7, 6),
        "warm_cpu_ns": (3, 2, 4),
        "peak_memory_bytes": 1_000,
    }
    return Trial(**(fields | changes))


def _failed(number: int, error: TrialError | None) -> Trial:
    phases: Mapping[str, int] = {"spawn": 1}
    return _trial(number, outcome="failed", phases=phases, cpu={}, error=error)


def test_every_metric_is_read_from_its_place() -> None:
    """Warm invokes are one number per process, CPU of the cold total is a sum."""
    assert {name: read([_trial(0)])[0] for name, read in METRICS.items()} == {
        "init": 100,
        "first_invoke": 50,
        "cold_total": 150,
        "warm_invoke": 6,
        "cpu_init": 80,
        "cpu_first_invoke": 40,
        "cpu_cold_total": 120,
        "cpu_warm_invoke": 3,
        "peak_memory": 1_000,
    }


def test_a_metric_that_a_trial_lacks_is_absent() -> None:
    """Without CPU accounting or warm invokes there is no value."""
    bare = _trial(0, cpu={}, warm_invokes_ns=(), warm_cpu_ns=(), peak_memory_bytes=None)
    missing = {name for name, read in METRICS.items() if read([bare]) == [None]}
    assert missing == set(METRICS) - {"init", "first_invoke", "cold_total"}


def test_warm_up_rounds_are_not_judged() -> None:
    """Discarded trials do not appear."""
    samples = collect([_trial(0, discarded=True), _trial(1)])
    assert samples[_CELL, "variant"].columns["init"].rounds == (1,)


def test_failures_are_told_apart_by_whose_they_are() -> None:
    """An error type of the harness is a lost round, any other is the function's."""
    samples = collect(
        [
            _trial(0),
            _failed(1, TrialError(type="Runtime.ExitError", message="exit status 1")),
            _failed(2, TrialError(type="Harness.Spawn", message="no launcher")),
            _failed(3, None),
        ]
    )
    sample = samples[_CELL, "variant"]
    assert (sample.rounds, sample.failed_rounds, sample.lost_rounds) == ({0}, {1}, {2, 3})


def test_a_repeated_round_counts_once() -> None:
    """Of two trials of one round the later one counts, in whatever order they are stored."""
    trials = [_trial(4, init=7, started_ns=20), _trial(4, init=5, started_ns=10)]
    for order in (trials, trials[::-1]):
        assert collect(order)[_CELL, "variant"].columns["init"].values == (7,)


def test_only_rounds_that_both_arms_completed_are_paired() -> None:
    """A round that failed in one arm is left out of both."""
    error = TrialError(type="Sandbox.Timedout", message="3 s")
    samples = collect(
        [
            *(_trial(n, init=100 + n) for n in (0, 1, 3)),
            _failed(2, error),
            *(_trial(n, init=200 + n, arm="aa") for n in (3, 2, 1)),
        ]
    )
    pairs = pair(samples[_CELL, "variant"], samples[_CELL, "aa"], "init")
    assert pairs.baseline.tolist() == [101, 103]
    assert pairs.candidate.tolist() == [201, 203]


@pytest.mark.parametrize("values", [(0, 100), (100, 0)])
def test_a_zero_has_no_ratio(values: tuple[int, int]) -> None:
    """A value of zero in either arm takes its round out."""
    samples = collect([_trial(0, init=values[0]), _trial(0, init=values[1], arm="aa")])
    assert not len(pair(samples[_CELL, "variant"], samples[_CELL, "aa"], "init").baseline)


def test_a_missing_arm_has_no_pairs() -> None:
    """An arm without a single trial pairs with nothing."""
    sample = collect([_trial(0)])[_CELL, "variant"]
    assert not len(pair(sample, None, "init").baseline)
