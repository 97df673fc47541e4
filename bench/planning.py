"""From what was asked for and what was built to a plan: which cells are measured, how often."""

from __future__ import annotations

import fnmatch
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.config import Settings
from bench.errors import MeasurementError, UsageError
from bench.functions.targets import Selection
from bench.model import PRIMARY, Cell, Plan
from bench.settings import margins_of
from bench.subjects import MEMORY_ONE_VCPU_MB, Artifact

#: The looks of the sequential test, each half as far again as the one before, and those that a
#: budget of one's own adds.
LOOKS = (16, 24, 36, 54, 81, 122)
LONG_LOOKS = (*LOOKS, 182, 273)
#: How long a run measures at most that was not told otherwise.
DEFAULT_BUDGET_S = 180.0
#: Discarded by rule, so that caches are in the declared state for all that count.
DISCARDED_ROUNDS = 3
#: Trials of each cell that checks the quota model.
VALIDATION_ROUNDS = 3
#: A seed drawn for a user is short enough to be typed again.
_SEEDS = 1_000_000

Artifacts = Mapping[tuple[str, str], Artifact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What shapes a plan besides the settings."""

    #: Whether memory sizes can be enforced here; without, all but the largest are modelled.
    limits: bool
    everything: bool = False
    smoke: bool = False
    #: Measure every memory size and model none: what the cloud takes costs no time here.
    sizes: bool = False
    #: The metric that verdicts rest on.
    primary: str = PRIMARY


def make_plan(
    selections: Sequence[Selection], artifacts: Artifacts, settings: Settings, wishes: Wishes
) -> Plan:
    """Choose the cells and rounds of a run.

    By default the largest memory size of the report is measured and the others are modelled from
    it, with a few measured trials of each to check the model; sizes that were asked for by name
    (flag or variable), and all sizes with ``everything``, are measured. Where nobody has said which
    sizes the report has, those that the functions are configured with are among them.

    Raises:
        MeasurementError: there is nothing to measure.
        UsageError: a CPU mode that is not possible here.
    """
    if settings.cpu == "provisioned" and not wishes.limits:
        raise UsageError(
            "`--cpu provisioned` needs a CPU quota, which cannot be set here",
            hint="`coldbench doctor` says why; `--cpu on-demand` models the memory sizes",
        )
    sizes = _sizes(selections, settings)
    cells = tuple(
        Cell(
            function=selection.function.id,
            variant=variant,
            memory_mb=memory_mb,
            event=event.name,
            page_cache=settings.page_cache,
        )
        for selection in selections
        for event in selection.events
        for variant in _distinct_variants(selection, artifacts)
        for memory_mb in _measured_sizes(selection, settings, wishes)
        if wishes.everything
        or not _left_out(f"{selection.function.id}/{variant}/{event.name}", settings)
    )
    if not cells:
        raise MeasurementError(
            "there is nothing to measure: no variant was built, or all are left out",
            hint="see the build errors above; `--all` measures what `leave_out` leaves out",
        )
    checks = _checks(selections, cells, settings) if wishes.limits else ()
    checks = () if wishes.smoke else checks
    return Plan(
        seed=_seed(settings),
        rounds=_looks(settings, wishes)[-1],
        discarded_rounds=0 if wishes.smoke else DISCARDED_ROUNDS,
        warm_invokes=settings.warm_invokes,
        cpu_mode=settings.cpu if wishes.limits else "none",
        cells=cells,
        baselines={s.function.id: _baseline(s, artifacts) for s in selections},
        validation_cells=checks,
        validation_rounds=VALIDATION_ROUNDS if checks else 0,
        memory_sizes_mb=sizes,
        budget_s=_budget(settings, wishes),
        smoke=wishes.smoke,
        looks=_looks(settings, wishes),
        confidence=settings.confidence,
        margin=settings.margin,
        margins=_margins(settings, wishes.primary),
        primary=wishes.primary,
    )


def _margins(settings: Settings, primary: str) -> dict[str, float]:
    """The margins of single metrics; `--margin` stands above what a file says of the primary."""
    margins = margins_of(settings.margins)
    if settings.sources["margin"] == "--margin":
        margins.pop(primary, None)
    return margins


def _sizes(selections: Sequence[Selection], settings: Settings) -> tuple[int, ...]:
    """The memory sizes of the report, smallest first."""
    sizes = set(settings.memory_sizes_mb)
    if settings.sources["memory"] == "default":
        sizes |= {selection.function.memory_mb for selection in selections}
    return tuple(sorted(sizes))


def _measured_sizes(selection: Selection, settings: Settings, wishes: Wishes) -> tuple[int, ...]:
    """The sizes of the report that are measured of one function.

    Where one is enough, it is not the size that only another function is configured with.
    """
    named = settings.sources["memory"] in ("--memory", "COLDBENCH_MEMORY")
    own = _sizes([selection], settings)
    if wishes.limits and (wishes.sizes or wishes.everything or named):
        return own
    return (own[-1] if wishes.limits else max(MEMORY_ONE_VCPU_MB, *own),)


def _distinct_variants(selection: Selection, artifacts: Artifacts) -> list[str]:
    """Variants that were built and are not the same package as an earlier one."""
    built = [v.id for v in selection.variants if (selection.function.id, v.id) in artifacts]
    return [v for v in built if artifacts[selection.function.id, v].identical_to not in set(built)]


def _baseline(selection: Selection, artifacts: Artifacts) -> str:
    """The baseline, or the measured variant that is the same package."""
    variants = _distinct_variants(selection, artifacts)
    artifact = artifacts.get((selection.function.id, selection.baseline))
    if artifact is not None and artifact.identical_to in variants:
        return str(artifact.identical_to)
    if artifact is None and variants:
        return variants[0]
    return selection.baseline


def _left_out(name: str, settings: Settings) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in settings.leave_out)


def _checks(
    selections: Sequence[Selection],
    cells: Sequence[Cell],
    settings: Settings,
) -> tuple[Cell, ...]:
    """One measured cell of each function again at each size modelled from it, to check the model.

    The lazy style with an event that uses the library has the longest first invoke, so the model
    has the most to get wrong there; functions without styles use their first cell.
    """
    chosen: list[Cell] = []
    for selection in selections:
        own = [c for c in cells if c.function == selection.function.id]
        used = {e.name for e in selection.events if e.uses_library}
        lazy = [c for c in own if c.variant == "lazy" and c.event in used]
        chosen += [
            replace(cell, memory_mb=memory_mb)
            for cell in (lazy or own)[:1]
            for memory_mb in _sizes([selection], settings)
            if memory_mb < cell.memory_mb and replace(cell, memory_mb=memory_mb) not in own
        ]
    return tuple(
        c
        for c in chosen
        if not _left_out(f"{c.function}/{c.variant}/{c.event}/{c.memory_mb}MB", settings)
    )


def _looks(settings: Settings, wishes: Wishes) -> tuple[int, ...]:
    """The looks that share the error: a fixed number of rounds is looked at once."""
    if wishes.smoke:
        return (1,)
    if settings.rounds is not None:
        return (settings.rounds,)
    return LOOKS if settings.budget_s is None else LONG_LOOKS


def _budget(settings: Settings, wishes: Wishes) -> float | None:
    if settings.budget_s is None and settings.rounds is None and not wishes.smoke:
        return DEFAULT_BUDGET_S
    return settings.budget_s


def _seed(settings: Settings) -> int:
    if settings.seed is not None:
        return settings.seed
    return random.SystemRandom().randrange(_SEEDS)
