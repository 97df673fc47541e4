"""How fast a whole run is judged; nothing is asserted about time."""

from __future__ import annotations

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from test_stats_judge import Scenario

from bench.model import Record
from bench.stats.judge import judge
from bench.stats.scores import p_values


@pytest.fixture(name="forty_cells", scope="module")
def _forty_cells() -> Record:
    costs = {"eager": (80.0, 4.0, 5.0), "lazy": (80.4, 4.0, 5.0)}
    events = tuple(f"event-{number}" for number in range(20))
    looks = (16, 24, 36, 54, 81, 122, 182, 273)
    return Scenario(costs=costs, rounds=273, events=events, plan={"looks": looks}).record()


def test_speed_of_judging_forty_cells(benchmark: BenchmarkFixture, forty_cells: Record) -> None:
    """Forty cells of 273 rounds at eight looks, with their A/A arms."""
    found = benchmark(judge, forty_cells)

    assert len(found.cells) == 40
    assert {c.n for c in found.comparisons} == {273}


def test_speed_of_the_score_test(benchmark: BenchmarkFixture) -> None:
    """Two hundred comparisons of 24 rounds in one go."""
    rows = np.random.default_rng(1).standard_t(3, (200, 24))

    assert len(benchmark(p_values, rows)) == 200
