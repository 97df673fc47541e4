"""Durations, sizes and ratios: parse them from users, print them for people."""

from __future__ import annotations

from collections.abc import Iterable

_DURATION_SCALES: tuple[tuple[str, int], ...] = (
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("µs", 1_000),
    ("ns", 1),
)
_SIZE_SCALES: tuple[tuple[str, int], ...] = (("MB", 1_000_000), ("kB", 1_000), ("B", 1))


def significant(value: float, digits: int = 3) -> str:
    """``value`` with at least ``digits`` significant digits and no exponent."""
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:.{max(0, digits - max(whole, 1))}f}"


def duration_scale(values_ns: Iterable[float]) -> tuple[str, int]:
    """One unit for a column: the largest in which the median value is at least one."""
    ordered = sorted(v for v in values_ns if v > 0)
    middle = ordered[len(ordered) // 2] if ordered else 1
    return next((s for s in _DURATION_SCALES if middle >= s[1]), _DURATION_SCALES[-1])


def format_duration(ns: float, scale: tuple[str, int] | None = None) -> str:
    """For example ``12.3 ms``; with a ``scale`` of :func:`duration_scale` in that unit."""
    unit, size = scale or duration_scale([ns])
    return f"{significant(ns / size)} {unit}"


def format_bytes(size_bytes: int) -> str:
    """Decimal units, for example ``8.95 MB``, as Lambda's own limits are stated."""
    unit, size = next((s for s in _SIZE_SCALES if size_bytes >= s[1]), _SIZE_SCALES[-1])
    return f"{size_bytes} B" if unit == "B" else f"{significant(size_bytes / size)} {unit}"


def format_change(ratio: float) -> str:
    """A ratio as a signed percentage, for example ``-12.3 %``."""
    return f"{(ratio - 1) * 100:+.1f} %"


def parse_seconds(text: str) -> float:
    """``90``, ``90s``, ``2m`` or ``500ms`` as seconds.

    Raises:
        ValueError: not a positive duration.
    """
    for suffix, factor in (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)):
        if text.endswith(suffix):
            seconds = float(text[: -len(suffix)]) * factor
            break
    else:
        seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{text!r} is not a positive duration")
    return seconds
