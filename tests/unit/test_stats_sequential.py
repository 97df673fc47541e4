"""Looks that share one error, and the e-process that may be looked at after every round."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from bench.model import Plan
from bench.stats.anytime import anytime_p, confidence_sequence, log_e_values, predictable_scores
from bench.stats.paired import Estimate, estimate
from bench.stats.samples import Pairs
from bench.stats.sequential import Design, look, planned_design, rounds_to_settle

LOOKS = (16, 24, 36)


def _pairs(count: int, shift: float = 0.0, seed: int = 1) -> Pairs:
    draw = np.random.default_rng(seed)
    baseline = np.full(count, 1e7)
    return Pairs(
        baseline=baseline,
        candidate=baseline * (1 + shift) * np.exp(0.01 * draw.standard_t(3, count)),
    )


def _estimate(ratio: float, low: float, high: float, n: int = 100) -> Estimate:
    return Estimate(n=n, ratio=ratio, low=low, high=high, p=0.5)


@pytest.mark.parametrize(
    ("n", "final", "rounds"),
    [
        (15, False, ()),
        (15, True, (15,)),
        (16, False, (16,)),
        (30, False, (16, 24)),
        (30, True, (16, 24, 30)),
        (36, True, (16, 24, 36)),
        (50, True, (16, 24, 36)),
    ],
)
def test_only_planned_looks_are_taken(n: int, final: bool, rounds: tuple[int, ...]) -> None:
    """A run that has ended may be looked at once more, in place of the look it did not reach."""
    assert Design(looks=LOOKS, confidence=0.99, final=final).rounds(n) == rounds


def test_without_looks_everything_is_looked_at_once() -> None:
    """That is how records from before there were looks are judged."""
    design = Design(looks=(), confidence=0.99)
    assert (design.rounds(29), design.per_look) == ((29,), 0.99)


def test_the_interval_at_a_look_has_its_share_of_the_error() -> None:
    """It is that of a single look at 1 - alpha / 3, on the rounds of the look alone."""
    pairs = _pairs(30)
    (seen,) = look([pairs], Design(looks=LOOKS, confidence=0.99, final=False))
    first = Pairs(baseline=pairs.baseline[:24], candidate=pairs.candidate[:24])
    alone = estimate(first, confidence=1 - 0.01 / 3)
    assert seen is not None
    assert alone is not None
    assert (seen.n, seen.low, seen.high) == (24, alone.low, alone.high)


def test_p_is_the_number_of_looks_times_the_smallest_so_far() -> None:
    """A later look that sees less does not take back what an earlier one saw."""
    strong, none = _pairs(16, 0.05), _pairs(20)
    pairs = Pairs(
        baseline=np.concatenate([strong.baseline, none.baseline]),
        candidate=np.concatenate([strong.candidate, none.candidate]),
    )
    (seen,) = look([pairs], Design(looks=LOOKS, confidence=0.99))
    first = estimate(strong, confidence=0.99)
    assert seen is not None
    assert first is not None
    assert seen.p == pytest.approx(3 * first.p)


def test_before_the_first_look_nothing_is_said() -> None:
    """An interrupted run has a ratio and neither interval nor p."""
    (seen,) = look([_pairs(15, 0.5)], Design(looks=LOOKS, confidence=0.99, final=False))
    assert seen is not None
    assert (seen.low, seen.high, seen.p) == (None, None, 1.0)
    assert "before its first look at 16" in seen.warnings[0]


def test_many_comparisons_are_looked_at_as_one_would_be() -> None:
    """Taking them in one go changes nothing."""
    many = [_pairs(n, 0.01, seed=n) for n in (10, 16, 20, 24, 36, 36)]
    design = Design(looks=LOOKS, confidence=0.99)
    assert look(many, design) == [look([pairs], design)[0] for pairs in many]


def test_a_plan_that_goes_on_is_looked_at_at_its_looks_only() -> None:
    """What decides about the next rounds is what judges them at the end."""
    plan = Plan(
        seed=1,
        rounds=36,
        discarded_rounds=0,
        warm_invokes=0,
        cpu_mode="none",
        cells=(),
        baselines={},
        looks=LOOKS,
    )
    design = planned_design(plan)
    assert (design.final, design.next_look(16), design.next_look(36)) == (False, 24, None)


def test_how_many_more_rounds_follows_from_the_width() -> None:
    """Half an interval of 4 %, 2 % away from the margin, must become half as wide: four times n."""
    found = rounds_to_settle(_estimate(math.exp(0.03), math.exp(-0.01), math.exp(0.07)), 0.01)
    assert found == pytest.approx(300, abs=5)


@pytest.mark.parametrize(
    "estimate_of",
    [_estimate(1.05, 1.04, 1.06), _estimate(1.0, 0.999, 1.001), _estimate(1.01, 0.9, 1.2)],
)
def test_decided_and_hopeless_comparisons_have_no_such_number(estimate_of: Estimate) -> None:
    """Nothing is left to settle, or no number of rounds would."""
    assert rounds_to_settle(estimate_of, 0.01) is None


def test_scores_know_only_what_came_before() -> None:
    """Changing a later difference changes no earlier score."""
    row = np.array([0.01, -0.02, 0.015, 0.5])
    other = np.array([0.01, -0.02, 0.015, -0.001])
    assert list(predictable_scores(row)[:3]) == list(predictable_scores(other)[:3])
    assert abs(predictable_scores(row)).max() <= 1


def test_the_e_value_is_a_fair_bet_on_signs() -> None:
    """Over all signs of the same magnitudes its mean is 1, which is what makes it valid."""
    sizes = np.abs(_pairs(10).log_ratios)
    signs = [[1 if number >> bit & 1 else -1 for bit in range(10)] for number in range(1 << 10)]
    values = [math.exp(log_e_values(sizes * np.array(row))[-1]) for row in signs]
    assert sum(values) / len(values) == pytest.approx(1.0)


def test_an_anytime_p_only_falls() -> None:
    """Looking again never makes evidence weaker."""
    row = _pairs(60, 0.01).log_ratios
    values = [anytime_p(row[:n]) for n in range(61)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values))
    assert (values[0], values[-1] < 0.05) == (1.0, True)


def test_the_confidence_sequence_holds_the_ratio() -> None:
    """It is wider than a single look's interval, and around the estimate."""
    pairs = _pairs(60, 0.02)
    row = pairs.log_ratios
    ends = confidence_sequence(row, float(np.median(row)), 0.99)
    single = estimate(pairs, confidence=0.99)
    assert ends is not None
    assert single is not None
    assert ends[0] < math.log(1.02) < ends[1]
    assert math.exp(ends[0]) < (single.low or 0)
    assert math.exp(ends[1]) > (single.high or 9)


def test_few_rounds_bound_nothing() -> None:
    """A handful of rounds cannot reach the evidence that an end of the sequence needs."""
    assert confidence_sequence(_pairs(3).log_ratios, 0.0, 0.99) is None
