"""The quota model against measured cold starts, where the kernel permits a quota."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from bench.model import MEMORY_ONE_VCPU_MB
from bench.stats.quota import PERIOD_NS, bandwidth, throttled_walls
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

_SIZES = (128, 256, 512, 1024, MEMORY_ONE_VCPU_MB)
_WORK_MS = (2, 10, 100, 1_000)
_TOLERANCE = 0.10
#: Long work is the same in every phase; trials of it would take minutes.
_LONG_TRIALS = 3


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
        per_ms = workload.iterations_per_ms()
        rows = [_row(workload, per_ms, ms, size, trials) for ms in _WORK_MS for size in _SIZES]
    finally:
        workload.close()
    near = sum(row.ok for row in rows)
    return Section(
        title="Quota model against measured invokes",
        method="Handlers with about so much work (they do not ask for their CPU time, since that "
        "makes the kernel charge it at once instead of at its ticks); the model is given the CPU "
        "time that each trial used; starts are spread over the phases of the period.",
        rows=tuple(rows),
        notes=(f"{near} of {len(rows)} cells within {_TOLERANCE:.0%} at both.",),
    )


def _row(workload: Workload, per_ms: float, ms: int, size: int, trials: int) -> Row:
    count = trials if ms * MEMORY_ONE_VCPU_MB / size < 1_500 else _LONG_TRIALS
    event: dict[str, object] = {"kind": "fixed", "iterations": int(per_ms * ms)}
    phases = [PERIOD_NS * number // count for number in range(count)]
    random.Random(size * ms).shuffle(phases)
    found = [workload.trial(size, event, phase_ns=phase) for phase in phases]
    measured = [trial.phases["first_invoke"] for trial in found]
    cpu = [trial.cpu["first_invoke"] for trial in found]
    walls = throttled_walls(np.array(cpu, float), np.zeros(count), bandwidth(size)).ravel()
    pairs = [(np.quantile(measured, q), np.quantile(walls, q)) for q in (0.5, 0.9)]
    off = [seen / said - 1 for seen, said in pairs]
    return Row(
        what=f"{ms} ms of CPU at {size} MB",
        expected="p50, p90 within 10 %",
        measured=", ".join(
            f"{seen / 1e6:.1f} ms (model {said / 1e6:.1f}, {share:+.0%})"
            for (seen, said), share in zip(pairs, off, strict=True)
        )
        + f", n = {count}",
        ok=all(abs(share) <= _TOLERANCE for share in off),
    )
