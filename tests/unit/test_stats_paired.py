"""Paired comparisons: known answers, symmetries, coverage, false alarms and power."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from bench.stats.paired import Estimate, estimate, estimates, paired_bootstrap
from bench.stats.samples import Pairs

_RATIOS = st.lists(st.floats(-0.3, 0.3).map(lambda x: round(x, 4)), min_size=8, max_size=40)


def _pairs(log_ratios: list[float] | np.ndarray) -> Pairs:
    d = np.asarray(log_ratios, dtype=np.float64)
    return Pairs(baseline=np.full(len(d), 1e7), candidate=1e7 * np.exp(d))


def _simulated(n: int, shift: float, comparisons: int, seed: int) -> list[Pairs]:
    """Interleaved rounds with drift, bursts that hit whole blocks, and heavy tails."""
    rng = np.random.default_rng(seed)
    shape = (comparisons, n)
    drift = np.linspace(0, 0.3, n) + np.repeat(rng.exponential(0.1, (comparisons, n // 8)), 8, 1)
    baseline = 1e7 * np.exp(drift + 0.015 * np.abs(rng.standard_t(2, shape)))
    candidate = 1e7 * np.exp(drift + shift + 0.015 * np.abs(rng.standard_t(2, shape)))
    return [Pairs(baseline=b, candidate=c) for b, c in zip(baseline, candidate, strict=True)]


def _judged(many: list[Pairs]) -> list[Estimate]:
    return [found for found in estimates(many, confidence=0.99) if found]


def test_a_symmetric_sample_is_estimated_at_its_centre() -> None:
    """Log ratios symmetric about 5 % give a ratio of exactly that."""
    found = estimate(_pairs(0.05 + np.linspace(-0.02, 0.02, 31)), confidence=0.99)
    assert found
    assert found.ratio == pytest.approx(math.exp(0.05), rel=1e-6)


def test_an_outlier_hardly_moves_the_estimate() -> None:
    """One round a hundred times slower changes the ratio by less than the margin."""
    row = np.linspace(-0.02, 0.02, 31)
    row[-1] = math.log(100)
    found = estimate(_pairs(row), confidence=0.99)
    assert found
    assert found.ratio == pytest.approx(1, abs=0.003)


def test_identical_rounds_are_exactly_the_same() -> None:
    """No spread at all gives the interval [1, 1] and p = 1."""
    found = estimate(_pairs(np.zeros(20)), confidence=0.99)
    assert found
    assert (found.ratio, found.low, found.high) == pytest.approx((1, 1, 1), abs=1e-5)
    assert found.p == 1


def test_fewer_than_eight_rounds_have_no_interval() -> None:
    """Seven signs cannot give 99 %."""
    found = estimate(_pairs([0.1] * 7), confidence=0.99)
    assert found
    assert (found.low, found.high, found.smallest_detectable) == (None, None, None)


def test_no_common_round_is_no_estimate() -> None:
    """Without a round there is nothing to estimate."""
    assert estimate(_pairs([]), confidence=0.99) is None


@given(_RATIOS)
@settings(max_examples=40, deadline=None)
def test_swapping_the_arms_inverts_everything(values: list[float]) -> None:
    """The ratio and its interval turn into their reciprocals, p stays."""
    pairs = _pairs(values)
    ours = estimate(pairs, confidence=0.99)
    theirs = estimate(Pairs(baseline=pairs.candidate, candidate=pairs.baseline), confidence=0.99)
    assert ours
    assert theirs
    assert ours.ratio * theirs.ratio == pytest.approx(1, abs=1e-5)
    assert (ours.low or 0) * (theirs.high or 0) == pytest.approx(1, abs=1e-5)
    assert ours.p == pytest.approx(theirs.p)


@given(_RATIOS)
@settings(max_examples=40, deadline=None)
def test_the_interval_contains_the_estimate(values: list[float]) -> None:
    """The estimate lies inside its interval."""
    found = estimate(_pairs(values), confidence=0.99)
    assert found
    assert (found.low or 0) - 1e-5 <= found.ratio <= (found.high or 9) + 1e-5


@given(_RATIOS, st.randoms())
@settings(max_examples=30, deadline=None)
def test_the_order_of_rounds_does_not_matter(values: list[float], random: object) -> None:
    """Shuffled rounds give the same estimate."""
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    ours = estimate(_pairs(values), confidence=0.99)
    theirs = estimate(_pairs(shuffled), confidence=0.99)
    assert ours
    assert theirs
    assert (ours.ratio, ours.low, ours.high, ours.p) == pytest.approx(
        (theirs.ratio, theirs.low, theirs.high, theirs.p), rel=1e-6
    )


@pytest.mark.parametrize("n", [16, 40])
def test_interval_and_p_agree(n: int) -> None:
    """The interval excludes 1 exactly where p is below 1 - confidence."""
    found = _judged(_simulated(n, 0.015, 150, seed=n))
    excluded = [not (e.low or 0) <= 1 <= (e.high or 9) for e in found]
    assert excluded == [e.p <= 0.01 for e in found]
    assert 0 < sum(excluded) < len(excluded)


def test_one_in_a_batch_is_as_on_its_own() -> None:
    """Comparisons judged together do not influence each other."""
    many = [*_simulated(16, 0.02, 3, seed=5), *_simulated(48, 0.02, 3, seed=6)]
    together = estimates(many, confidence=0.99)
    for pairs, found in zip(many, together, strict=True):
        alone = estimate(pairs, confidence=0.99)
        assert alone
        assert found
        assert (found.ratio, found.low, found.high) == pytest.approx(
            (alone.ratio, alone.low, alone.high), rel=1e-6
        )


def test_large_ratios_bring_the_bootstrap_along() -> None:
    """Beyond 1.3x either way the bootstrap of the ratio of medians is added."""
    small, large, inverse = _judged([*map(_pairs, _shifted((0.1, 0.5, -0.5)))])
    assert small.bootstrap is None
    for found, ratio in ((large, math.exp(0.5)), (inverse, math.exp(-0.5))):
        assert found.bootstrap
        assert found.bootstrap[0] <= ratio <= found.bootstrap[1]


def _shifted(shifts: tuple[float, ...]) -> list[np.ndarray]:
    noise = 0.02 * np.random.default_rng(9).standard_normal(32)
    return [shift + noise for shift in shifts]


def test_the_bootstrap_agrees_with_scipy() -> None:
    """SciPy's paired percentile bootstrap has the same ends up to resampling noise."""
    rng = np.random.default_rng(2)
    pairs = Pairs(baseline=rng.lognormal(0, 0.2, 60), candidate=rng.lognormal(0.6, 0.2, 60))
    expected = bootstrap(
        (pairs.baseline, pairs.candidate),
        lambda a, b, axis: np.median(b, axis=axis) / np.median(a, axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=0.99,
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert paired_bootstrap(pairs, 0.99) == pytest.approx((expected.low, expected.high), rel=0.05)


def test_a_disagreeing_sign_test_is_a_warning() -> None:
    """With 15 of 48 rounds far off, the two intervals end more than half a width apart."""
    row = [0.001 * i for i in range(33)] + [-0.3] * 15
    found = estimate(_pairs(row), confidence=0.99)
    assert found
    assert any("sign-test" in warning for warning in found.warnings)


@pytest.mark.parametrize(("n", "seed"), [(16, 1), (24, 2), (56, 3)])
def test_identical_arms_are_seldom_told_apart(n: int, seed: int) -> None:
    """With drift, bursts and heavy tails at most 2 % of 500 A/A comparisons reach p < .01."""
    alarms = sum(found.p < 0.01 for found in _judged(_simulated(n, 0.0, 500, seed)))
    assert alarms <= 10


@pytest.mark.parametrize(("n", "shift"), [(16, 0.0), (24, 0.02), (56, -0.05), (120, 0.26)])
def test_intervals_cover_the_truth(n: int, shift: float) -> None:
    """At least 97.5 % of 400 intervals at a nominal 99 % contain the true ratio."""
    truth = math.exp(shift)
    found = _judged(_simulated(n, shift, 400, seed=n))
    covered = sum((e.low or 9) <= truth <= (e.high or 0) for e in found)
    assert covered >= 390


def test_two_percent_is_found_in_sixty_rounds() -> None:
    """A true +2 % is found upwards in at least 95 % of 300 comparisons of 56 rounds."""
    found = _judged(_simulated(56, 0.02, 300, seed=11))
    assert sum((e.low or 0) > 1 for e in found) >= 285
