"""The quota model against measured cold starts, where the kernel permits a quota."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from bench.model import MEMORY_ONE_VCPU_MB
from bench.stats.quota import bandwidth, throttled_walls
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

_SIZES = (128, 256, 512, 1024, MEMORY_ONE_VCPU_MB)
_WORK_MS = (2, 10, 100, 1_000)
_TOLERANCE = 0.10
#: Long work is the same in every phase; trials of it would take minutes.
_LONG_TRIALS = 3
_PERIOD_S = 0.02


def check(scratch: Path, trials: int) -> Section:
    """Measured p50 and p90 of throttled invokes against what the model says beforehand.

    Args:
        scratch: for the environments.
        trials: of each cell; starts are spread over the phases of the period.
    """
    workload = Workload("on-demand", scratch)
    try:
        if workload.limits.version == "none":
            row = Row(
                what="CPU limits", expected="available", measured=workload.limits.reason, ok=False
            )
            return Section(title="Quota model", method="Not measured.", rows=(row,))
        rows = [_row(workload, ms, size, trials) for ms in _WORK_MS for size in _SIZES]
    finally:
        workload.close()
    near = sum(row.ok for row in rows)
    return Section(
        title="Quota model against measured invokes",
        method="Handlers that work for so much CPU time by their own clock; the model is given the "
        "CPU time that each trial used, and a start phase at random; p50 and p90 of both.",
        rows=tuple(rows),
        notes=(f"{near} of {len(rows)} cells within {_TOLERANCE:.0%} at both.",),
    )


def _row(workload: Workload, ms: int, size: int, trials: int) -> Row:
    count = trials if ms * MEMORY_ONE_VCPU_MB / size < 1_500 else _LONG_TRIALS
    measured, cpu = [], []
    draw = random.Random(size * ms)
    for _ in range(count):
        # A wait of up to a period before the work: the phase in which it starts is uniform.
        event = {"kind": "phased", "cpu_ms": ms, "wait_s": draw.uniform(0, _PERIOD_S)}
        trial = workload.trial(size, event)
        waited_ns = event["wait_s"] * 1e9
        measured.append(trial.phases["first_next"] - waited_ns)
        cpu.append(trial.cpu["first_invoke"])
    walls = throttled_walls(np.array(cpu, float), np.zeros(count), bandwidth(size)).ravel()
    pairs = [(np.quantile(measured, q), np.quantile(walls, q)) for q in (0.5, 0.9)]
    off = [found / said - 1 for found, said in pairs]
    return Row(
        what=f"{ms} ms of CPU at {size} MB",
        expected="p50, p90 within 10 %",
        measured=", ".join(
            f"{found / 1e6:.1f} ms (model {said / 1e6:.1f}, {share:+.0%})"
            for (found, said), share in zip(pairs, off, strict=True)
        )
        + f", n = {count}",
        ok=all(abs(share) <= _TOLERANCE for share in off),
    )
