"""Functions of CloudWatch Logs Insights."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any


def as_number(value: Any) -> float | None:
    """A number, also one in text; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def percentile(values: list[Any], percent: float) -> float | None:
    """The smallest value that ``percent`` % of the values do not exceed (nearest rank)."""
    numbers = sorted(_numbers(values))
    if not numbers:
        return None
    rank = math.ceil(percent / 100 * len(numbers))
    return numbers[min(max(rank, 1), len(numbers)) - 1]


def _numbers(values: list[Any]) -> list[float]:
    found = (as_number(value) for value in values)
    return [number for number in found if number is not None]


def _mean(values: list[Any]) -> float | None:
    numbers = _numbers(values)
    return statistics.fmean(numbers) if numbers else None


def _deviation(values: list[Any]) -> float | None:
    numbers = _numbers(values)
    return statistics.stdev(numbers) if len(numbers) > 1 else None


def _extreme(choose: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    def value(values: list[Any]) -> Any:
        numbers = _numbers(values)
        if len(numbers) == len(values):
            return choose(numbers) if numbers else None
        return choose([str(v) for v in values])

    return value


def _of_number(function: Callable[[float], float]) -> Callable[[Any], Any]:
    def value(argument: Any) -> float | None:
        number = as_number(argument)
        return None if number is None else function(number)

    return value


def _of_text(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *rest: None if value is None else function(str(value), *rest)


AGGREGATES: dict[str, Callable[..., Any]] = {
    "count": len,
    "count_distinct": lambda values: len({str(v) for v in values}),
    "sum": lambda values: math.fsum(_numbers(values)),
    "avg": _mean,
    "min": _extreme(min),
    "max": _extreme(max),
    "pct": percentile,
    "percentile": percentile,
    "median": lambda values: percentile(values, 50),
    "stddev": _deviation,
    "earliest": lambda values: values[0] if values else None,
    "latest": lambda values: values[-1] if values else None,
}
SCALARS: dict[str, Callable[..., Any]] = {
    "ispresent": lambda value: value is not None,
    "isempty": lambda value: value in (None, ""),
    "isblank": lambda value: value is None or not str(value).strip(),
    "coalesce": lambda *values: next((v for v in values if v is not None), None),
    "abs": _of_number(abs),
    "ceil": _of_number(math.ceil),
    "floor": _of_number(math.floor),
    "round": _of_number(round),
    "sqrt": _of_number(math.sqrt),
    "greatest": lambda *values: max(_numbers(list(values)), default=None),
    "least": lambda *values: min(_numbers(list(values)), default=None),
    "strlen": _of_text(len),
    "tolower": _of_text(str.lower),
    "toupper": _of_text(str.upper),
    "trim": _of_text(str.strip),
    "concat": lambda *values: "".join("" if v is None else str(v) for v in values),
    "strcontains": _of_text(lambda text, part: str(part) in text),
    "replace": _of_text(lambda text, old, new: text.replace(str(old), str(new))),
}
