"""What to measure next: a pure function of what is on record so far.

After the first look, which every cell gets, rounds go where they can still decide something. A cell
that is clear of the margin, and of what a gate holds it to, drops out; the baseline and its A/A arm
stay as long as one of their group is undecided. What is left goes on to its next look, first those
whose interval is widest in units of their margin for each second that a round costs. While the
budget is ample all of them go on together, so that each spans the whole session.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bench.model import Allocation, Cell, Plan, Record, Trial
from bench.session.schedule import first_look, is_control
from bench.stats.comparisons import baseline_cell
from bench.stats.controls import error_of_a_part
from bench.stats.known_shift import known_shift
from bench.stats.paired import Estimate
from bench.stats.samples import Pairs, Samples, collect, never_worked, pair
from bench.stats.sequential import SETTLED, look, planned_design
from bench.stats.threshold import Seen, excesses_of, thresholds
from bench.stats.verdicts import holm, word

#: One step takes at most this share of what is left of a budget, so that it can be reconsidered.
STEP_SHARE = 0.25
#: Phases at which the quota model is checked, where the time for it is there.
CHECK_ROUNDS = 20
#: The part of a budget that these checks may take, and what a run without a budget grants them.
CHECK_SHARE = 0.05
CHECK_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cells that share rounds: the undecided ones with what they are compared with."""

    cells: tuple[Cell, ...]
    #: How many rounds it is from the next look, and what one of them costs.
    rounds: int
    round_s: float
    #: The widest interval of an undecided cell, in units of its margin.
    width: float

    @property
    def urgency(self) -> float:
        """Width of the interval, in margins, per second of a round."""
        return self.width / max(self.round_s, 1e-6)


def next_allocations(record: Record, remaining_s: float | None) -> tuple[Allocation, ...]:
    """The next rounds to run; empty when everything is decided, or nothing more can be.

    Args:
        record: the plan, and all trials so far.
        remaining_s: what is left of the budget; None without one.
    """
    plan = record.plan
    samples = collect(record.trials)
    costs = trial_seconds(record.trials)
    number = 1 + max((a.first_round + a.rounds - 1 for a in record.allocations), default=-1)
    chosen = _affordable(undecided(record, samples, costs), remaining_s)
    checks = () if remaining_s is not None and remaining_s <= 0 else _checks(record, costs)
    return _interleaved(plan, number, (*chosen, *checks))


def undecided(record: Record, samples: Samples, costs: Mapping[Cell, float]) -> list[Group]:
    """The groups that still have something to decide, the most urgent first."""
    plan = record.plan
    open_cells = _open_cells(record, samples)
    by_group: dict[object, list[tuple[Cell, int, float]]] = {}
    for cell, rounds, width in open_cells:
        by_group.setdefault(cell.group, []).append((cell, rounds, width))
    groups = []
    for members in by_group.values():
        cells = (_baseline(members[0][0], plan), *(cell for cell, *_ in members))
        groups.append(
            Group(
                cells=cells,
                rounds=max(rounds for _, rounds, _ in members),
                round_s=sum(costs.get(c, 0.0) * (1 + is_control(plan, c)) for c in cells),
                width=max(width for *_, width in members),
            )
        )
    return sorted(groups, key=lambda group: -group.urgency)


def _baseline(cell: Cell, plan: Plan) -> Cell:
    shift = plan.known_shift
    found = baseline_cell(cell, plan)
    if found is None:
        assert shift is not None, "only cells with a baseline are undecided"
        return shift.baseline
    return found


def _open_cells(record: Record, samples: Samples) -> list[tuple[Cell, int, float]]:
    """Undecided cells, the rounds to their next look, and their width in margins."""
    plan = record.plan
    shift = plan.known_shift
    design = planned_design(plan)
    broken = never_worked(record.trials)
    candidates = [c for c in dict.fromkeys(plan.cells) if baseline_cell(c, plan) is not None]
    everything = [*candidates, *([shift.shifted] if shift else [])]
    pairs = [
        pair(
            samples.get((_baseline(c, plan), "variant")), samples.get((c, "variant")), plan.primary
        )
        for c in everything
    ]
    seen = look(pairs, design)
    decided = _decided(seen[: len(candidates)], pairs[: len(candidates)], record)
    judged = _judged_rounds(plan, record.allocations)
    found = []
    for index, (cell, estimate) in enumerate(zip(everything, seen, strict=True)):
        known = len(pairs[index].baseline)
        following = design.next_look(known)
        spent = judged.get(cell, first_look(plan)) >= plan.rounds
        if cell in broken or spent or following is None:
            continue
        if index < len(candidates) and decided[index]:
            continue
        if index >= len(candidates) and _is_shown(plan, samples):
            continue
        found.append((cell, following - known, _width(estimate, plan)))
    return found


def _is_shown(plan: Plan, samples: Samples) -> bool:
    """Whether the known shift is found, or missed, by what it will be judged by."""
    design = planned_design(plan)
    found = known_shift(plan, samples, design, confidence=1 - error_of_a_part(design))
    return any(control.judged for control in found.controls)


def _decided(seen: Sequence[Estimate | None], pairs: Sequence[Pairs], record: Record) -> list[bool]:
    """Whether each cell is clear of the margin, and of every threshold of the run's gate."""
    plan = record.plan
    looked = [_seen(estimate, p, plan) for estimate, p in zip(seen, pairs, strict=True)]
    gates = [excesses_of(looked, t, plan.confidence) for t in thresholds(record)]
    passed = _passed(seen, plan)
    return [
        _is_decided(estimate, plan, adjusted=passed[index])
        and all(gate[index] != "unknown" for gate in gates)
        for index, estimate in enumerate(seen)
    ]


def _seen(estimate: Estimate | None, pairs: Pairs, plan: Plan) -> Seen:
    rows = pairs.log_ratios
    if estimate is None:
        return Seen(rows, None, None, len(plan.looks))
    return Seen(rows[: estimate.n], estimate.low, estimate.high, len(plan.looks))


def _passed(seen: Sequence[Estimate | None], plan: Plan) -> list[bool]:
    """Whether the Holm-adjusted p of each cell is below the error of the run."""
    adjusted = holm([1.0 if estimate is None else estimate.p for estimate in seen])
    return [p <= 1 - plan.confidence for p in adjusted]


def _is_decided(estimate: Estimate | None, plan: Plan, *, adjusted: bool) -> bool:
    """A cell that looks slower goes on until its adjusted p passes: the gate needs that one."""
    if estimate is None:
        return False
    found = word(estimate.low, estimate.high, plan.margin_of(plan.primary))
    return found in SETTLED and (found != "slower" or adjusted)


def _width(estimate: Estimate | None, plan: Plan) -> float:
    if estimate is None or estimate.low is None or estimate.high is None:
        return 1e3
    return float(np.log(estimate.high / estimate.low) / np.log1p(plan.margin_of(plan.primary)))


def _judged_rounds(plan: Plan, allocations: Sequence[Allocation]) -> dict[Cell, int]:
    """How many judged rounds each cell has been allotted so far."""
    counts: dict[Cell, int] = {}
    cells = plan.every_cell
    for allocation in allocations:
        first = max(allocation.first_round, plan.discarded_rounds)
        judged = max(0, allocation.first_round + allocation.rounds - first)
        for index in allocation.cells:
            counts[cells[index]] = counts.get(cells[index], 0) + judged
    return counts


def trial_seconds(trials: Sequence[Trial]) -> dict[Cell, float]:
    """What a trial of each cell costs: the median time to the start of the next trial."""
    spans: dict[Cell, list[int]] = {}
    for earlier, later in pairwise(trials):
        span_ns = later.started_ns - earlier.started_ns
        same = earlier.guards.get("session") == later.guards.get("session")
        if same and 0 <= later.round - earlier.round <= 1 and span_ns > 0:
            spans.setdefault(earlier.cell, []).append(span_ns)
    return {cell: float(np.median(values)) / 1e9 for cell, values in spans.items()}


def _affordable(groups: Sequence[Group], remaining_s: float | None) -> list[Group]:
    """All groups where there is time for all, else the most urgent as far as a step reaches."""
    if remaining_s is None or sum(g.rounds * g.round_s for g in groups) <= remaining_s:
        return list(groups)
    chosen: list[Group] = []
    left_s = remaining_s * STEP_SHARE
    for group in groups:
        cost_s = group.rounds * group.round_s
        if chosen and cost_s > left_s:
            break
        chosen.append(group)
        left_s -= cost_s
    return chosen


def _checks(record: Record, costs: Mapping[Cell, float]) -> list[Group]:
    """More rounds for cheap checks of the quota model, once: quantiles need them."""
    plan = record.plan
    missing = CHECK_ROUNDS - plan.validation_rounds
    if missing <= 0 or not plan.validation_cells or _has_checked(record):
        return []
    share_s = CHECK_SECONDS if plan.budget_s is None else plan.budget_s * CHECK_SHARE
    each_s = share_s / len(plan.validation_cells)
    return [
        Group(cells=(cell,), rounds=missing, round_s=costs[cell], width=0.0)
        for cell in plan.validation_cells
        if cell in costs and costs[cell] * missing <= each_s
    ]


def _has_checked(record: Record) -> bool:
    first_check = len(record.plan.every_cell) - len(record.plan.validation_cells)
    opened = record.plan.discarded_rounds + first_look(record.plan)
    return any(
        a.first_round >= opened and max(a.cells, default=0) >= first_check
        for a in record.allocations
    )


def _interleaved(plan: Plan, number: int, groups: Sequence[Group]) -> tuple[Allocation, ...]:
    """Rounds over all groups at once, from which those that have had theirs drop out."""
    index = {cell: place for place, cell in reversed(list(enumerate(plan.every_cell)))}
    found = []
    done = 0
    for stop in sorted({group.rounds for group in groups}):
        cells = sorted({index[c] for g in groups if g.rounds >= stop for c in g.cells})
        found.append(Allocation(first_round=number + done, rounds=stop - done, cells=tuple(cells)))
        done = stop
    return tuple(found)
