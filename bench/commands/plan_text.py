"""``--dry-run``: the plan in words, with nothing measured and nothing written."""

from __future__ import annotations

from bench.model import Plan, Record
from bench.session.schedule import rounds


def describe(record: Record) -> str:
    """The groups, arms and rounds of a plan, and how many trials that makes."""
    plan = record.plan
    variants: dict[tuple[str, int, str], list[str]] = {}
    for cell in plan.cells:
        key = (cell.function, cell.memory_mb, cell.event)
        variants.setdefault(key, []).append(cell.variant)
    lines = [
        f"{function}, event {event}, {memory_mb} MB: {', '.join(names)}"
        for (function, memory_mb, event), names in variants.items()
    ]
    modelled = [str(size) for size in plan.memory_sizes_mb if _is_modelled(size, plan)]
    trials = sum(len(slots) for slots in rounds(plan))
    lines += [
        "",
        f"{len(plan.cells)} cells in {len(variants)} groups, "
        f"{plan.discarded_rounds} discarded and {plan.rounds} judged rounds, {trials} trials, "
        f"seed {plan.seed}",
    ]
    if modelled:
        lines.append(
            f"modelled memory sizes: {', '.join(modelled)} MB, checked on "
            f"{len(plan.validation_cells)} cells in {plan.validation_rounds} rounds"
        )
    if record.failed_builds:
        lines.append(f"{len(record.failed_builds)} builds failed")
    return "\n".join(lines) + "\n"


def _is_modelled(memory_mb: int, plan: Plan) -> bool:
    """Whether some function has this size below the ones that are measured of it."""
    sizes: dict[str, set[int]] = {}
    for cell in plan.cells:
        sizes.setdefault(cell.function, set()).add(cell.memory_mb)
    return any(memory_mb < max(own) and memory_mb not in own for own in sizes.values())
