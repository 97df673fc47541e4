"""The JSON of ``pytest --benchmark-json``, as ``pytest-benchmark compare`` loads it.

One benchmark per cell and metric, grouped by what was measured, so that the variants of a function
stand in one table. Values are seconds.

An unfit run has its mark in every name and ``has_error``, which pytest-benchmark shows in red.
"""

from __future__ import annotations

import json
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from bench.judgement import CellSummary, Comparison, Judgement
from bench.model import Record
from bench.report.exports.samples import (
    caveat,
    conditions,
    label,
    measured,
    provenance,
    seconds,
)
from bench.report.findings import Findings

#: The version of pytest-benchmark whose files these are like.
_FORMAT = "5.3.1"
_METRICS = ("cold_total", "cpu_cold_total", "init", "first_invoke")


def render(record: Record, judgement: Judgement) -> str:
    """Write the measured times of a run as pytest-benchmark writes the rounds of tests."""
    hard = record.environment.get("hard", {})
    document = {
        "machine_info": {
            "node": "",
            "system": "Linux",
            "machine": str(hard.get("architecture", "")),
            "cpu": {"brand_raw": str(hard.get("cpu_model", ""))},
        },
        "commit_info": {
            "id": "unversioned",
            "time": None,
            "author_time": None,
            "dirty": False,
            "branch": "(unknown)",
        },
        "benchmarks": _benchmarks(record, judgement),
        "datetime": record.started,
        "version": _FORMAT,
        "coldbench": provenance(record, judgement),
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _benchmarks(record: Record, judgement: Judgement) -> list[dict[str, Any]]:
    findings = Findings.of(record, judgement)
    reason = caveat(record, judgement)
    return [
        _benchmark(
            summary, metric, findings.comparison(summary.cell, metric), reason, label(record)
        )
        for metric in _METRICS
        for summary in measured(record, judgement, metric)
    ]


def _benchmark(
    summary: CellSummary,
    metric: str,
    comparison: Comparison | None,
    reason: str | None,
    mark: str,
) -> dict[str, Any]:
    cell = summary.cell
    name = f"{cell.function} {cell.variant} ({conditions(cell)})"
    name = f"{mark}: {name}" if reason else name
    extra: dict[str, Any] = {"metric": metric, "failed_trials": summary.failures}
    if comparison is not None:
        extra |= {
            "baseline": comparison.baseline,
            "ratio": comparison.ratio,
            "low": comparison.low,
            "high": comparison.high,
            "verdict": comparison.verdict,
        }
    benchmark: dict[str, Any] = {
        "group": f"{cell.function} ({conditions(cell)}): {metric}",
        "name": name,
        "fullname": f"{metric}: {name}",
        "params": None,
        "param": None,
        "extra_info": extra,
        "options": {"timer": "CLOCK_MONOTONIC", "min_rounds": summary.n, "warmup": False},
        "stats": spread(seconds(summary.samples[metric])),
    }
    if reason:
        benchmark |= {"has_error": True, "error": reason}
    return benchmark


def spread(data: Sequence[float]) -> dict[str, Any]:
    """Give the statistics that pytest-benchmark keeps of each benchmark, by its definitions.

    Quartiles are medians of the halves for even numbers of values, and weighted means of two
    neighbours for odd ones; ``ld15iqr`` and ``hd15iqr`` are the lowest and highest value within
    1.5 interquartile ranges of them.
    """
    ordered = sorted(data)
    middle = statistics.fmean(data)
    sd = statistics.stdev(data) if len(data) > 1 else 0.0
    low_quartile, high_quartile = _quartiles(ordered)
    reach = 1.5 * (high_quartile - low_quartile)
    low, high = low_quartile - reach, high_quartile + reach
    far = sum(value < middle - sd or value > middle + sd for value in data)
    outside = sum(value < low or value > high for value in data)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": middle,
        "stddev": sd,
        "rounds": len(data),
        "median": statistics.median(data),
        "iqr": high_quartile - low_quartile,
        "q1": low_quartile,
        "q3": high_quartile,
        "iqr_outliers": outside,
        "stddev_outliers": far,
        "outliers": f"{far};{outside}",
        "ld15iqr": ordered[bisect_left(ordered, low)],
        "hd15iqr": ordered[bisect_right(ordered, high) - 1],
        "ops": 1 / middle if middle else 0.0,
        "total": sum(data),
        "data": list(data),
        "iterations": 1,
    }


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    n = len(ordered)
    half = n // 2
    if n == 1:
        return ordered[0], ordered[0]
    if n % 2 == 0:
        return statistics.median(ordered[:half]), statistics.median(ordered[half:])
    k, rest = divmod(n, 4)
    near, far = (0.75, 0.25) if rest == 1 else (0.25, 0.75)
    first = k if rest == 1 else k + 1
    low = far * ordered[first - 1] + near * ordered[first]
    high = near * ordered[-first - 1] + far * ordered[-first]
    return low, high
