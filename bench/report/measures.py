"""Numbers as table entries: one unit per column, intervals beside medians."""

from __future__ import annotations

from collections.abc import Iterable

from bench.judgement import Comparison, Summary
from bench.report.document import Entry
from bench.units import duration_scale, significant

Scale = tuple[str, int]

_BYTE_SCALES: tuple[Scale, ...] = (("MB", 1_000_000), ("kB", 1_000), ("B", 1))


def scale_of(summaries: Iterable[Summary], *, widest: bool = False) -> Scale:
    """Choose the unit in which a column of these summaries reads best.

    ``widest`` chooses by the smallest value, for columns that span orders of magnitude.
    """
    found = list(summaries)
    medians = [s.median for s in found]
    if any(s.unit == "bytes" for s in found):
        return byte_scale(medians)
    return duration_scale([min(medians)] if widest and medians else medians)


def byte_scale(sizes: Iterable[int]) -> Scale:
    """Choose the largest unit in which the median size is at least one."""
    ordered = sorted(size for size in sizes if size > 0)
    middle = ordered[len(ordered) // 2] if ordered else 1
    return next((s for s in _BYTE_SCALES if middle >= s[1]), _BYTE_SCALES[-1])


def number(value: int, scale: Scale) -> str:
    """``value`` in the unit of ``scale``, without the unit, with two digits that mean something."""
    size = scale[1]
    if value == 0 or size == 1:
        return str(value)
    scaled = value / size
    return significant(scaled, 3 if scaled >= 0.095 else 4)


def summary_entry(summary: Summary | None, scale: Scale, *, interval: bool = True) -> Entry:
    """Show a median with its interval; a dash where nothing is known."""
    if summary is None:
        return Entry(text=("–",), tone="quiet")
    low, high = summary.low, summary.high
    return Entry(
        text=(number(summary.median, scale),),
        interval=(number(low, scale), number(high, scale))
        if interval and low is not None and high is not None
        else None,
        modelled=summary.kind == "modelled",
    )


def ratio_words(comparison: Comparison) -> str:
    """For example ``×0.71 [0.70, 0.72]``; empty when there is no ratio."""
    if comparison.ratio is None:
        return ""
    if comparison.low is None or comparison.high is None:
        return f"×{ratio_number(comparison.ratio)}"
    return interval_words(comparison.ratio, comparison.low, comparison.high)


def interval_words(ratio: float, low: float, high: float) -> str:
    """Show a ratio with its interval, with a third decimal where two hide its width."""
    near = low < 1.1 and high > 0.9
    digits = 3 if high - low < (0.05 if near else 0.015) else 2
    return f"×{ratio:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def ratio_number(ratio: float) -> str:
    """Show a ratio with two decimals."""
    return f"{ratio:.2f}"


def percentage(share: float) -> str:
    """Show a share as a percentage; what is not 0 % or 100 % is never rounded to it."""
    value = share * 100
    if value < 10 or 99 < value < 100:
        value = min(max(value, 0.1), 99.9) if 0 < share < 1 else value
        return f"{value:.1f}".removesuffix(".0") + " %"
    return f"{value:.0f} %"


def rounds_words(count: int, kind: str = "") -> str:
    """For example ``1 round``, ``16 judged rounds``."""
    return f"{count:,} {kind}round{'' if count == 1 else 's'}"
