"""When a lazy import pays: the share of events that use the library at which both styles are equal.

With ``p`` the share of events that use it, the expected cold total of a style is
``p * used + (1 - p) * unused``, both medians of that style at one memory size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product

from bench.judgement import BreakEven, CellSummary, Summary
from bench.model import PRIMARY, Cell, Plan
from bench.stats.paired import estimate
from bench.stats.samples import Samples, pair
from bench.subjects import MEMORY_ONE_VCPU_MB, Function, PageCache

EAGER, LAZY = "eager", "lazy"


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
    samples: Samples,
    plan: Plan,
    confidence: float,
) -> tuple[BreakEven, ...]:
    """One break-even per function with a library, pair of events and memory size."""
    totals = {summary.cell: summary for summary in cells}
    sizes = sorted(set(plan.memory_sizes_mb) | {cell.memory_mb for cell in totals})
    found = []
    for function in functions:
        used = [event.name for event in function.events if event.uses_library]
        # Where one event says that it uses the library, one that says nothing does not use it.
        unused = [event.name for event in function.events if not event.uses_library]
        if function.library is None:
            continue
        for one, other in product(used, unused):
            results = [_break_even(function, one, other, size, totals) for size in sizes]
            known = [result for result in results if result is not None]
            if plan.cpu_mode != "provisioned" and not _saves_cpu(
                function.id, one, samples, confidence
            ):
                known = [_capped(result) for result in known]
            found += known
    return tuple(found)


def _saves_cpu(function: str, used: str, samples: Samples, confidence: float) -> bool:
    """Whether lazy was measured to need less CPU time when the library is used.

    Decided at the largest memory size that has rounds of both, where the quota disturbs least.
    """
    compared = [
        (cell.memory_mb, result)
        for (cell, arm), eager in samples.items()
        if (cell.function, cell.variant, cell.event, arm) == (function, EAGER, used, "variant")
        for lazy in (samples.get((replace(cell, variant=LAZY), "variant")),)
        for result in (estimate(pair(eager, lazy, PRIMARY), confidence=confidence),)
        if result is not None
    ]
    if not compared:
        return False
    _, largest = max(compared, key=lambda item: item[0])
    return largest.high is not None and largest.high < 1


def _capped(even: BreakEven) -> BreakEven:
    """No more than what moving the import from init to the handler can give.

    Work of ``W`` moved there saves ``W`` where the library is not used and costs
    ``W * 1769 / memory - W`` more where it is, so the break-even is ``memory / 1769``. Anything
    above it, without less CPU time to show for it, is noise of the medians.
    """
    law = min(1.0, even.memory_mb / MEMORY_ONE_VCPU_MB)
    return replace(
        even,
        probability=min(even.probability, law),
        low=None if even.low is None else min(even.low, law),
        high=None if even.high is None else min(even.high, law),
    )


def _break_even(
    function: Function,
    used: str,
    unused: str,
    memory_mb: int,
    totals: Mapping[Cell, CellSummary],
) -> BreakEven | None:
    four = _four(function.id, used, unused, memory_mb, totals)
    if four is None:
        return None
    eager_used, eager_unused, lazy_used, lazy_unused = four
    low, high = _interval(four)
    modelled = any(summary.kind == "modelled" for summary in four)
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
            eager_used=eager_used.median,
            eager_unused=eager_unused.median,
            lazy_used=lazy_used.median,
            lazy_unused=lazy_unused.median,
        ),
        low=low,
        high=high,
    )


_Four = tuple[Summary, Summary, Summary, Summary]


def _four(
    function: str, used: str, unused: str, memory_mb: int, totals: Mapping[Cell, CellSummary]
) -> _Four | None:
    """Cold totals of eager used, eager unused, lazy used, lazy unused, under one page cache."""
    states: tuple[PageCache, ...] = ("warm", "evicted")
    for page_cache in states:
        cells = [
            Cell(
                function=function,
                variant=variant,
                memory_mb=memory_mb,
                event=event,
                page_cache=page_cache,
            )
            for variant, event in product((EAGER, LAZY), (used, unused))
        ]
        known = [totals[c].metrics.get("cold_total") if c in totals else None for c in cells]
        match known:
            case [Summary() as a, Summary() as b, Summary() as c, Summary() as d]:
                return a, b, c, d
    return None


def _interval(four: _Four) -> tuple[float | None, float | None]:
    """The break-even with all four medians at the ends of their intervals that move it most.

    Conservative: it holds at the confidence at which all four intervals hold together, and four
    medians are seldom all at their worst ends.
    """
    eager_used, eager_unused, lazy_used, lazy_unused = four
    ends = [end for summary in four for end in (summary.low, summary.high)]
    if None in ends:
        return None, None
    low = break_even_probability(
        eager_used=eager_used.low or 0,
        eager_unused=eager_unused.low or 0,
        lazy_used=lazy_used.high or 0,
        lazy_unused=lazy_unused.high or 0,
    )
    high = break_even_probability(
        eager_used=eager_used.high or 0,
        eager_unused=eager_unused.high or 0,
        lazy_used=lazy_used.low or 0,
        lazy_unused=lazy_unused.low or 0,
    )
    return low, high
