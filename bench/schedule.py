"""Randomised complete rounds: every order of a run, as a pure function of its plan.

Each round runs every arm of every group once. Inside a group the arms stand in random order, and
the groups of a round too, so that every cell spans the whole session and no drift of the machine
can favour a variant. All randomness comes from the plan's seed and the round's number, so a
resumed run continues exactly the plan it began.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bench.model import Arm, Cell, Plan

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


def rounds(plan: Plan) -> Iterator[tuple[Slot, ...]]:
    """The rounds of a run in order: first the discarded ones, then those that are judged."""
    for number in range(plan.discarded_rounds + plan.rounds):
        yield round_slots(plan, number)


def round_slots(plan: Plan, number: int) -> tuple[Slot, ...]:
    """All slots of one round, in the order in which they run."""
    draw = random.Random(f"{plan.seed}:{number}")
    in_order = _groups(plan.cells)
    if number in _validation_rounds(plan):
        in_order += _groups(plan.validation_cells)
    groups = list(enumerate(in_order))
    draw.shuffle(groups)
    slots: list[Slot] = []
    for index, cells in groups:
        arms: list[tuple[Cell, Arm]] = [(cell, "variant") for cell in cells]
        arms += [(c, "aa") for c in cells if is_control(plan, c)]
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
    return cell in plan.cells and plan.baselines[cell.function] == cell.variant


def _groups(cells: tuple[Cell, ...]) -> list[list[Cell]]:
    groups: dict[object, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.group, []).append(cell)
    return list(groups.values())


def _validation_rounds(plan: Plan) -> frozenset[int]:
    """Spread the few validation rounds evenly over the judged ones."""
    if not plan.validation_cells or plan.validation_rounds <= 0:
        return frozenset()
    step = plan.rounds / plan.validation_rounds
    return frozenset(
        plan.discarded_rounds + int(i * step)
        for i in range(min(plan.validation_rounds, plan.rounds))
    )
