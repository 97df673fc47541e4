"""Change points: rarely where nothing changed, soon where something did, and never a verdict."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from history_sample import SIGMA, series, step

from bench.history.changes import nominate
from tests.acceptance import trend_simulation
from tests.acceptance.trend_simulation import FALSE_ALARMS, FIVE_PERCENT, TWO_PERCENT, Goal

SERIES = 100


def allowed(share: float, count: int) -> float:
    """The share of a count, and three standard errors for chance."""
    return count * share + 3 * (count * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("noise", trend_simulation.NOISES)
def test_unchanged_series_hardly_ever_raise_an_alarm(noise: str) -> None:
    """Over 60 appends at most one in twenty unchanged series is ever nominated."""
    assert trend_simulation.false_alarms(noise, SERIES) <= allowed(FALSE_ALARMS, SERIES)


@pytest.mark.parametrize(
    ("noise", "goal"), [("normal", FIVE_PERCENT), ("t3", FIVE_PERCENT), ("normal", TWO_PERCENT)]
)
def test_changes_are_named_in_time(noise: str, goal: Goal) -> None:
    """A change is named within the promised number of commits."""
    found, _ = trend_simulation.named(noise, goal, SERIES)

    assert SERIES - found <= allowed(1 - goal.share, SERIES)


def test_a_change_has_its_place_and_size() -> None:
    """The first entry of the new level, and the ratio of both levels."""
    (change,) = nominate(step(20, 10, 0.05))

    assert abs(change.index - 20) <= 1
    assert change.ratio == pytest.approx(1.05, abs=0.01)


def test_one_outlier_is_no_change() -> None:
    """A single wild run nominates nothing."""
    ratios = np.exp(SIGMA * np.random.default_rng(3).standard_normal(30))
    ratios[15] = 1.4

    assert nominate(series([float(r) for r in ratios])) == ()


def test_more_noise_than_the_intervals_say_is_no_change() -> None:
    """Errors that are too small, as between machines, are enlarged by what the series shows."""
    ratios = np.exp(5 * SIGMA * np.random.default_rng(4).standard_normal(40))

    assert nominate(series([float(r) for r in ratios])) == ()


def test_a_short_series_has_no_change() -> None:
    """Seven entries are too few, whatever they say."""
    assert nominate(series([1.0] * 4 + [2.0] * 3)) == ()


def test_equal_ratios_have_no_change() -> None:
    """No noise at all divides by nothing."""
    assert nominate(series([1.0] * 20)) == ()


def test_only_change_points_import_the_library() -> None:
    """The command and everything else of the history start without it."""
    code = "import sys, bench.commands.trend; print('ruptures' in sys.modules)"

    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert result.stdout == "False\n"
