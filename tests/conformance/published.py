"""Published Durations of real Lambda against ours, as ratios to the size with one vCPU."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from pathlib import Path

from bench.model import MEMORY_ONE_VCPU_MB
from tests.conformance.cpu_law import in_random_order
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

_TABLE = Path(__file__).parents[2] / "fixtures" / "published" / "cebert_durations.csv"
_SIZES = (128, 256, 512, 1024)
_TOLERANCE = 0.05
#: Which published series each workload of ours stands for: x86_64, cold, all that have every size.
_SERIES = {
    "cpu-intensive": ("python3.11", "python3.12", "python3.13", "python3.14", "rust"),
    "memory-intensive": ("nodejs20", "nodejs22", "rust"),
    "light": ("python3.11", "python3.12", "python3.14"),
}
#: About what the published functions take at 1,769 MB.
_CPU_MS, _MEMORY_MS = 380, 800
#: Fitted to the published shape and to its 60 ms at 1,769 MB: what is checked is that work and
#: waits combine with throttling as they do on Lambda.
_LIGHT_STEPS, _LIGHT_STEP_MS, _LIGHT_WAIT_S = 3, 8.4, 0.012
#: It is short, and its Duration depends on where in a period it begins.
_LIGHT_REPEATS = 4


def check(scratch: Path, rounds: int) -> Section:
    """The shape over the memory sizes up to one vCPU, workload by workload."""
    workload = Workload("on-demand", scratch)
    try:
        rows = [row for name in _SERIES for row in _rows(name, workload, rounds)]
    finally:
        workload.close()
    return Section(
        title="Published against ours",
        method="Duration at each memory size as a multiple of that at 1,769 MB: published means "
        "(median over the series, in brackets their range; see `fixtures/published`) against "
        f"medians of {rounds} rounds in random order.",
        rows=tuple(rows),
        notes=(
            f"The light workload is {_LIGHT_STEPS} × {_LIGHT_STEP_MS} ms of work, each followed by "
            f"a wait of {_LIGHT_WAIT_S * 1e3:.0f} ms, fitted to the published shape.",
        ),
    )


def _rows(name: str, workload: Workload, rounds: int) -> list[Row]:
    event = _event(name)
    found = in_random_order(
        (*_SIZES, MEMORY_ONE_VCPU_MB),
        rounds * (_LIGHT_REPEATS if name == "light" else 1),
        lambda size: workload.trial(size, event).phases["first_next"] / 1e6,
    )
    full = statistics.median(found[MEMORY_ONE_VCPU_MB])
    published = published_ratios(name)
    return [
        _row(name, size, published[size], statistics.median(found[size]) / full) for size in _SIZES
    ]


def _row(name: str, size: int, published: list[float], ours: float) -> Row:
    middle = statistics.median(published)
    return Row(
        what=f"{name}, {size} MB",
        expected=f"{middle:.2f} × ({min(published):.2f}–{max(published):.2f})",
        measured=f"{ours:.2f} × ({(ours / middle - 1) * 100:+.1f} %)",
        ok=abs(ours / middle - 1) <= _TOLERANCE,
    )


def published_ratios(name: str) -> dict[int, list[float]]:
    """Duration ÷ Duration at one vCPU, per memory size, one value per published series."""
    series: dict[str, dict[int, float]] = defaultdict(dict)
    with _TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if (row["workload"], row["state"], row["architecture"]) == (name, "cold", "x86_64"):
                series[row["runtime"]][int(row["memory_mb"])] = float(row["duration_ms"])
    return {
        size: [series[r][size] / series[r][MEMORY_ONE_VCPU_MB] for r in _SERIES[name]]
        for size in _SIZES
    }


def _event(name: str) -> dict[str, object]:
    if name == "memory-intensive":
        return {"kind": "memory", "cpu_ms": _MEMORY_MS}
    if name == "cpu-intensive":
        return {"kind": "work", "cpu_ms": _CPU_MS}
    return {
        "kind": "light",
        "steps": _LIGHT_STEPS,
        "cpu_ms": _LIGHT_STEP_MS,
        "wait_s": _LIGHT_WAIT_S,
    }
