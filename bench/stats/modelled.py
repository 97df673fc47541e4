"""Cells at memory sizes that were not measured, from the quota model, and the model's checks.

Init and all CPU times stay as measured: a memory size changes how fast CPU time is granted, not how
much is needed. Wall times after init go through :mod:`bench.stats.quota`, trial by trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from bench.cpu_share import visible_cpus
from bench.judgement import CellSummary, ModelCheck, Summary
from bench.model import Cell, Plan
from bench.stats.intervals import median, median_rank, tail
from bench.stats.quota import (
    Bandwidth,
    Floats,
    bandwidth,
    parallelism,
    throttled_walls,
)
from bench.stats.samples import Samples
from bench.subjects import CpuMode

#: Wall metrics that run under the quota, each with the CPU metric that drives it.
_AFTER_INIT = {"first_invoke": "cpu_first_invoke", "warm_invoke": "cpu_warm_invoke"}
#: With provisioned concurrency the quota holds from the start.
_FROM_START = {"init": "cpu_init", **_AFTER_INIT, "cold_total": "cpu_cold_total"}
#: A quota that never stops anything, for work measured without one.
_UNLIMITED = Bandwidth(quota_ns=1_000_000_000)


def modelled_cells(
    plan: Plan, measured: Mapping[Cell, CellSummary], confidence: float
) -> tuple[CellSummary, ...]:
    """The cells of ``plan.memory_sizes_mb`` that were not measured, in the plan's order.

    The source of each is the cell of the same function, variant, event and page cache at the
    largest memory size that has valid trials. Nothing is modelled above that size, where a quota
    that was in the way of the measured trial no longer is.
    """
    sources: dict[tuple[str, ...], CellSummary] = {}
    for summary in measured.values():
        cell = summary.cell
        key = (cell.function, cell.variant, cell.event, cell.page_cache)
        known = sources.get(key)
        if summary.n and (known is None or cell.memory_mb > known.cell.memory_mb):
            sources[key] = summary
    return tuple(
        modelled_cell(source, memory_mb, plan.cpu_mode, confidence)
        for source in sources.values()
        for memory_mb in plan.memory_sizes_mb
        if memory_mb < source.cell.memory_mb
        and replace(source.cell, memory_mb=memory_mb) not in measured
    )


def modelled_cell(
    source: CellSummary, memory_mb: int, cpu_mode: CpuMode, confidence: float
) -> CellSummary:
    """One measured cell carried over to another memory size; it has no samples of its own."""
    metrics = {name: replace(known, kind="modelled") for name, known in source.metrics.items()}
    driven = _FROM_START if cpu_mode == "provisioned" else _AFTER_INIT
    walls = {
        wall: walls_at(
            source.samples[wall],
            source.samples[cpu],
            measured_at=source.cell.memory_mb,
            memory_mb=memory_mb,
            cpu_mode=cpu_mode,
        )
        for wall, cpu in driven.items()
        if _aligned(source, wall, cpu)
    }
    if "cold_total" not in driven and "first_invoke" in walls:
        init = np.array(source.samples["init"], dtype=np.float64)
        walls["cold_total"] = walls["first_invoke"] + init[:, None]
    # Without CPU times nothing can be said about a wall time under another quota.
    for name in (*_AFTER_INIT, "cold_total"):
        metrics.pop(name, None)
    metrics.update({name: _pooled(values, confidence) for name, values in walls.items()})
    return CellSummary(
        cell=replace(source.cell, memory_mb=memory_mb),
        n=source.n,
        failures=source.failures,
        metrics={name: metrics[name] for name in source.metrics if name in metrics},
    )


def walls_at(
    wall_ns: Sequence[int],
    cpu_ns: Sequence[int],
    *,
    measured_at: int,
    memory_mb: int,
    cpu_mode: CpuMode,
) -> Floats:
    """What the wall times of trials measured at one memory size would be at another, in ns.

    One row per trial, one column per start phase. ``wall_ns`` and ``cpu_ns`` are of the same phase
    of the same trials; what of the wall time the CPU time does not explain stays as it was.
    """
    wall = np.array(wall_ns, dtype=np.float64)
    cpu = np.array(cpu_ns, dtype=np.float64)
    origin = _UNLIMITED if cpu_mode == "none" else bandwidth(measured_at)
    rate = parallelism(cpu, wall, visible_cpus(min(measured_at, memory_mb)))
    # What the source's own quota made of the CPU time is not off-CPU time of the code.
    on_cpu = np.median(throttled_walls(cpu, np.zeros(len(cpu)), origin, rate=rate), axis=1)
    off = np.maximum(0.0, wall - on_cpu)
    return throttled_walls(cpu, off, bandwidth(memory_mb), rate=rate)


def model_checks(plan: Plan, samples: Samples) -> tuple[ModelCheck, ...]:
    """The model against the measured trials of each of ``plan.validation_cells``.

    The session releases their events at phases of the period that are spread evenly, which is what
    the model integrates over. A check's trial is held against the source's trial of the same round,
    so that a machine that was slower in some rounds was so for both; where rounds had the check
    alone, against all of the source's. The model takes CPU time as given, but throttled work also
    finds colder caches: how much more CPU time it took is in ``cpu_ratio``.
    """
    found = (_model_check(plan, samples, cell) for cell in dict.fromkeys(plan.validation_cells))
    return tuple(check for check in found if check is not None)


def _model_check(plan: Plan, samples: Samples, cell: Cell) -> ModelCheck | None:
    sources = [
        source
        for source in plan.cells
        if replace(source, memory_mb=cell.memory_mb) == cell and (source, "variant") in samples
    ]
    check = samples.get((cell, "variant"))
    if check is None or not sources:
        return None
    source = max(sources, key=lambda s: s.memory_mb)
    of_source = samples[source, "variant"].columns
    wall, cpu = (of_source[name].by_round() for name in ("first_invoke", "cpu_first_invoke"))
    measured = check.columns["first_invoke"].by_round()
    known = wall.keys() & cpu.keys()
    if not measured or not known:
        return None
    rounds = sorted(measured)
    source_rounds = rounds if measured.keys() <= known else sorted(known)
    walls = walls_at(
        [wall[r] for r in source_rounds],
        [cpu[r] for r in source_rounds],
        measured_at=source.memory_mb,
        memory_mb=cell.memory_mb,
        cpu_mode=plan.cpu_mode,
    )
    throttled = check.columns["cpu_first_invoke"].by_round()
    used = median(sorted(cpu[r] for r in source_rounds))
    ordered = sorted(measured.values())
    p90 = tail(ordered, 0.90)
    return ModelCheck(
        cell=cell,
        n=len(rounds),
        measured_ns=median(ordered),
        modelled_ns=round(float(np.median(walls))),
        measured_p90_ns=p90,
        modelled_p90_ns=None if p90 is None else round(float(np.quantile(walls, 0.90))),
        cpu_ratio=median(sorted(throttled.values())) / used if throttled and used else None,
    )


def _aligned(source: CellSummary, wall: str, cpu: str) -> bool:
    """Whether every trial that has the wall time has the CPU time too."""
    walls, cpus = source.samples.get(wall, ()), source.samples.get(cpu, ())
    return bool(walls) and len(walls) == len(cpus)


def _pooled(walls: Floats, confidence: float) -> Summary:
    """Summarise modelled wall times: trials in rows, equally likely phases in columns.

    Quantiles are those of all rows and columns together. The interval has the ranks that as many
    measured trials, each at a random phase, would have.
    """
    n = len(walls)
    values = np.sort(walls, axis=None)

    def at(share: float) -> int:
        return round(float(values[min(len(values) - 1, int(share * len(values)))]))

    rank = median_rank(n, confidence)
    return Summary(
        unit="ns",
        kind="modelled",
        n=n,
        median=round(float(np.median(values))),
        low=None if rank is None else at((rank - 0.5) / n),
        high=None if rank is None else at(1 - (rank - 0.5) / n),
        p90=at(0.90) if n >= 20 else None,
        p99=at(0.99) if n >= 200 else None,
    )
