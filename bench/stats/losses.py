"""Rounds that the harness owed and did not deliver."""

from __future__ import annotations

from collections.abc import Mapping

from bench.model import Arm, Cell, Record
from bench.session.schedule import allotted_rounds, is_control
from bench.stats.samples import Sample, Samples, never_worked

#: More than this share of the judged rounds lost to the harness makes a run unfit.
LOST_ROUNDS_MAX = 0.01


def lost_reason(record: Record, samples: Samples) -> tuple[str, ...]:
    """The sentence that makes a run unfit which lost too many trials."""
    lost, expected = lost_rounds(record, samples)
    if lost <= LOST_ROUNDS_MAX * expected:
        return ()
    return (
        f"{lost} of {expected} judged trials were lost to the harness"
        f" (more than {LOST_ROUNDS_MAX:.0%})",
    )


def lost_rounds(record: Record, samples: Samples) -> tuple[int, int]:
    """How many trials the harness lost, of how many it owed.

    An arm owes one trial in each round that its group began and that was allotted to it; the last
    round of an interrupted run, or of one that a budget ended, is forgiven. A function's own
    failures are trials like any other, and a cell that never worked owes nothing: the session gives
    it up after its first trials.
    """
    plan = record.plan
    failed_builds = {(build.function, build.variant) for build in record.failed_builds}
    broken = never_worked(record.trials)
    groups: dict[object, list[tuple[Cell, Arm]]] = {}
    for cell in dict.fromkeys(plan.every_cell[: -len(plan.validation_cells) or None]):
        if cell in broken or (cell.function, cell.variant) in failed_builds:
            continue
        arms: tuple[Arm, ...] = ("variant", "aa") if is_control(plan, cell) else ("variant",)
        groups.setdefault(cell.group, []).extend((cell, arm) for arm in arms)
    allotted = allotted_rounds(plan, record.allocations)
    forgiving = not record.complete or plan.budget_s is not None
    lost = expected = 0
    for group in groups.values():
        gone, owed = _of_group(group, samples, allotted, forgiving=forgiving)
        lost, expected = lost + gone, expected + owed
    return lost, expected


def _of_group(
    arms: list[tuple[Cell, Arm]],
    samples: Samples,
    allotted: Mapping[Cell, frozenset[int]],
    *,
    forgiving: bool,
) -> tuple[int, int]:
    present = {key: samples[key] for key in arms if key in samples}
    begun = set[int]().union(*(_rounds(sample) for sample in present.values()))
    if forgiving and begun:
        begun.discard(max(begun))
    lost = expected = 0
    for cell, arm in arms:
        sample = present.get((cell, arm))
        if sample is None and forgiving:
            continue
        owed = begun & allotted[cell] if cell in allotted else begun
        here = set[int]() if sample is None else _rounds(sample) - sample.lost_rounds
        lost += len(owed - here)
        expected += len(owed)
    return lost, expected


def _rounds(sample: Sample) -> set[int]:
    return set(sample.rounds | sample.failed_rounds | sample.lost_rounds)
