"""Orders of a shop, from CSV text or JSON rows: what a request may ask, and every bad line.

Nothing here needs pandas; the summary does, and the handler of each import style hands it in.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

COLUMNS = ("date", "region", "product", "quantity", "unit_price_cents")
GROUPS = ("region", "product", "month")
ROWS_MAX = 50_000
PREVIEW_ROWS = 3
PROBLEMS_SHOWN = 10

# Least and greatest; ROWS_MAX orders of the greatest stay within the 64 bits of a sum.
_RANGES = {"quantity": (1, 99_999), "unit_price_cents": (0, 99_999_999)}
_WHOLE = re.compile(r"[0-9]{1,8}")

Row = dict[str, Any]


class InvalidRequestError(ValueError):
    """The event is not a request of this function; the message says what is wrong with it."""


class InvalidDataError(ValueError):
    """The orders cannot be used; the message names the first bad lines and what is wrong."""


class Question:
    """What to summarise by, and which percentiles of an order's revenue to give."""

    def __init__(self, group_by: str, percentiles: list[int]) -> None:
        self.group_by = group_by
        self.percentiles = percentiles


def handle(
    event: object, summarise: Callable[[list[Row], Question], dict[str, Any]]
) -> dict[str, Any]:
    """Serve one request; ``summarise`` is called only by the action that needs it.

    Raises:
        InvalidRequestError: the event is not a request of this function.
        InvalidDataError: the orders cannot be used.
    """
    if not isinstance(event, dict):
        raise InvalidRequestError("the event must be a JSON object")
    action = event.get("action")
    if action == "preview":
        rows = read_rows(event)
        return {"rows": len(rows), "columns": list(COLUMNS), "first": rows[:PREVIEW_ROWS]}
    if action == "summarise":
        question = read_question(event)
        return summarise(read_rows(event), question)
    raise InvalidRequestError("action must be one of preview, summarise")


def read_question(event: Row) -> Question:
    """Read what to summarise by.

    Raises:
        InvalidRequestError: an unknown column, or percentiles that are none.
    """
    group_by = event.get("group_by", "region")
    if group_by not in GROUPS:
        raise InvalidRequestError(f"group_by must be one of {', '.join(GROUPS)}")
    percentiles = event.get("percentiles", [50, 90])
    if (
        not isinstance(percentiles, list)
        or not 1 <= len(percentiles) <= 9
        # type() and not isinstance(): True is an int.
        or not all(type(value) is int and 1 <= value <= 99 for value in percentiles)
    ):
        raise InvalidRequestError("percentiles must be a list of 1 to 9 integers from 1 to 99")
    return Question(group_by, sorted(set(percentiles)))


def read_rows(event: Row) -> list[Row]:
    """Read and check the orders of ``csv`` or ``rows``.

    Raises:
        InvalidRequestError: neither or both are given, or of another type.
        InvalidDataError: no order, too many, a missing column, or bad values.
    """
    text, given = event.get("csv"), event.get("rows")
    if isinstance(text, str) and given is None:
        numbered = _csv_lines(text)
    elif isinstance(given, list) and text is None:
        numbered = ((f"row {number}", row) for number, row in enumerate(given, 1))
    else:
        raise InvalidRequestError("give the orders either as text in csv or as a list in rows")
    rows, problems = [], []
    for place, raw in numbered:
        if len(rows) + len(problems) >= ROWS_MAX:
            raise InvalidDataError(f"there are more than {ROWS_MAX} orders")
        row, wrong = _read_row(raw)
        if wrong:
            problems.append(f"{place}: {', '.join(wrong)}")
        else:
            rows.append(row)
    if problems:
        more = len(problems) - PROBLEMS_SHOWN
        tail = [f"and {more} more"] if more > 0 else []
        raise InvalidDataError("; ".join(problems[:PROBLEMS_SHOWN] + tail))
    if not rows:
        raise InvalidDataError("there are no orders")
    return rows


def _csv_lines(text: str) -> Iterator[tuple[str, object]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise InvalidDataError(f"line 1: missing {', '.join(missing)}")
    try:
        for row in reader:
            yield f"line {reader.line_num}", row
    except csv.Error as error:
        raise InvalidDataError(f"line {reader.line_num}: {error}") from error


def _read_row(raw: object) -> tuple[Row, list[str]]:
    if not isinstance(raw, dict):
        return {}, ["not an object"]
    row = {name: _read_value(name, raw.get(name)) for name in COLUMNS}
    return row, [f"bad {name}" for name, value in row.items() if value is None]


def _read_value(name: str, value: object) -> str | int | None:
    if name in _RANGES:
        return _read_whole(value, *_RANGES[name])
    if not isinstance(value, str) or not value.strip():
        return None
    return _read_date(value.strip()) if name == "date" else value.strip()


def _read_whole(value: object, least: int, greatest: int) -> int | None:
    text = str(value).strip() if isinstance(value, str) or type(value) is int else ""
    return int(text) if _WHOLE.fullmatch(text) and least <= int(text) <= greatest else None


def _read_date(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        return None
