"""Verdict words and adjusted p values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from bench.judgement import Verdict
from bench.stats.paired import Estimate
from bench.stats.verdicts import (
    benjamini_hochberg,
    holm,
    is_off_cpu_change,
    word,
)

_OPPOSITE: dict[Verdict, Verdict] = {"faster": "slower", "slower": "faster"}
_P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def _estimate(low: float, high: float) -> Estimate:
    return Estimate(n=30, ratio=(low * high) ** 0.5, low=low, high=high, p=0.5)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1.011, 1.02, "slower"),
        (0.97, 0.989, "faster"),
        (0.995, 1.005, "same"),
        (1.002, 1.008, "same"),
        (1.005, 1.03, "small change"),
        (0.95, 0.995, "small change"),
        (0.98, 1.02, "inconclusive"),
        (None, None, "inconclusive"),
    ],
)
def test_the_interval_and_the_margin_make_the_word(
    low: float | None, high: float | None, expected: Verdict
) -> None:
    """Each position of an interval relative to a 1 % margin has its word."""
    assert word(low, high, 0.01) == expected


@given(st.floats(0.5, 2), st.floats(1, 1.5), st.floats(0.001, 0.2))
def test_swapping_the_arms_swaps_the_word(low: float, width: float, margin: float) -> None:
    """Faster and slower change places, all other words stay, away from exact equality."""
    ends = (low, low * width)
    swapped = word(1 / ends[1] * (1 + 1e-12), 1 / ends[0] * (1 - 1e-12), margin)
    ours = word(*ends, margin)
    assert swapped in (
        _OPPOSITE.get(ours, ours),
        word(ends[0] * 1.000001, ends[1] / 1.000001, margin),
    )


@pytest.mark.parametrize(
    ("wall", "cpu", "expected"),
    [
        ((1.05, 1.10), (0.995, 1.005), True),
        ((0.90, 0.95), (0.99, 1.02), True),
        ((1.05, 1.10), (1.04, 1.08), False),
        ((1.05, 1.10), (0.90, 1.20), False),
        ((0.99, 1.02), (0.995, 1.005), False),
    ],
)
def test_wall_time_that_moves_alone_is_an_off_cpu_change(
    wall: tuple[float, float], cpu: tuple[float, float], expected: bool
) -> None:
    """Only a CPU interval that excludes the wall's change says that CPU time did not move."""
    assert is_off_cpu_change(_estimate(*wall), _estimate(*cpu), 0.01) is expected


def test_holm_gives_the_worked_example() -> None:
    """The step-down multipliers are 4, 3, 2, 1, made monotone."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(_P_VALUES)
def test_holm_lies_between_raw_and_bonferroni(p_values: list[float]) -> None:
    """Holm never adjusts down and never beyond Bonferroni."""
    for raw, adjusted in zip(p_values, holm(p_values), strict=True):
        assert raw <= adjusted <= min(1.0, len(p_values) * raw) + 1e-12


@given(_P_VALUES)
def test_benjamini_hochberg_agrees_with_scipy(p_values: list[float]) -> None:
    """SciPy's false discovery control adjusts the same."""
    assert benjamini_hochberg(p_values) == pytest.approx(list(false_discovery_control(p_values)))
