"""The JSON of ``hyperfine --export-json``: one command per measured cell, times in seconds.

A time is the wall time of a cold total. CPU time is not accounted by mode here, so ``user`` holds
all of it and ``system`` is 0; both are null where it was not accounted at all. Only valid trials
have a time, so every exit code is 0; failed trials are counted beside the results.

hyperfine has no mark for a run that must not be trusted: the name of each command has it, which
is the one field that all of its scripts print or draw.
"""

from __future__ import annotations

import json
import statistics
from typing import Any

from bench.judgement import CellSummary, Judgement
from bench.model import Record
from bench.report.exports.samples import (
    caveat,
    conditions,
    label,
    measured,
    provenance,
    seconds,
)

_METRIC = "cold_total"


def render(record: Record, judgement: Judgement) -> str:
    """Write the cold totals of a run as hyperfine writes the times of commands."""
    mark = f"{label(record)}: " if caveat(record, judgement) else ""
    results = [_result(cell, mark) for cell in measured(record, judgement, _METRIC)]
    document = {
        "results": results,
        "coldbench": provenance(record, judgement)
        | {
            "times": "wall time of init and first invoke, one fresh execution environment each",
            "user": "CPU time in either mode of init and first invoke, which is not told apart",
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _result(summary: CellSummary, mark: str) -> dict[str, Any]:
    cell = summary.cell
    times = seconds(summary.samples[_METRIC])
    cpu = seconds(summary.samples.get("cpu_cold_total", ()))
    memory = summary.samples.get("peak_memory", ())
    result: dict[str, Any] = {
        "command": f"{mark}{cell.function} {cell.variant} ({conditions(cell)})",
        "mean": statistics.fmean(times),
        "stddev": statistics.stdev(times) if len(times) > 1 else None,
        "median": statistics.median(times),
        "user": statistics.fmean(cpu) if cpu else None,
        "system": 0.0 if cpu else None,
        "min": min(times),
        "max": max(times),
        "times": times,
        "exit_codes": [0] * len(times),
        "parameters": {
            "function": cell.function,
            "variant": cell.variant,
            "event": cell.event,
            "memory_mb": str(cell.memory_mb),
            "page_cache": cell.page_cache,
        },
        "failed_trials": summary.failures,
    }
    if len(memory) == len(times):
        result["memory_usage_byte"] = list(memory)
    return result
