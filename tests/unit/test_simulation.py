"""Error rates on machines that never were: a cheap, seeded part of the statistical acceptance."""

from __future__ import annotations

import math
import statistics

import pytest

from bench.backends.noise import Machine, adversaries
from bench.simulation.comparisons import (
    LOOKS,
    Decision,
    block_false_alarms,
    comparison,
    false_alarms,
    impatient_alarms,
    is_found,
    naive_alarms,
    suite_alarms,
)

#: How long a comparison of 122 rounds takes on these machines, in seconds.
_SESSION_S = 3.2
_ADVERSARIES = adversaries(_SESSION_S)


def _machine(seed: int) -> Machine:
    return Machine(seed)


def _found(effect: float, count: int, **changes: object) -> list[Decision]:
    return [
        comparison(Machine(seed), effect, seed=seed, is_decided=is_found, **changes)  # type: ignore[arg-type]
        for seed in range(count)
    ]


def test_equal_programs_are_called_equal() -> None:
    """At alpha = .01 at most 3 of 300 comparisons of the same program find a change."""
    assert false_alarms(_machine, 300) <= 3


@pytest.mark.parametrize("name", _ADVERSARIES)
def test_adversarial_noise_raises_no_alarms(name: str) -> None:
    """Random order holds the error rate on every machine; the same bound as on a quiet one."""
    assert false_alarms(_ADVERSARIES[name], 100, seed=1_000) <= 1


@pytest.mark.parametrize("name", _ADVERSARIES)
def test_adversarial_noise_bites(name: str) -> None:
    """Block order calls equal programs different on every one of these machines."""
    assert block_false_alarms(_ADVERSARIES[name], 50, seed=1_000) >= 5


def test_looking_after_every_round_is_safe_with_an_e_process() -> None:
    """Users who stop at the first success are wrong no more often than anybody else."""
    assert impatient_alarms(_machine, 300) <= 3


def test_looking_after_every_round_is_not_safe_without() -> None:
    """The same habit with a fixed-sample test is wrong many times as often."""
    assert naive_alarms(_machine, 24) >= 3


def test_a_suite_of_forty_equal_cells_has_no_regression() -> None:
    """Four suites, 160 comparisons: Holm holds the error of each suite as a whole."""
    assert suite_alarms(_machine, 4) == 0


@pytest.mark.parametrize(
    ("effect", "rounds", "share", "looks"),
    [
        (0.02, 60, 0.95, LOOKS),
        (0.05, 24, 0.99, LOOKS),
        (0.01, 273, 0.90, (*LOOKS, 182, 273)),
    ],
)
def test_a_change_is_found_in_time(
    effect: float, rounds: int, share: float, looks: tuple[int, ...]
) -> None:
    """The interval excludes that nothing changed within so many rounds, in nearly all runs."""
    decisions = _found(effect, 100, looks=looks)
    found = [d for d in decisions if d.low > 1 and d.rounds <= rounds]
    assert len(found) >= share * len(decisions)


def test_a_change_well_beyond_the_margin_is_called_by_its_name() -> None:
    """Five percent more is slower, five percent less is faster, always."""
    verdicts = {
        effect: {comparison(Machine(seed), effect, seed=seed).verdict for seed in range(60)}
        for effect in (0.05, -0.05)
    }
    assert verdicts == {0.05: {"slower"}, -0.05: {"faster"}}


def test_intervals_at_the_stop_hold_the_truth() -> None:
    """Stopping early does not make them wrong: all but a few of 450 injections are covered."""
    effects = (-0.10, -0.05, -0.02, 0.0, 0.01, 0.02, 0.05, 0.10, 0.30)
    decisions = [
        (effect, comparison(Machine(seed), effect, seed=seed))
        for effect in effects
        for seed in range(50)
    ]
    covered = sum(d.low <= 1 + effect <= d.high for effect, d in decisions)
    assert covered >= 0.985 * len(decisions)


@pytest.mark.parametrize("effect", [-0.02, 0.02])
def test_stopping_early_does_not_exaggerate(effect: float) -> None:
    """The mean of 200 estimates is within 0.1 points of the truth, but for its own error."""
    ratios = [comparison(Machine(s), effect, seed=s).ratio for s in range(8_000, 8_200)]
    error = statistics.stdev(ratios) / math.sqrt(len(ratios))
    assert abs(statistics.fmean(ratios) - 1 - effect) <= 0.001 + 2 * error


def test_nothing_changed_is_a_verdict() -> None:
    """Within a margin of 2 % equal programs are the same by 54 rounds, nine times in ten."""
    decisions = [comparison(Machine(seed), 0.0, seed=seed, margin=0.02) for seed in range(100)]
    same = [d for d in decisions if d.verdict == "same" and d.rounds <= 54]
    assert len(same) >= 90


def test_a_simulation_is_the_same_every_time() -> None:
    """Everything in it follows from its seed."""
    assert comparison(Machine(5), 0.02, seed=5) == comparison(Machine(5), 0.02, seed=5)
