"""The expected first response: cold totals over the mix of events that a function gets.

With weights ``w`` of the events, scaled to add up to 1, the expected cold total of a variant is
``sum(w * median)`` at each memory size. Its interval adds up the ends of the events' intervals,
which is conservative: it holds wherever all of them hold together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.judgement import CellSummary, ExpectedTotal, Kind, Summary
from bench.model import Cell, Plan
from bench.subjects import Function, PageCache

#: Variant, memory size and page cache: what one expectation is about.
_Key = tuple[str, int, PageCache]


@dataclass(frozen=True, slots=True)
class _Sum:
    """A weighted sum of medians with the ends of their intervals."""

    value: int
    low: int | None
    high: int | None


def event_shares(function: Function) -> Mapping[str, float]:
    """The share of each event in the function's traffic; empty where no event has a weight.

    Events without a weight, beside others that have one, are no part of the mix.
    """
    weights = {e.name: e.weight for e in function.events if e.weight}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()} if total else {}


def expected_totals(
    functions: Iterable[Function], cells: Iterable[CellSummary], plan: Plan
) -> tuple[ExpectedTotal, ...]:
    """One expectation per function with a mix, variant, memory size and page cache.

    A variant of which an event of the mix is not known at a memory size has none there: a part of
    the mix would be another mix.
    """
    known = {summary.cell: summary for summary in cells}
    found = []
    for function in functions:
        shares = event_shares(function)
        if not shares:
            continue
        keys = dict.fromkeys(
            (cell.variant, cell.memory_mb, cell.page_cache)
            for cell in known
            if cell.function == function.id
        )
        totals = [_expected(function.id, key, shares, known) for key in keys]
        own = [total for total in totals if total is not None]
        own.sort(key=lambda total: total.memory_mb)
        found += _ranked(own, plan.baselines.get(function.id))
    return tuple(found)


def _expected(
    function: str, key: _Key, shares: Mapping[str, float], known: Mapping[Cell, CellSummary]
) -> ExpectedTotal | None:
    variant, memory_mb, page_cache = key
    cells = {
        event: Cell(
            function=function,
            variant=variant,
            memory_mb=memory_mb,
            event=event,
            page_cache=page_cache,
        )
        for event in shares
    }
    totals = _metric("cold_total", cells, known)
    inits = _metric("init", cells, known)
    if totals is None or inits is None:
        return None
    kind: Kind = "modelled" if any(s.kind == "modelled" for s in totals.values()) else "measured"
    total, init = _weighted(totals, shares), _weighted(inits, shares)
    return ExpectedTotal(
        function=function,
        variant=variant,
        memory_mb=memory_mb,
        page_cache=page_cache,
        kind=kind,
        shares=shares,
        expected_ns=total.value,
        low_ns=total.low,
        high_ns=total.high,
        init_ns=init.value,
        init_low_ns=init.low,
        init_high_ns=init.high,
    )


def _metric(
    name: str, cells: Mapping[str, Cell], known: Mapping[Cell, CellSummary]
) -> dict[str, Summary] | None:
    """One metric of every event; None where one is not known."""
    found = {}
    for event, cell in cells.items():
        summary = known[cell].metrics.get(name) if cell in known else None
        if summary is None:
            return None
        found[event] = summary
    return found


def _weighted(summaries: Mapping[str, Summary], shares: Mapping[str, float]) -> _Sum:
    def add(ends: Mapping[str, int | None]) -> int | None:
        total = 0.0
        for event, end in ends.items():
            if end is None:
                return None
            total += shares[event] * end
        return round(total)

    middle = sum(shares[event] * summary.median for event, summary in summaries.items())
    return _Sum(
        round(middle),
        add({event: summary.low for event, summary in summaries.items()}),
        add({event: summary.high for event, summary in summaries.items()}),
    )


def _ranked(totals: Sequence[ExpectedTotal], baseline: str | None) -> list[ExpectedTotal]:
    """Mark the best of each memory size, and those whose init says the opposite."""
    ranked = []
    for total in totals:
        rivals = [
            t for t in totals if (t.memory_mb, t.page_cache) == (total.memory_mb, total.page_cache)
        ]
        least = min(rivals, key=lambda t: t.expected_ns)
        reference = next((t for t in rivals if t.variant == baseline), None)
        ranked.append(
            replace(
                total,
                best=total is least,
                deceptive=reference is not None and _deceptive(total, reference),
            )
        )
    return ranked


def _deceptive(total: ExpectedTotal, baseline: ExpectedTotal) -> bool:
    """Whether init is shorter and the expectation longer, each beyond both intervals."""
    return _below(total.init_high_ns, baseline.init_low_ns) and _below(
        baseline.high_ns, total.low_ns
    )


def _below(high: int | None, low: int | None) -> bool:
    return high is not None and low is not None and high < low
