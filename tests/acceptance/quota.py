"""The quota model against measured cold starts, where the kernel permits a quota."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.model import Trial
from bench.stats.modelled import walls_at
from bench.stats.quota import PERIOD_NS
from bench.subjects import MEMORY_ONE_VCPU_MB
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

_SIZES = (128, 256, 512, 1024, MEMORY_ONE_VCPU_MB)
_WORK_MS = (2, 10, 100, 1_000)
_TOLERANCE = 0.10
#: Long work is the same in every phase; trials of it would take minutes.
_LONG_MS, _LONG_TRIALS = 1_000, 8
#: What the model is fed with: a trial of its own at one vCPU in every round.
_SOURCE = "source"


def check(scratch: Path, trials: int) -> Section:
    """Measured p50 and p90 of throttled invokes against what the model makes of unthrottled ones.

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
        rows = [row for ms in _WORK_MS for row in _rows(workload, per_ms, ms, trials)]
    finally:
        workload.close()
    near = sum(row.ok for row in rows)
    return Section(
        title="Quota model against measured invokes",
        method="Handlers with about so much work (they do not ask for their CPU time, since that "
        "makes the kernel charge it at once instead of at its ticks). A round has one trial at "
        "each size and one more at 1,769 MB, in random order; the model is given that one's wall "
        "and CPU time. Starts are spread over the phases of the period.",
        rows=tuple(rows),
        notes=(
            f"{near} of {len(rows)} cells within {_TOLERANCE:.0%} at both.",
            "CPU ×: how much more CPU time the median trial took than at 1,769 MB. The model takes "
            "CPU time as given; throttled work finds colder caches, and a shared machine is not "
            "always as fast.",
        ),
    )


def _rows(workload: Workload, per_ms: float, ms: int, trials: int) -> list[Row]:
    count = _LONG_TRIALS if ms >= _LONG_MS else trials
    event: dict[str, object] = {"kind": "fixed", "iterations": int(per_ms * ms)}
    order = random.Random(ms)
    phases = {cell: _phases(count, order) for cell in (_SOURCE, *_SIZES)}
    found: dict[str | int, list[Trial]] = defaultdict(list)
    for number in range(count):
        for cell in order.sample(list(phases), len(phases)):
            size = MEMORY_ONE_VCPU_MB if isinstance(cell, str) else cell
            found[cell].append(workload.trial(size, event, phase_ns=phases[cell][number]))
    return [_row(ms, size, found) for size in _SIZES]


def _phases(count: int, order: random.Random) -> Sequence[int]:
    return order.sample([PERIOD_NS * number // count for number in range(count)], count)


def _row(ms: int, size: int, found: Mapping[str | int, Sequence[Trial]]) -> Row:
    source = found[_SOURCE]
    walls = walls_at(
        [trial.phases["first_invoke"] for trial in source],
        [trial.cpu["first_invoke"] for trial in source],
        measured_at=MEMORY_ONE_VCPU_MB,
        memory_mb=size,
        cpu_mode="on-demand",
    )
    measured = [trial.phases["first_invoke"] for trial in found[size]]
    pairs = [(np.quantile(measured, q), np.quantile(walls, q)) for q in (0.5, 0.9)]
    off = [seen / said - 1 for seen, said in pairs]
    return Row(
        what=f"{ms} ms of CPU at {size} MB",
        expected="p50, p90 within 10 %",
        measured=", ".join(
            f"{seen / 1e6:.1f} ms (model {said / 1e6:.1f}, {share:+.0%})"
            for (seen, said), share in zip(pairs, off, strict=True)
        )
        + f", CPU × {_cpu_ratio(found[size], source):.2f}, n = {len(measured)}",
        ok=all(abs(share) <= _TOLERANCE for share in off),
    )


def _cpu_ratio(found: Sequence[Trial], source: Sequence[Trial]) -> float:
    here, there = (np.median([t.cpu["first_invoke"] for t in trials]) for trials in (found, source))
    return float(here / there)
