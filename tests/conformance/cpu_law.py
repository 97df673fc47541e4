"""The CPU law: what a busy function gets of a processor, by memory size and phase."""

from __future__ import annotations

import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bench.subjects import MEMORY_ONE_VCPU_MB, CpuMode
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

#: CPU time in ms that a busy loop of 5 s wall time is given on Lambda, and how near is near
#: enough; at one vCPU a lower bound.
_BUSY_MS = {128: (361, 5), 512: (1450, 10), 1024: (2900, 20)}
_BUSY_FULL_MS = 4_900
_BUSY_S = 5.0
#: Published for Python and for Rust: a CPU-bound handler at 128 MB against one at 1,769 MB.
_RATIO_128 = 13.6
_HANDLER_MS = 200
_INIT_MS = 100
_FIXED_ITERATIONS = 1_500_000
_SIZES = (128, 256, 512, 1024, 1769)
_TOLERANCE = 0.05


def check(scratch: Path, rounds: int) -> tuple[Section, ...]:
    """Busy loops, init times and handler times; everything in random order, medians of rounds."""
    throttled = Workload("on-demand", scratch)
    try:
        if throttled.limits.version == "none":
            return (_impossible(throttled.limits.reason),)
        sections = (_busy(throttled, rounds), _handler(throttled, rounds))
        on_demand = _init_times(throttled, rounds)
    finally:
        throttled.close()
    provisioned = Workload("provisioned", scratch)
    try:
        scaled = _init_times(provisioned, rounds)
    finally:
        provisioned.close()
    return (*sections, _flat(on_demand), _scales(scaled))


def _impossible(reason: str) -> Section:
    row = Row(what="CPU limits", expected="available", measured=reason, ok=False)
    return Section(title="CPU law", method="Not measured: no CPU limits here.", rows=(row,))


def in_random_order(
    sizes: tuple[int, ...], rounds: int, measure: Callable[[int], float]
) -> dict[int, list[float]]:
    """``rounds`` values per memory size, each round in an order of its own."""
    order = random.Random(rounds)
    values: dict[int, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for size in order.sample(sizes, len(sizes)):
            values[size].append(measure(size))
    return values


def _busy(workload: Workload, rounds: int) -> Section:
    event: dict[str, object] = {"kind": "busy", "seconds": _BUSY_S}
    sizes = (*_BUSY_MS, MEMORY_ONE_VCPU_MB)
    found = in_random_order(
        sizes, rounds, lambda size: workload.trial(size, event).cpu["first_invoke"] / 1e6
    )
    rows = [
        Row(
            what=f"{size} MB",
            expected=f"{ms} ± {near} ms",
            measured=_spread(found[size]),
            ok=abs(statistics.median(found[size]) - ms) <= near,
        )
        for size, (ms, near) in _BUSY_MS.items()
    ]
    full = found[MEMORY_ONE_VCPU_MB]
    rows.append(
        Row(
            what=f"{MEMORY_ONE_VCPU_MB} MB",
            expected=f"≥ {_BUSY_FULL_MS} ms",
            measured=_spread(full),
            ok=statistics.median(full) >= _BUSY_FULL_MS,
        )
    )
    method = (
        f"CPU time of the environment in a handler that is busy for {_BUSY_S:.0f} s of wall time."
    )
    return Section(title="A busy loop in the handler", method=method, rows=tuple(rows))


def _spread(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.0f} ms ({low:.0f}–{high:.0f}, n = {len(values)})"


def _handler(workload: Workload, rounds: int) -> Section:
    event: dict[str, object] = {"kind": "work", "cpu_ms": _HANDLER_MS}
    found = in_random_order(
        (128, MEMORY_ONE_VCPU_MB),
        rounds * 2,
        lambda size: workload.trial(size, event).phases["first_next"] / 1e6,
    )
    slow, fast = (statistics.median(found[size]) for size in (128, MEMORY_ONE_VCPU_MB))
    row = Row(
        what="Duration at 128 MB ÷ at 1769 MB",
        expected=f"{_RATIO_128} × ± {_TOLERANCE:.0%}",
        measured=f"{slow / fast:.2f} × ({slow:.0f} ms ÷ {fast:.0f} ms, n = {rounds * 2} each)",
        ok=abs(slow / fast / _RATIO_128 - 1) <= _TOLERANCE,
    )
    method = (
        f"A handler that works for {_HANDLER_MS} ms of CPU time, by its own CPU clock: the speed "
        "of the processor, which on a shared machine moves by itself, is not what is checked."
    )
    return Section(
        title="A CPU-bound handler", method=method, rows=(row,), notes=(_price(workload, rounds),)
    )


def _price(workload: Workload, rounds: int) -> str:
    """What being stopped and started costs: caches are cold after each stop."""
    event: dict[str, object] = {"kind": "fixed", "iterations": _FIXED_ITERATIONS}
    found = in_random_order(
        (128, MEMORY_ONE_VCPU_MB),
        rounds * 2,
        lambda size: workload.trial(size, event).cpu["first_invoke"] / 1e6,
    )
    slow, fast = (statistics.median(found[size]) for size in (128, MEMORY_ONE_VCPU_MB))
    return (
        f"A fixed number of steps takes {slow / fast:.2f} × the CPU time at 128 MB that it takes "
        f"at {MEMORY_ONE_VCPU_MB} MB ({slow:.0f} ms against {fast:.0f} ms, n = {rounds * 2} each)."
    )


def _init_times(workload: Workload, rounds: int) -> dict[int, list[float]]:
    event: dict[str, object] = {"kind": "work", "cpu_ms": 0}
    return in_random_order(
        _SIZES,
        rounds * 2,
        lambda size: workload.trial(size, event, init_cpu_ms=_INIT_MS).phases["init"] / 1e6,
    )


def _flat(found: dict[int, list[float]]) -> Section:
    full = statistics.median(found[MEMORY_ONE_VCPU_MB])
    rows = tuple(
        Row(
            what=f"{size} MB against {MEMORY_ONE_VCPU_MB} MB",
            expected=f"1.00 × ± {_TOLERANCE:.0%}",
            measured=f"{statistics.median(found[size]) / full:.3f} × "
            f"({statistics.median(found[size]):.0f} ms, n = {len(found[size])})",
            ok=abs(statistics.median(found[size]) / full - 1) <= _TOLERANCE,
        )
        for size in _SIZES[:-1]
    )
    return Section(
        title="Init on demand is not throttled", method=_init_method("on-demand"), rows=rows
    )


def _scales(found: dict[int, list[float]]) -> Section:
    full = statistics.median(found[MEMORY_ONE_VCPU_MB])
    rows = tuple(
        Row(
            what=f"{size} MB against {MEMORY_ONE_VCPU_MB} MB",
            expected=f"{MEMORY_ONE_VCPU_MB / size:.2f} × ± 10 %",
            measured=f"{statistics.median(found[size]) / full:.2f} × "
            f"({statistics.median(found[size]):.0f} ms, n = {len(found[size])})",
            ok=abs(statistics.median(found[size]) / full * size / MEMORY_ONE_VCPU_MB - 1) <= 0.1,
        )
        for size in _SIZES[:-1]
    )
    return Section(
        title="Init with provisioned concurrency scales",
        method=_init_method("provisioned"),
        rows=rows,
    )


def _init_method(mode: CpuMode) -> str:
    return f"Init Duration of a module with {_INIT_MS} ms of CPU time on import, `--cpu {mode}`."
