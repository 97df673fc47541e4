"""Published Durations of real Lambda against ours, as ratios to the size with one vCPU."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from pathlib import Path

from bench.stats.quota import PERIOD_NS
from bench.subjects import MEMORY_ONE_VCPU_MB
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
#: Work and the wait after it, in ms, step by step: a client is set up, then speaks three times.
#: Fitted to the published shape and to its 62 ms at 1,769 MB: what is checked is that work and
#: waits combine with throttling as they do on Lambda.
_LIGHT_STEPS = ((15.0, 8.0), (3.33, 8.0), (3.33, 8.0), (3.34, 13.0))
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
        f"medians of {rounds} rounds in random order ({_LIGHT_REPEATS} times as many of the light "
        "workload), which begin at evenly spread phases of the quota's period.",
        rows=tuple(rows),
        notes=(
            "The light workload is fitted to the published shape: work and the wait after it are "
            + ", ".join(f"{work:.1f} + {wait:.0f} ms" for work, wait in _LIGHT_STEPS)
            + ".",
        ),
    )


def _rows(name: str, workload: Workload, rounds: int) -> list[Row]:
    event = _event(name)
    rounds *= _LIGHT_REPEATS if name == "light" else 1
    sizes = (*_SIZES, MEMORY_ONE_VCPU_MB)
    phases = {
        size: iter(PERIOD_NS * number // rounds for number in range(rounds)) for size in sizes
    }

    def duration_ms(size: int) -> float:
        return workload.trial(size, event, phase_ns=next(phases[size])).phases["first_next"] / 1e6

    found = in_random_order(sizes, rounds, duration_ms)
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
    return {"kind": "light", "steps": _LIGHT_STEPS}
