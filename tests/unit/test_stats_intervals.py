"""Medians, their order-statistic intervals and tail quantiles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, quantile_test

from bench.stats.intervals import median, median_rank, smallest_sample, summarise, tail


@pytest.mark.parametrize(("n", "rank"), [(7, None), (8, 1), (16, 3), (24, 6), (100, 37)])
def test_ranks_are_those_of_the_binomial_table(n: int, rank: int | None) -> None:
    """The ranks at 99 % are the textbook ones for a sign-test interval."""
    assert median_rank(n, 0.99) == rank


@given(st.integers(8, 400), st.sampled_from([0.9, 0.95, 0.99, 1 - 0.01 / 8]))
def test_the_rank_is_the_largest_that_covers(n: int, confidence: float) -> None:
    """One rank further in would cover less than asked for, the chosen one does not."""
    rank = median_rank(n, confidence) or 0
    assert 2 * binom.cdf(rank - 1, n, 0.5) * (rank > 0) <= (1 - confidence) * (1 + 1e-9)
    assert 2 * binom.cdf(rank, n, 0.5) > (1 - confidence) * (1 - 1e-9)


def test_the_interval_agrees_with_scipy() -> None:
    """SciPy's quantile test gives the same confidence interval of a median."""
    values = [(i * 7919) % 1009 for i in range(61)]
    found = summarise(values, unit="ns", confidence=0.99)
    expected = quantile_test(values, p=0.5).confidence_interval(confidence_level=0.99)
    assert (found.low, found.high) == (expected.low, expected.high)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.999])
def test_the_smallest_sample_is_the_first_with_an_interval(confidence: float) -> None:
    """One round fewer than the smallest sample has no rank."""
    n = smallest_sample(confidence)
    assert median_rank(n, confidence) == 1
    assert median_rank(n - 1, confidence) is None


def test_the_middle_of_an_even_sample_is_the_mean_of_two() -> None:
    """An even sample has no middle value of its own."""
    assert median([1, 3, 6, 100]) == 4


@pytest.mark.parametrize(
    ("n", "p90", "p99"), [(19, None, None), (20, 18, None), (199, 180, None), (200, 180, 198)]
)
def test_tails_are_absent_where_the_sample_is_too_small(
    n: int, p90: int | None, p99: int | None
) -> None:
    """A quantile needs two samples beyond it."""
    values = range(1, n + 1)
    assert (tail(values, 0.90), tail(values, 0.99)) == (p90, p99)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=60), st.randoms())
def test_a_summary_does_not_depend_on_the_order(values: list[int], random: object) -> None:
    """Shuffled samples give the same summary, and the median lies in its interval."""
    shuffled = sorted(values, key=lambda _: random.random())  # type: ignore[attr-defined]
    found = summarise(values, unit="ns", confidence=0.99)
    assert summarise(shuffled, unit="ns", confidence=0.99) == found
    assert (found.low is None) == (len(values) < 8)
    assert (found.low or 0) <= found.median <= (found.high or 10**12)


def test_an_empty_sample_is_refused() -> None:
    """There is no median of nothing."""
    with pytest.raises(ValueError, match="at least one"):
        summarise([], unit="ns", confidence=0.99)
