"""What the clocks and the order of a run's trials say about it.

Durations are differences of the monotonic clock, which must never go back. It stands still while
the host is suspended, which the boot-time clock does not; and the time of day jumps against it when
somebody sets it, or when a virtual machine was stopped and made to catch up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise

from bench.model import Record, Trial
from bench.stats.samples import Samples

#: The session reads each pair of clocks one after the other, so that they differ by a little.
SUSPENDED_NS = 20_000_000
#: Corrections of the time of day by less than this are made gradually and mean nothing.
STEPPED_NS = 250_000_000
#: Backends that run the trials of a round at the same time, each started when it is ready.
_PARALLEL = frozenset({"aws"})


def clock_reasons(record: Record, samples: Samples) -> tuple[str, ...]:
    """The sentences that make a run unfit whose clocks or order of trials were disturbed."""
    places = [_place(trial) for trial in record.trials]
    trials: Sequence[Trial] = record.trials
    if any(earlier > later for earlier, later in pairwise(places)):
        trials = sorted(record.trials, key=_place)
    falls = _falls_by_round(trials) if record.backend in _PARALLEL else _falls(trials)
    return (
        *_negative(samples),
        *_backwards(falls),
        *_jumped(trials, "boottime_offset_ns", SUSPENDED_NS, "the host was suspended for"),
        *_jumped(trials, "realtime_offset_ns", STEPPED_NS, "the time of day was set by"),
    )


def _place(trial: Trial) -> tuple[int, int, int]:
    """Where the schedule has a trial: measuring process, round, position."""
    return (_session(trial), trial.round, trial.position)


def _negative(samples: Samples) -> tuple[str, ...]:
    bad = sum(
        sum(value < 0 for value in column.values)
        for sample in samples.values()
        for column in sample.columns.values()
        if min(column.values, default=0) < 0
    )
    return (f"{bad} durations are negative",) if bad else ()


def _backwards(falls: Sequence[Trial]) -> tuple[str, ...]:
    if not falls:
        return ()
    return (f"the monotonic clock went back {len(falls)} times, first in round {falls[0].round}",)


def _falls(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that started before the one that ran before them."""
    return [
        later for earlier, later in _neighbours(trials) if later.started_ns < earlier.started_ns
    ]


def _falls_by_round(trials: Sequence[Trial]) -> list[Trial]:
    """First trials of rounds, started before the last one of the round before.

    Within a round the order of starts is nobody's. Only trials that tell their session are
    compared: another one may have run on another boot.
    """
    known = [trial for trial in trials if "session" in trial.guards]
    rounds = [list(found) for _, found in groupby(known, lambda t: (_session(t), t.round))]
    spans = [(min(found, key=_start), max(found, key=_start)) for found in rounds]
    return [
        first
        for (_, last), (first, _) in pairwise(spans)
        if _session(first) == _session(last) and _start(first) < _start(last)
    ]


def _jumped(trials: Sequence[Trial], guard: str, limit_ns: int, words: str) -> tuple[str, ...]:
    known = [trial for trial in trials if guard in trial.guards]
    offsets = [trial.guards[guard] for trial in known]
    if not known or max(offsets) - min(offsets) <= limit_ns:
        return ()
    for earlier, later in _neighbours(known):
        jump_ns = later.guards[guard] - earlier.guards[guard]
        if abs(jump_ns) > limit_ns:
            return (f"{words} {jump_ns / 1e9:+.2f} s before round {later.round}",)
    return ()


def _neighbours(trials: Sequence[Trial]) -> Iterator[tuple[Trial, Trial]]:
    """Trials that followed each other in one measuring process."""
    for earlier, later in pairwise(trials):
        if _session(earlier) == _session(later):
            yield earlier, later


def _session(trial: Trial) -> int:
    return trial.guards.get("session", 0)


def _start(trial: Trial) -> int:
    return trial.started_ns
