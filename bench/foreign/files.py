"""A JSON file -> the series in it, if it is of a tool that we know."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from bench.errors import RecordError
from bench.foreign.series import ForeignFile, Series, Tool


class _Damaged(Exception):
    """A place of a file that does not hold what its tool writes there."""


def read(path: Path) -> ForeignFile | None:
    """Read the results of another tool; None for anything else, a record of ours included.

    Raises:
        RecordError: the file is of that tool by its shape, and damaged; names the place.
    """
    data = _json_object(path)
    for tool, key, mark, read_series in _READERS:
        rows = data.get(key)
        if isinstance(rows, list) and mark(data, rows):
            try:
                return _foreign(tool, data, tuple(read_series(rows)))
            except _Damaged as error:
                raise RecordError(
                    f"{path} is a damaged file of {tool}: {error}",
                    hint=f"let {tool} write it again",
                ) from None
    return None


def _json_object(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one for whatever the reader of records has to complain of."""
    try:
        data = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _foreign(tool: Tool, data: Mapping[str, Any], series: tuple[Series, ...]) -> ForeignFile:
    if not series:
        raise _Damaged("it has no results")
    ours = data.get("coldbench")
    run = ours.get("run") if isinstance(ours, dict) else None
    return ForeignFile(tool=tool, series=series, run=str(run) if run else None)


def _is_hyperfine(_: Mapping[str, Any], rows: list[Any]) -> bool:
    return all(isinstance(row, dict) and "command" in row for row in rows)


def _is_pytest_benchmark(data: Mapping[str, Any], _: list[Any]) -> bool:
    return "machine_info" in data


def _hyperfine(rows: list[Any]) -> list[Series]:
    found = []
    for number, row in enumerate(rows):
        where = f"results[{number}]"
        times = _times(row.get("times"), f"{where}.times")
        codes = row.get("exit_codes") or []
        if not isinstance(codes, list) or (times and codes and len(codes) != len(times)):
            raise _Damaged(f"{where}.exit_codes does not fit {where}.times")
        mean = _time(row.get("mean"), f"{where}.mean")
        found.append(
            Series(
                name=str(row["command"]),
                group="",
                times_s=times,
                mean_s=mean,
                median_s=median(times) if times else _time(row.get("median", mean), where),
                failures=sum(code != 0 for code in codes),
                n=len(times) if times else None,
            )
        )
    return found


def _names(rows: list[Any]) -> list[str]:
    """The names of benchmarks; where several share one, their full names tell them apart."""
    known = [row if isinstance(row, dict) else {} for row in rows]
    short = [str(row.get("name")) for row in known]
    return [
        _full_name(row, name) if short.count(name) > 1 else name
        for row, name in zip(known, short, strict=True)
    ]


def _full_name(row: Mapping[str, Any], name: str) -> str:
    full = str(row.get("fullname") or name)
    return f"{full} ({row['group']})" if full == name and row.get("group") else full


def _pytest_benchmark(rows: list[Any]) -> list[Series]:
    found = []
    names = _names(rows)
    for number, row in enumerate(rows):
        where = f"benchmarks[{number}]"
        stats = row.get("stats") if isinstance(row, dict) else None
        if not isinstance(stats, dict):
            raise _Damaged(f"{where} has no `stats`")
        times = _times(stats.get("data"), f"{where}.stats.data")
        iterations, rounds = stats.get("iterations", 1), stats.get("rounds")
        if not isinstance(iterations, int) or iterations < 1:
            raise _Damaged(f"{where}.stats.iterations is {iterations!r}")
        mean = _time(stats.get("mean"), f"{where}.stats.mean")
        found.append(
            Series(
                name=names[number],
                group=str(row.get("group") or ""),
                times_s=times,
                mean_s=mean,
                median_s=_time(stats.get("median", mean), f"{where}.stats.median"),
                iterations=iterations,
                n=len(times) if times else rounds if isinstance(rounds, int) else None,
            )
        )
    return found


def _times(raw: object, where: str) -> tuple[float, ...] | None:
    if raw is None or raw == []:
        return None
    if not isinstance(raw, list):
        raise _Damaged(f"{where} is no list")
    return tuple(_time(value, f"{where}[{number}]") for number, value in enumerate(raw))


def _time(raw: object, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise _Damaged(f"{where} is {raw!r}, not a time")
    if not math.isfinite(raw) or raw < 0:
        raise _Damaged(f"{where} is {raw!r}, which no time can be")
    return float(raw)


_READERS: tuple[
    tuple[
        Tool,
        str,
        Callable[[Mapping[str, Any], list[Any]], bool],
        Callable[[list[Any]], list[Series]],
    ],
    ...,
] = (
    ("hyperfine", "results", _is_hyperfine, _hyperfine),
    ("pytest-benchmark", "benchmarks", _is_pytest_benchmark, _pytest_benchmark),
)
