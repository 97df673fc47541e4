"""Expected cold totals over a mix of events, against sums done by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.judgement import CellSummary, ExpectedTotal, Kind, Summary
from bench.model import Cell, Plan
from bench.stats.expected import event_shares, expected_totals
from bench.subjects import Event, Function

FUNCTION = "python/analyse"


def function(**weights: float | None) -> Function:
    events = tuple(
        Event(name=name, path=Path(f"{name}.json"), weight=weight)
        for name, weight in weights.items()
    )
    return Function(
        id=FUNCTION, runtime="python", directory=Path(), handler="app.handler", events=events
    )


def summary(median: int, kind: Kind = "measured", *, spread: int | None = 10) -> Summary:
    low, high = (None, None) if spread is None else (median - spread, median + spread)
    return Summary(unit="ns", kind=kind, n=16, median=median, low=low, high=high)


def cell(variant: str, event: str, init: Summary, total: Summary, size: int = 512) -> CellSummary:
    named = Cell(function=FUNCTION, variant=variant, memory_mb=size, event=event)
    return CellSummary(cell=named, n=16, failures=0, metrics={"init": init, "cold_total": total})


def plan() -> Plan:
    return Plan(
        seed=1,
        rounds=16,
        discarded_rounds=3,
        warm_invokes=0,
        cpu_mode="on-demand",
        cells=(),
        baselines={FUNCTION: "eager"},
    )


def eager_and_lazy(kind: Kind = "measured", spread: int | None = 10) -> tuple[CellSummary, ...]:
    """Lazy has the shorter init, and pays for it where the library is used."""
    return (
        cell("eager", "used", summary(900), summary(1_000, kind, spread=spread)),
        cell("eager", "unused", summary(900), summary(1_000, kind, spread=spread)),
        cell("lazy", "used", summary(300), summary(3_000, kind, spread=spread)),
        cell("lazy", "unused", summary(300), summary(400, kind, spread=spread)),
    )


def totals(used: float, cells: tuple[CellSummary, ...]) -> dict[str, ExpectedTotal]:
    found = expected_totals([function(used=used, unused=1 - used)], cells, plan())
    return {total.variant: total for total in found}


def test_shares_add_up_to_one() -> None:
    """Weights are relative; an event without one is no part of the mix."""
    assert event_shares(function(a=1, b=3, c=None)) == {"a": 0.25, "b": 0.75}


def test_without_weights_there_is_no_mix() -> None:
    """Nobody said what the traffic is, so nothing is expected of it."""
    assert event_shares(function(a=None)) == {}
    assert expected_totals([function(used=None)], eager_and_lazy(), plan()) == ()


def test_the_expectation_is_the_weighted_sum() -> None:
    """20 % of 3,000 and 80 % of 400 is 920; the interval's ends add up alike."""
    lazy = totals(0.2, eager_and_lazy())["lazy"]

    assert (lazy.expected_ns, lazy.low_ns, lazy.high_ns) == (920, 910, 930)
    assert lazy.init_ns == 300


@pytest.mark.parametrize(("used", "best"), [(0.1, "lazy"), (0.5, "eager")])
def test_the_best_depends_on_the_mix(used: float, best: str) -> None:
    """Lazy pays while few events use the library."""
    found = totals(used, eager_and_lazy())

    assert [name for name, total in found.items() if total.best] == [best]


@pytest.mark.parametrize(("used", "deceptive"), [(0.1, False), (0.5, True)])
def test_a_better_init_with_a_worse_response_is_called_out(used: float, deceptive: bool) -> None:
    """What dashboards praise and users wait for has its own mark."""
    found = totals(used, eager_and_lazy())

    assert found["lazy"].deceptive is deceptive
    assert not found["eager"].deceptive


def test_without_intervals_nothing_is_called_out() -> None:
    """Medians alone accuse nobody."""
    assert not totals(0.5, eager_and_lazy(spread=None))["lazy"].deceptive


def test_a_modelled_part_makes_it_modelled() -> None:
    """The label of the weakest part is that of the sum."""
    assert totals(0.5, eager_and_lazy("modelled"))["lazy"].kind == "modelled"


def test_a_part_of_a_mix_is_no_mix() -> None:
    """A variant of which one event is not known has no expectation."""
    assert set(totals(0.5, eager_and_lazy()[:3])) == {"eager"}
