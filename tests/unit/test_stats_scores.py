"""The score test and its exact null distribution."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, permutation_test

from bench.stats.scores import normal_p, p_value, scores, sign_flip_p

_VALUES = st.lists(
    st.floats(-1, 1, allow_nan=False).map(lambda x: round(x, 3)), min_size=2, max_size=12
)


def test_scores_clip_at_half_a_scale() -> None:
    """With median|d| = 1 the clipping point is 0.7413."""
    row = np.array([[-3.0, -1.0, 0.37065, 1.0, 5.0]])
    assert scores(row, np.zeros(1))[0] == pytest.approx([-1, -1, 0.5, 1, 1])


def test_scores_of_mostly_equal_values_are_signs() -> None:
    """A scale of zero leaves only the sign."""
    row = np.array([[0.0, 0.0, 0.0, 0.2, -0.1]])
    assert scores(row, np.zeros(1))[0].tolist() == [0, 0, 0, 1, -1]


@given(_VALUES)
@settings(max_examples=60, deadline=None)
def test_the_null_is_the_full_enumeration(values: list[float]) -> None:
    """The p value counts exactly the sign flips that are at least as extreme."""
    z = scores(np.array([values]), np.zeros(1))[0]
    flips = np.array(list(itertools.product((-1, 1), repeat=len(z))))
    extreme = np.abs(flips @ np.abs(z)) >= abs(z.sum()) - 1e-9
    assert sign_flip_p(z) == pytest.approx(extreme.mean())


def test_the_null_agrees_with_scipy_permutations() -> None:
    """SciPy's exact paired permutation test on the scores gives the same p."""
    z = scores(np.random.default_rng(3).standard_t(2, (1, 12)) + 0.6, np.zeros(1))[0]
    expected = permutation_test(
        (z, np.zeros_like(z)),
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    )
    assert sign_flip_p(z) == pytest.approx(expected.pvalue)


def test_scores_that_are_all_clipped_are_a_sign_test() -> None:
    """Twenty clipped scores, seventeen of them up, are a binomial test."""
    z = np.array([1.0] * 17 + [-1.0] * 3)
    assert sign_flip_p(z) == pytest.approx(binomtest(17, 20).pvalue)


def test_the_normal_tail_agrees_with_scipy() -> None:
    """From 24 rounds on the standardised score is referred to the normal distribution."""
    assert normal_p(-2.7) == pytest.approx(2 * norm.sf(2.7))


@pytest.mark.parametrize("n", [16, 40])
def test_no_difference_at_all_has_p_one(n: int) -> None:
    """Rounds with equal values are no evidence."""
    assert p_value(np.zeros(n)) == 1.0


@pytest.mark.parametrize("n", [22, 23, 24, 25])
def test_exact_and_normal_agree_where_they_meet(n: int) -> None:
    """Around the change-over both nulls give p values within a third of each other."""
    row = np.random.default_rng(n).standard_t(3, n) + 0.8
    z = scores(row[None, :], np.zeros(1))[0]
    approximate = normal_p(z.sum() / np.sqrt(z @ z))
    assert p_value(row) == pytest.approx(approximate, rel=0.35, abs=0.002)
