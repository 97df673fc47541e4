"""When a lazy import pays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.stats.break_even import break_even_probability

_TIMES = st.integers(1, 10**10).map(float)


def _probability(eager: tuple[float, float], lazy: tuple[float, float]) -> float:
    return break_even_probability(
        eager_used=eager[0], eager_unused=eager[1], lazy_used=lazy[0], lazy_unused=lazy[1]
    )


def test_moved_work_pays_below_the_memory_share() -> None:
    """Work of 100 ms in init against 345 ms in the handler pays below 100 / 345."""
    assert _probability((300, 300), (545, 200)) == pytest.approx(100 / 345)


@pytest.mark.parametrize(
    ("eager", "lazy", "expected"),
    [
        ((300, 300), (400, 300), 0.0),
        ((300, 300), (400, 310), 0.0),
        ((300, 300), (300, 200), 1.0),
        ((300, 300), (290, 200), 1.0),
        ((300, 300), (290, 310), 0.0),
    ],
)
def test_one_sided_cases_are_never_or_always(
    eager: tuple[float, float], lazy: tuple[float, float], expected: float
) -> None:
    """No gain without the library is never, no loss with it is always."""
    assert _probability(eager, lazy) == expected


@given(_TIMES, _TIMES, _TIMES, _TIMES)
def test_both_styles_are_equal_at_the_break_even(
    eager_used: float, eager_unused: float, lazy_used: float, lazy_unused: float
) -> None:
    """Strictly between 0 and 1 the expected cold totals are equal there."""
    found = _probability((eager_used, eager_unused), (lazy_used, lazy_unused))
    assert 0 <= found <= 1
    if 0 < found < 1:
        eager = found * eager_used + (1 - found) * eager_unused
        lazy = found * lazy_used + (1 - found) * lazy_unused
        assert eager == pytest.approx(lazy)
