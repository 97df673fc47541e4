"""Values without any noise, and what little rounding does to them."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.paired import estimate
from bench.stats.samples import Pairs


@pytest.mark.parametrize("n", [16, 24, 54])
@pytest.mark.parametrize("ratio", [1.0, 1.5])
def test_values_without_noise_have_an_interval_around_their_ratio(n: int, ratio: float) -> None:
    """Neither end lies beyond the other, nor the ratio outside."""
    baseline = np.full(n, 1e7)

    found = estimate(Pairs(baseline=baseline, candidate=baseline * ratio), confidence=0.99)

    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.ratio <= found.high
    assert found.low == pytest.approx(ratio, rel=1e-6)
    assert found.high == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_a_ratio_is_never_outside_of_its_interval(seed: int) -> None:
    """Whatever ties and atoms there are among the values."""
    draw = np.random.default_rng(seed)
    baseline = draw.integers(1, 4, 30) * 1e6
    candidate = draw.integers(1, 4, 30) * 1e6

    found = estimate(Pairs(baseline=baseline, candidate=candidate), confidence=0.99)

    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.ratio <= found.high
