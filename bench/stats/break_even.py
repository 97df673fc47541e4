"""When a lazy import pays: the share of events that use the library at which both styles are equal.

With ``p`` the share of events that use it, the expected cold total of a style is
``p * used + (1 - p) * unused``, both medians of that style at one memory size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from bench.model import BreakEven, Cell, CellSummary, Function, PageCache, Summary

EAGER, LAZY = "eager", "lazy"


def expected_cold_total(probability: float, used_ns: float, unused_ns: float) -> float:
    """The mean over the event mix, in ns."""
    return probability * used_ns + (1 - probability) * unused_ns


def break_even_probability(
    *, eager_used: float, eager_unused: float, lazy_used: float, lazy_unused: float
) -> float:
    """The share of using events below which lazy has the lower expected cold total.

    0.0 where lazy gains nothing on the events that do not use the library (it then pays at no
    share, or only at shares above some value, which is noise and not what a lazy import is for);
    1.0 where it gains there and loses nothing when the library is used.
    """
    gain_unused = eager_unused - lazy_unused
    loss_used = lazy_used - eager_used
    if gain_unused <= 0:
        return 0.0
    if loss_used <= 0:
        return 1.0
    return gain_unused / (gain_unused + loss_used)


def break_evens(
    functions: Iterable[Function],
    cells: Iterable[CellSummary],
    memory_sizes_mb: Iterable[int],
) -> tuple[BreakEven, ...]:
    """One break-even per function with a library, pair of events and memory size."""
    totals = {summary.cell: summary for summary in cells}
    sizes = sorted(set(memory_sizes_mb) | {cell.memory_mb for cell in totals})
    found = []
    for function in functions:
        used = [event.name for event in function.events if event.uses_library is True]
        unused = [event.name for event in function.events if event.uses_library is False]
        if function.library is None:
            continue
        for one, other, memory_mb in product(used, unused, sizes):
            result = _break_even(function, one, other, memory_mb, totals)
            if result:
                found.append(result)
    return tuple(found)


def _break_even(
    function: Function,
    used: str,
    unused: str,
    memory_mb: int,
    totals: Mapping[Cell, CellSummary],
) -> BreakEven | None:
    def cold_total(variant: str, event: str, page_cache: PageCache) -> Summary | None:
        cell = Cell(
            function=function.id,
            variant=variant,
            memory_mb=memory_mb,
            event=event,
            page_cache=page_cache,
        )
        return totals[cell].metrics.get("cold_total") if cell in totals else None

    states: tuple[PageCache, ...] = ("warm", "evicted")
    for page_cache in states:
        four = [cold_total(v, e, page_cache) for v in (EAGER, LAZY) for e in (used, unused)]
        known = [summary for summary in four if summary is not None]
        if len(known) == len(four):
            break
    else:
        return None
    medians = [summary.median for summary in known]
    modelled = any(summary.kind == "modelled" for summary in known)
    return BreakEven(
        function=function.id,
        library=function.library or "",
        eager=EAGER,
        lazy=LAZY,
        used_event=used,
        unused_event=unused,
        memory_mb=memory_mb,
        kind="modelled" if modelled else "measured",
        probability=break_even_probability(
            eager_used=medians[0],
            eager_unused=medians[1],
            lazy_used=medians[2],
            lazy_unused=medians[3],
        ),
    )
