"""Randomised complete rounds: every order of a run, as a pure function of its plan.

Each round runs every arm of every group it was allotted once. Inside a group the arms stand in
random order, and the groups of a round too, so that no drift of the machine can favour a variant.
All randomness comes from the plan's seed and the round's number, so a resumed run continues exactly
the plan it began. Which cells a round has is an :class:`~bench.model.Allocation`, on record as
well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.model import Allocation, Arm, Cell, Plan

#: Fresh copies of each arm's artifact, rotated over the rounds.
SLOTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One place of the schedule."""

    cell: Cell
    arm: Arm
    round: int
    position: int
    #: Which staged copy; the same for all arms of a group in a round.
    copy: int
    discarded: bool

    @property
    def key(self) -> tuple[object, ...]:
        """What a trial is the only one of: its round, cell and arm."""
        return (self.round, self.cell, self.arm)


def first_look(plan: Plan) -> int:
    """How many judged rounds every cell gets before anything is decided."""
    return plan.looks[0] if plan.looks else plan.rounds


def opening(plan: Plan) -> tuple[Allocation, ...]:
    """What is fixed beforehand: the discarded rounds, and all cells until the first look.

    The few rounds of the cells that check the quota model are spread evenly over the judged ones.
    """
    everything = tuple(range(len(plan.every_cell)))
    without_checks = everything[: len(everything) - len(plan.validation_cells)]
    checked = _validation_rounds(plan)
    found: list[Allocation] = []
    for number in range(plan.discarded_rounds + first_look(plan)):
        cells = everything if number in checked else without_checks
        if found and found[-1].cells == cells:
            last = found.pop()
            found.append(
                Allocation(first_round=last.first_round, rounds=last.rounds + 1, cells=cells)
            )
        else:
            found.append(Allocation(first_round=number, rounds=1, cells=cells))
    return tuple(found)


def rounds(
    plan: Plan, allocations: Sequence[Allocation] | None = None
) -> Iterator[tuple[Slot, ...]]:
    """The rounds of allocations in order; without any, those of the plan's opening."""
    cells = plan.every_cell
    for allocation in opening(plan) if allocations is None else allocations:
        chosen = tuple(cells[index] for index in allocation.cells)
        for number in range(allocation.first_round, allocation.first_round + allocation.rounds):
            yield round_slots(plan, number, chosen)


def round_slots(plan: Plan, number: int, cells: Sequence[Cell]) -> tuple[Slot, ...]:
    """All slots of one round over these cells, in the order in which they run."""
    draw = random.Random(f"{plan.seed}:{number}")
    groups = list(enumerate(_groups(cells)))
    draw.shuffle(groups)
    slots: list[Slot] = []
    for index, members in groups:
        arms: list[tuple[Cell, Arm]] = [(cell, "variant") for cell in members]
        arms += [(c, "aa") for c in members if is_control(plan, c)]
        draw.shuffle(arms)
        copy = (number + index) % SLOTS
        for cell, arm in arms:
            slots.append(
                Slot(
                    cell=cell,
                    arm=arm,
                    round=number,
                    position=len(slots),
                    copy=copy,
                    discarded=number < plan.discarded_rounds,
                )
            )
    return tuple(slots)


def hash_seed(plan: Plan, number: int) -> int:
    """``PYTHONHASHSEED`` of a round: one for all arms, another for each round.

    The order of sets and dictionaries' collisions is luck that all arms of a round share, and
    that no variant is lucky with all the time.
    """
    return random.Random(f"{plan.seed}:{number}:hash").randrange(1, 2**32)


def is_control(plan: Plan, cell: Cell) -> bool:
    """Whether this cell is its group's baseline, which runs a second time as the A/A arm."""
    shift = plan.known_shift
    if shift is not None and cell == shift.baseline:
        return True
    return plan.baselines.get(cell.function) == cell.variant and cell in plan.cells


def allotted_rounds(plan: Plan, allocations: Sequence[Allocation]) -> dict[Cell, frozenset[int]]:
    """The rounds in which each cell was to run; empty for a record without allocations."""
    cells = plan.every_cell
    found: dict[Cell, set[int]] = {cell: set() for cell in cells} if allocations else {}
    for allocation in allocations:
        numbers = range(allocation.first_round, allocation.first_round + allocation.rounds)
        for index in allocation.cells:
            found[cells[index]].update(numbers)
    return {cell: frozenset(numbers) for cell, numbers in found.items()}


def _groups(cells: Sequence[Cell]) -> list[list[Cell]]:
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    return list(groups.values())


def _validation_rounds(plan: Plan) -> frozenset[int]:
    if not plan.validation_cells or plan.validation_rounds <= 0:
        return frozenset()
    judged = first_look(plan)
    count = min(plan.validation_rounds, judged)
    return frozenset(plan.discarded_rounds + int(i * judged / count) for i in range(count))
