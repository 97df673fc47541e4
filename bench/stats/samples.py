"""From trials to samples: which trials count, what is read from them, and how arms are paired.

One process is one observation: the warm invokes of a trial are one number, their median. One
round is one unit of comparison: only rounds that both arms completed are paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from bench.model import Arm, Cell, Trial
from bench.stats.intervals import median

#: Errors of this type are the harness's own; all other failed trials are the function's.
HARNESS_ERROR = "Harness."


Reader: TypeAlias = Callable[[Sequence[Trial]], list[int | None]]


def _phase(name: str) -> Reader:
    return lambda trials: [trial.phases.get(name) for trial in trials]


def _cpu(name: str) -> Reader:
    return lambda trials: [trial.cpu.get(name) for trial in trials]


def _warm_invoke(trials: Sequence[Trial]) -> list[int | None]:
    return _middles([trial.warm_invokes_ns for trial in trials])


def _cpu_warm_invoke(trials: Sequence[Trial]) -> list[int | None]:
    return _middles([trial.warm_cpu_ns for trial in trials])


def _middles(rows: Sequence[tuple[int, ...]]) -> list[int | None]:
    """The median of each row, None of an empty one; rows of one length are taken in one go."""
    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or 0 in lengths:
        return [median(sorted(row)) if row else None for row in rows]
    ordered = np.sort(np.array(rows, dtype=np.int64), axis=1)
    count = ordered.shape[1]
    found: list[int | None] = (
        (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) // 2
    ).tolist()
    return found


def _cpu_cold_total(trials: Sequence[Trial]) -> list[int | None]:
    return [
        None if init is None or first is None else init + first
        for init, first in ((t.cpu.get("init"), t.cpu.get("first_invoke")) for t in trials)
    ]


def _peak_memory(trials: Sequence[Trial]) -> list[int | None]:
    return [trial.peak_memory_bytes for trial in trials]


#: How each metric is read from trials; None where a trial does not have it.
METRICS: Mapping[str, Reader] = {
    "init": _phase("init"),
    "first_invoke": _phase("first_invoke"),
    "cold_total": _phase("cold_total"),
    "warm_invoke": _warm_invoke,
    "cpu_init": _cpu("init"),
    "cpu_first_invoke": _cpu("first_invoke"),
    "cpu_cold_total": _cpu_cold_total,
    "cpu_warm_invoke": _cpu_warm_invoke,
    "peak_memory": _peak_memory,
}


def unit(metric: str) -> Literal["ns", "bytes"]:
    """The unit of a metric."""
    return "bytes" if metric == "peak_memory" else "ns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One metric of one arm: the rounds that have it, ascending, and its value in each."""

    rounds: tuple[int, ...]
    values: tuple[int, ...]

    def by_round(self) -> dict[int, int]:
        """The value of each round."""
        return dict(zip(self.rounds, self.values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One arm of one cell: the metrics of its valid trials, and what became of the others."""

    cell: Cell
    arm: Arm
    #: Rounds with a valid trial. Of a round that ran twice the later trial counts, because a round
    #: is repeated as a whole.
    rounds: frozenset[int]
    columns: Mapping[str, Column]
    #: Where in its round each valid trial stood.
    positions: Column
    #: Rounds whose trial failed by the function's own doing.
    failed_rounds: frozenset[int]
    #: Rounds whose trial failed by the harness's doing.
    lost_rounds: frozenset[int]


Samples: TypeAlias = dict[tuple[Cell, Arm], Sample]


def collect(trials: Iterable[Trial]) -> Samples:
    """Sort the judged trials (all that are not of warm-up rounds) into cells and arms."""
    latest: dict[tuple[object, ...], dict[int, Trial]] = {}
    for trial in trials:
        if trial.discarded:
            continue
        key = (
            trial.function,
            trial.variant,
            trial.memory_mb,
            trial.event,
            trial.page_cache,
            trial.arm,
        )
        rounds = latest.setdefault(key, {})
        known = rounds.get(trial.round)
        if known is None or known.started_ns <= trial.started_ns:
            rounds[trial.round] = trial
    samples = map(_sample, latest.values())
    return {(sample.cell, sample.arm): sample for sample in samples}


def _sample(rounds: Mapping[int, Trial]) -> Sample:
    ordered = [rounds[number] for number in sorted(rounds)]
    valid = [trial for trial in ordered if trial.outcome == "ok"]
    failed = [trial for trial in ordered if trial.outcome != "ok"]
    lost = frozenset(trial.round for trial in failed if _is_harness_error(trial))
    numbers = tuple(trial.round for trial in valid)
    return Sample(
        cell=ordered[0].cell,
        arm=ordered[0].arm,
        rounds=frozenset(numbers),
        columns={metric: _column(numbers, valid, read) for metric, read in METRICS.items()},
        positions=Column(rounds=numbers, values=tuple([trial.position for trial in valid])),
        failed_rounds=frozenset(trial.round for trial in failed) - lost,
        lost_rounds=lost,
    )


def failed_trials(trials: Iterable[Trial]) -> Counter[Cell]:
    """How many trials of each cell failed, those of warm-up rounds and of both arms included."""
    return Counter(trial.cell for trial in trials if trial.outcome != "ok")


def never_worked(trials: Sequence[Trial]) -> frozenset[Cell]:
    """The cells without a valid trial, warm-up rounds included, that failed by their own doing.

    A session gives such a cell up, perhaps before the first judged round.
    """
    failed = [trial for trial in trials if trial.outcome != "ok"]
    suspects = {trial.cell for trial in failed if not _is_harness_error(trial)}
    if not suspects:
        return frozenset()
    return frozenset(suspects - {trial.cell for trial in trials if trial.outcome == "ok"})


def _column(rounds: tuple[int, ...], trials: Sequence[Trial], read: Reader) -> Column:
    values = read(trials)
    if None not in values:
        return Column(rounds=rounds, values=cast("tuple[int, ...]", tuple(values)))
    known = [value for value in values if value is not None]
    present = zip(rounds, values, strict=True)
    rounds = tuple(number for number, value in present if value is not None)
    return Column(rounds=rounds, values=tuple(known))


def _is_harness_error(trial: Trial) -> bool:
    return trial.error is None or trial.error.type.startswith(HARNESS_ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two arms on one metric over the rounds that both completed, in round order."""

    baseline: NDArray[np.float64]
    candidate: NDArray[np.float64]

    @property
    def log_ratios(self) -> NDArray[np.float64]:
        """``log(candidate / baseline)`` per round."""
        result: NDArray[np.float64] = np.log(self.candidate) - np.log(self.baseline)
        return result


def pair(baseline: Sample | None, candidate: Sample | None, metric: str) -> Pairs:
    """Pair two arms by round; a value of 0 has no ratio, so its round is left out."""
    if baseline is None or candidate is None:
        return Pairs(baseline=np.empty(0), candidate=np.empty(0))
    ours, theirs = baseline.columns[metric], candidate.columns[metric]
    first = np.array(ours.values, dtype=np.float64)
    second = np.array(theirs.values, dtype=np.float64)
    if ours.rounds != theirs.rounds:
        _, left, right = np.intersect1d(
            ours.rounds, theirs.rounds, assume_unique=True, return_indices=True
        )
        first, second = first[left], second[right]
    usable = (first > 0) & (second > 0)
    return Pairs(baseline=first[usable], candidate=second[usable])
