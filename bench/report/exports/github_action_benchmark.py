"""The ``customSmallerIsBetter`` JSON of github-action-benchmark: name, unit, value, range, extra.

Values are medians, in ms and bytes. That tool compares a value with the last one of the same name;
an unfit run has its mark in every name, so its values are in nobody's series.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.judgement import Judgement, Summary
from bench.model import Record
from bench.report.exports.samples import caveat, conditions, label, measured

_TIMES = ("cold_total", "cpu_cold_total", "init", "first_invoke")
_NS_PER_MS = 1_000_000


def render(record: Record, judgement: Judgement) -> str:
    """Write the medians and package sizes of a run as a list of named values."""
    reason = caveat(record, judgement)
    mark = f"{label(record)}: " if reason else ""
    rows = [*_measured(record, judgement), *_sizes(record)]
    for row in rows:
        row["name"] = mark + row["name"]
        if reason:
            row["extra"] = f"{reason}\n{row['extra']}"
    return json.dumps(rows, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _measured(record: Record, judgement: Judgement) -> Iterator[dict[str, Any]]:
    for metric in (*_TIMES, "peak_memory"):
        for summary in measured(record, judgement, metric):
            cell, found = summary.cell, summary.metrics[metric]
            name = f"{cell.function} {cell.variant} ({conditions(cell)}) {metric}"
            yield _row(name, found, judgement.confidence)


def _row(name: str, summary: Summary, confidence: float) -> dict[str, Any]:
    size = _NS_PER_MS if summary.unit == "ns" else 1
    row: dict[str, Any] = {
        "name": name,
        "unit": "ms" if summary.unit == "ns" else "bytes",
        "value": _value(summary.median, size),
        "extra": f"median of {summary.n} trials",
    }
    if summary.low is not None and summary.high is not None:
        row["range"] = f"{_value(summary.low, size)} to {_value(summary.high, size)}"
        row["extra"] += f"; range: {confidence:.2%} interval of the median".replace(".00%", "%")
    return row


def _value(value: int, size: int) -> float | int:
    return value if size == 1 else value / size


def _sizes(record: Record) -> Iterator[dict[str, Any]]:
    for artifact in record.artifacts:
        for size in ("zip_bytes", "unpacked_bytes", "binary_bytes"):
            value = getattr(artifact, size)
            if value:
                yield {
                    "name": f"{artifact.function} {artifact.variant} {size}",
                    "unit": "bytes",
                    "value": value,
                    "extra": "exact",
                }
