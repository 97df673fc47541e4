"""Acceptance on machines that never were: seeded, so that every count can be had again."""

from __future__ import annotations

import math
import random
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.backends.noise import Machine, adversaries
from bench.planning import LONG_LOOKS, LOOKS
from bench.simulation.comparisons import (
    Decision,
    Edit,
    block_false_alarms,
    clock_back,
    comparison,
    false_alarms,
    fixed_order,
    impatient_alarms,
    is_found,
    naive_alarms,
    suite_alarms,
    swapped_labels,
)
from bench.simulation.run import Setting, simulated_run
from bench.stats.judge import judge
from bench.stats.quota import PERIOD_NS, Bandwidth, throttled_walls
from bench.stats.samples import Pairs
from bench.stats.sequential import Design, look
from tests.acceptance.trend_simulation import FALSE_ALARMS, FIVE_PERCENT, TWO_PERCENT, named
from tests.acceptance.trend_simulation import false_alarms as trend_false_alarms
from tests.findings import Row, Section

#: How long a comparison of 122 rounds takes on these machines, in seconds.
_SESSION_S = 3.2
_EFFECTS = (-0.10, -0.05, -0.02, 0.0, 0.01, 0.02, 0.05, 0.10, 0.30)
_ALPHA = 0.01
#: Seeds of different questions do not overlap.
_SEEDS = 1_000_000


def allowed(count: int) -> int:
    """Three in three hundred, in proportion, and at least one."""
    return max(1, math.floor(_ALPHA * count))


def alarms(count: int) -> Section:
    """False alarms on quiet and adversarial machines, and block order beside."""
    rows = [_alarm("a quiet machine", Machine, count)]
    for name, make in adversaries(_SESSION_S).items():
        rows.append(_alarm(name, make, count))
        bitten = block_false_alarms(make, count // 4, seed=_SEEDS)
        rows.append(
            Row(
                what=f"{name}: all of A, then all of B",
                expected="fails: the noise bites",
                measured=f"{bitten} of {count // 4} false alarms",
                ok=bitten > 3 * allowed(count // 4),
            )
        )
    rows += _impatient(count)
    return Section(
        title="Nothing changed, on simulated machines",
        method="Comparisons of equal programs at alpha = .01, seeded; block order is judged by "
        "Mann-Whitney's test at .01 on the same machines.",
        rows=tuple(rows),
    )


def _alarm(name: str, make: Callable[[int], Machine], count: int) -> Row:
    found = false_alarms(make, count, seed=2 * _SEEDS)
    return Row(
        what=name,
        expected=f"≤ {allowed(count)} of {count} false alarms",
        measured=f"{found}",
        ok=found <= allowed(count),
    )


def _impatient(count: int) -> list[Row]:
    safe = impatient_alarms(Machine, count, seed=3 * _SEEDS)
    naive = naive_alarms(Machine, count // 4, seed=3 * _SEEDS)
    return [
        Row(
            what="a user who looks after every round and stops at the first success",
            expected=f"≤ {allowed(count)} of {count} false alarms",
            measured=f"{safe}",
            ok=safe <= allowed(count),
        ),
        Row(
            what="the same habit with a fixed-sample test",
            expected="more than that, or the question were idle",
            measured=f"{naive} of {count // 4}",
            ok=naive > allowed(count // 4),
        ),
    ]


def suites(count: int) -> Section:
    """Suites of forty cells in which nothing changed."""
    found = suite_alarms(Machine, count, cells=40, seed=4 * _SEEDS)
    row = Row(
        what="suites of 40 equal cells with any regression",
        expected=f"≤ {max(1, count // 100)} of {count}",
        measured=f"{found}",
        ok=found <= max(1, count // 100),
    )
    method = "Holm over the primary metric; a cell that looks slower goes on to its adjusted p."
    return Section(title="Many cells", method=method, rows=(row,))


def relabelled(traces: dict[str, list[int]], count: int) -> Section:
    """Stored traces of one program, cut and labelled at random, looked at as a run is."""
    rows = []
    for name, trace in traces.items():
        found = relabelled_alarms(trace, count, seed=len(trace))
        rows.append(
            Row(
                what=name,
                expected=f"≤ {allowed(count)} of {count} false alarms",
                measured=f"{found} (trace of {len(trace)} processes)",
                ok=found <= allowed(count),
            )
        )
    method = (
        f"Windows of {LOOKS[-1]} pairs of neighbours in a trace of one program, each pair labelled "
        "by a coin; an alarm is p ≤ .01 over all looks."
    )
    return Section(title="Stored traces, labelled again", method=method, rows=tuple(rows))


def relabelled_alarms(trace: list[int], count: int, seed: int) -> int:
    """How many of so many labellings of a trace raise an alarm."""
    draw = np.random.default_rng(seed)
    values = np.array(trace, dtype=np.float64)
    rounds = LOOKS[-1]
    design = Design(looks=LOOKS, confidence=1 - _ALPHA)
    found = 0
    for begin in range(0, count, 500):
        windows = [_window(values, rounds, draw) for _ in range(min(500, count - begin))]
        found += sum(e is not None and e.p <= _ALPHA for e in look(windows, design))
    return found


def _window(values: np.ndarray, rounds: int, draw: np.random.Generator) -> Pairs:
    start = draw.integers(0, len(values) - 2 * rounds + 1)
    pairs = values[start : start + 2 * rounds].reshape(rounds, 2)
    swapped = draw.integers(0, 2, size=rounds).astype(bool)
    return Pairs(
        baseline=np.where(swapped, pairs[:, 1], pairs[:, 0]),
        candidate=np.where(swapped, pairs[:, 0], pairs[:, 1]),
    )


def coverage(count: int) -> Section:
    """Whether intervals at the stop hold the truth, and whether stopping early leans."""
    each = max(1, count // len(_EFFECTS))
    decisions = {
        effect: [comparison(Machine(s), effect, seed=s) for s in _seeds(5, index, each)]
        for index, effect in enumerate(_EFFECTS)
    }
    total = each * len(_EFFECTS)
    held = sum(d.low <= 1 + e <= d.high for e, found in decisions.items() for d in found)
    rows = [
        Row(
            what=f"intervals that hold the truth, {total} injections from −10 to +30 %",
            expected="≥ 98.5 %",
            measured=f"{held} of {total} ({held / total:.2%})",
            ok=held >= 0.985 * total,
        )
    ]
    for effect in (-0.02, 0.02):
        bias = statistics.fmean(d.ratio - 1 - effect for d in decisions[effect]) * 100
        rows.append(
            Row(
                what=f"bias of the estimate at {effect:+.0%}",
                expected="≤ 0.10 points",
                measured=f"{bias:+.3f} points, n = {each}",
                ok=abs(bias) <= 0.1,
            )
        )
    method = (
        "Each comparison stops at the look that decides it; its interval is the one it stops with."
    )
    return Section(title="Intervals at the stop", method=method, rows=tuple(rows))


def _seeds(question: int, part: int, count: int) -> range:
    first = question * _SEEDS + part * 10_000
    return range(first, first + count)


def power(count: int) -> Section:
    """How soon changes are found, and equality is."""
    rows = [
        _found("+2 % found within 60 rounds", 0.02, 60, 0.95, count),
        _found("+5 % found within 24 rounds", 0.05, 24, 0.99, count),
        _found("+1 % found within 273 rounds", 0.01, 273, 0.90, count, looks=LONG_LOOKS),
    ]
    same = [comparison(Machine(s), 0.0, seed=s, margin=0.02) for s in _seeds(6, 3, count)]
    by_54 = sum(d.verdict == "same" and d.rounds <= 54 for d in same)
    rows.append(
        Row(
            what="nothing changed: `same` within ±2 % by 54 rounds",
            expected="≥ 90 %",
            measured=f"{by_54} of {count}",
            ok=by_54 >= 0.9 * count,
        )
    )
    method = "Found: the interval of a look excludes that nothing changed."
    return Section(
        title="Something changed, on simulated machines", method=method, rows=tuple(rows)
    )


def _found(
    what: str,
    effect: float,
    rounds: int,
    share: float,
    count: int,
    *,
    looks: tuple[int, ...] = LOOKS,
) -> Row:
    decisions: list[Decision] = [
        comparison(Machine(s), effect, seed=s, looks=looks, is_decided=is_found)
        for s in _seeds(6, round(effect * 100), count)
    ]
    found = sum(d.low > 1 and d.rounds <= rounds for d in decisions)
    middle = statistics.median(d.rounds for d in decisions)
    return Row(
        what=what,
        expected=f"≥ {share:.0%}",
        measured=f"{found} of {count} (median {middle:.0f} rounds)",
        ok=found >= share * count,
    )


def faults(count: int) -> Section:
    """Planted faults of the harness, each in whole runs through session, store and judge."""
    edits: dict[str, Edit] = {
        "fixed order": fixed_order,
        "swapped labels": swapped_labels,
        "clock going backwards": clock_back(10),
    }
    needed = math.ceil(0.99 * count)
    rows = [
        _fault_row(name, _unfit(edit, count), needed, count, "unfit")
        for name, edit in edits.items()
    ]
    rows.append(_fault_row("slot delay of 3 %", _corrected(count), needed, count, "corrected"))
    method = (
        "A stale binary and a variant staged by the linker are refused by digest before a trial."
    )
    return Section(title="Planted faults of the harness", method=method, rows=tuple(rows))


def _fault_row(name: str, found: int, needed: int, count: int, what: str) -> Row:
    return Row(
        what=f"{name}: {what}",
        expected=f"≥ {needed} of {count}",
        measured=f"{found}",
        ok=found >= needed,
    )


def _unfit(edit: Edit, count: int) -> int:
    found = 0
    for seed in range(count):
        setting = Setting(effects={"none": 0.0}, edit=edit, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            record = simulated_run(setting, Machine(seed), Path(scratch) / "run")
        found += judge(record).verdict == "unfit"
    return found


def _corrected(count: int) -> int:
    """Unfit, or no false verdict on the change that is not there."""
    found = 0
    for seed in range(count):
        setting = Setting(effects={"none": 0.0}, second_delay=0.03, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            record = simulated_run(setting, Machine(seed), Path(scratch) / "run")
        judgement = judge(record)
        words = {c.verdict for c in judgement.comparisons if c.metric == judgement.primary}
        found += not judgement.fit or words.isdisjoint({"slower", "faster"})
    return found


def trends(series: int) -> Section:
    """The nominations of `coldbench trend`, on series with and without a change."""
    rows = []
    for noise in ("normal", "t3"):
        found = trend_false_alarms(noise, series)
        rows.append(
            Row(
                what=f"unchanged series with any alarm in 60 appends, {noise} noise",
                expected=f"≤ {FALSE_ALARMS:.0%}",
                measured=f"{found} of {series}",
                ok=found <= FALSE_ALARMS * series,
            )
        )
    for goal in (FIVE_PERCENT, TWO_PERCENT):
        found, placed = named("normal", goal, series)
        rows.append(
            Row(
                what=f"{goal.change:+.0%} named within {goal.within} commits, sd .6 %",
                expected=f"≥ {goal.share:.0%}",
                measured=f"{found} of {series}, its place right in {placed}",
                ok=found >= goal.share * series,
            )
        )
    method = "Change points nominate; whoever is told has had the change measured again, paired."
    return Section(title="Trend", method=method, rows=tuple(rows))


def throttled_ratio(cells: int) -> Section:
    """The ratio of wall times under a quota, as modelled, against the ratio of CPU times."""
    draw = random.Random(cells)
    near = 0
    for _ in range(cells):
        near += _ratio_is_near(draw)
    row = Row(
        what="modelled wall ratio within ±1 point of the CPU ratio, quotas of 7 to 100 %",
        expected="≥ 95 % of cells",
        measured=f"{near} of {cells}",
        ok=near >= 0.95 * cells,
    )
    method = (
        "Work of 200 ms to 2 s and 5 % more of it, each over all phases of the period: what a "
        "gate on CPU time says holds for throttled wall time too."
    )
    return Section(title="Ratios under a quota", method=method, rows=(row,))


def _ratio_is_near(draw: random.Random) -> bool:
    share = draw.uniform(0.0724, 1.0)
    work_ns = draw.uniform(200e6, 2e9)
    limit = Bandwidth(quota_ns=round(PERIOD_NS * share))
    walls = [
        float(np.mean(throttled_walls(np.array([w]), np.zeros(1), limit)))
        for w in (work_ns, work_ns * 1.05)
    ]
    return abs(walls[1] / walls[0] - 1.05) <= 0.01
