"""Whole comparisons and runs on machines that never were: what the statistics are held to.

Everything here is a pure function of a seed. ``comparison`` is the fast way: pairs in random order,
looked at as a run does. ``simulated_run`` goes through the session, the record and the judge.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.backends.noise import Machine
from bench.judgement import Verdict
from bench.model import Plan, Trial
from bench.planning import LOOKS
from bench.stats.anytime import anytime_p
from bench.stats.paired import Estimate
from bench.stats.samples import Pairs
from bench.stats.scores import Floats, normal_p
from bench.stats.sequential import SETTLED, Design, StopRule, look
from bench.stats.stopping_bias import unbiased
from bench.stats.verdicts import holm, word

#: The work of the baseline: a process of 10 ms.
WORK_NS = 10_000_000
MachineMaker = Callable[[int], Machine]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a simulated comparison ended."""

    verdict: Verdict
    rounds: int
    ratio: float
    low: float
    high: float
    #: Over all looks so far.
    p: float


def rounds_on(machine: Machine, effect: float, seed: int) -> Iterator[tuple[int, int]]:
    """CPU times of baseline and candidate, round after round, each in the order of a fair coin."""
    coin = random.Random(f"order:{seed}")
    while True:
        works = [(0, WORK_NS), (1, WORK_NS * (1 + effect))]
        coin.shuffle(works)
        taken = {
            arm: machine.cpu_ns(work_ns, first_in_pair=place == 0)
            for place, (arm, work_ns) in enumerate(works)
        }
        yield taken[0], taken[1]


def comparison(
    machine: Machine,
    effect: float,
    *,
    seed: int,
    looks: Sequence[int] = LOOKS,
    confidence: float = 0.99,
    margin: float = 0.01,
    is_decided: Callable[[Estimate], bool] | None = None,
) -> Decision:
    """One comparison that stops as a run stops it, at the first look that decides.

    ``is_decided`` is asked instead, where given: what a suite needs to go on to its adjusted p.
    """
    design = Design(
        looks=tuple(looks),
        confidence=confidence,
        final=False,
        stop=StopRule(margin=margin, confidence=confidence),
    )
    source = rounds_on(machine, effect, seed)
    baseline: list[int] = []
    candidate: list[int] = []
    for rounds in looks:
        while len(baseline) < rounds:
            first, second = next(source)
            baseline.append(first)
            candidate.append(second)
        (found,) = look([_pairs(baseline, candidate)], design)
        assert found is not None, "there are rounds"
        decided = is_decided(found) if is_decided else _settled(found, margin)
        if decided or rounds == looks[-1]:
            return _decision(unbiased(found, design), margin)
    raise ValueError("a comparison needs at least one look")


def is_found(found: Estimate) -> bool:
    """Whether the interval of an estimate excludes that nothing changed."""
    return (found.low or 0.0) > 1 or (found.high or math.inf) < 1


def _settled(found: Estimate, margin: float) -> bool:
    return word(found.low, found.high, margin) in SETTLED


def _decision(found: Estimate, margin: float) -> Decision:
    return Decision(
        verdict=word(found.low, found.high, margin),
        rounds=found.n,
        ratio=found.ratio,
        low=found.low or 0.0,
        high=found.high or math.inf,
        p=found.p,
    )


def _pairs(baseline: Sequence[int], candidate: Sequence[int]) -> Pairs:
    return Pairs(
        baseline=np.array(baseline, dtype=np.float64),
        candidate=np.array(candidate, dtype=np.float64),
    )


def false_alarms(make: MachineMaker, count: int, *, seed: int = 0) -> int:
    """How many of so many comparisons of equal programs are called faster or slower."""
    found = (comparison(make(seed + i), 0.0, seed=seed + i).verdict for i in range(count))
    return sum(verdict in ("faster", "slower") for verdict in found)


def block_false_alarms(make: MachineMaker, count: int, *, rounds: int = 54, seed: int = 0) -> int:
    """The same machines, measured as most tools do: all of A, then all of B; Mann-Whitney, p < .01.

    The machine is used up in one go, so that each comparison has the whole of its disturbance.
    """
    alarms = 0
    for index in range(count):
        machine = make(seed + index)
        blocks = [
            [machine.cpu_ns(WORK_NS, first_in_pair=arm == 0) for _ in range(rounds)]
            for arm in range(2)
        ]
        alarms += mann_whitney_p(*(np.array(block, dtype=np.float64) for block in blocks)) < 0.01
    return alarms


def mann_whitney_p(first: Floats, second: Floats) -> float:
    """Two-sided p of the rank-sum test, by the normal approximation, without ties."""
    ranks = np.argsort(np.argsort(np.concatenate([first, second]))) + 1
    n, m = len(first), len(second)
    expected, variance = n * (n + m + 1) / 2, n * m * (n + m + 1) / 12
    return normal_p((float(ranks[:n].sum()) - expected) / math.sqrt(variance))


def impatient_alarms(make: MachineMaker, count: int, *, rounds: int = 122, seed: int = 0) -> int:
    """Users who look after every round and stop at the first success of the e-process."""
    alarms = 0
    for index in range(count):
        source = rounds_on(make(seed + index), 0.0, seed + index)
        pairs = [next(source) for _ in range(rounds)]
        row = np.log([b for _, b in pairs]) - np.log([a for a, _ in pairs])
        alarms += anytime_p(row) <= 0.01
    return alarms


def naive_alarms(make: MachineMaker, count: int, *, rounds: int = 122, seed: int = 0) -> int:
    """The same users with a fixed-sample test, which is what the e-process is there for."""
    alarms = 0
    single = Design(looks=(), confidence=0.99)
    for index in range(count):
        source = rounds_on(make(seed + index), 0.0, seed + index)
        pairs = [next(source) for _ in range(rounds)]
        looked = [_pairs(*zip(*pairs[:n], strict=True)) for n in range(16, rounds + 1, 2)]
        alarms += any(found is not None and found.p <= 0.01 for found in look(looked, single))
    return alarms


def suite_alarms(
    make: MachineMaker, suites: int, *, cells: int = 40, seed: int = 0, alpha: float = 0.01
) -> int:
    """How many suites of equal cells have any regression after Holm's adjustment."""
    alarms = 0
    for suite in range(suites):
        first = seed + suite * cells
        found = [
            comparison(make(first + i), 0.0, seed=first + i, is_decided=_suite_stop(cells, alpha))
            for i in range(cells)
        ]
        adjusted = holm([decision.p for decision in found])
        alarms += any(
            decision.verdict == "slower" and p <= alpha
            for decision, p in zip(found, adjusted, strict=True)
        )
    return alarms


def _suite_stop(cells: int, alpha: float) -> Callable[[Estimate], bool]:
    """Decided, and where it looks slower, also with the strictest factor that Holm can apply."""

    def stop(found: Estimate) -> bool:
        verdict = word(found.low, found.high, 0.01)
        return verdict in SETTLED and (verdict != "slower" or found.p * cells <= alpha)

    return stop


Edit = Callable[[Trial, Plan], Trial]


def swapped_labels(trial: Trial, plan: Plan) -> Trial:
    """A harness that runs the candidate where it says baseline, and the other way round."""
    names = {cell.variant for cell in plan.every_cell if cell.group == trial.cell.group}
    if trial.arm != "variant" or len(names) != 2:
        return trial
    (other,) = names - {trial.variant}
    return replace(trial, variant=other)


def clock_back(after_round: int, by_ns: int = 1_000_000_000) -> Edit:
    """A monotonic clock that went back."""

    def edit(trial: Trial, _plan: Plan) -> Trial:
        if trial.round < after_round:
            return trial
        return replace(trial, started_ns=trial.started_ns - by_ns)

    return edit


def suspended(after_round: int, by_ns: int = 5_000_000_000) -> Edit:
    """A host that slept."""

    def edit(trial: Trial, _plan: Plan) -> Trial:
        if trial.round < after_round:
            return trial
        offset = trial.guards.get("boottime_offset_ns", 0) + by_ns
        return replace(trial, guards={**trial.guards, "boottime_offset_ns": offset})

    return edit


def fixed_order(trial: Trial, plan: Plan) -> Trial:
    """A scheduler that always runs the baseline first, then its copy, then the candidates."""
    group = [cell for cell in plan.every_cell if cell.group == trial.cell.group]
    place = group.index(trial.cell) * 2 + (trial.arm == "aa")
    return replace(trial, position=1_000 * plan.every_cell.index(group[0]) + place)
