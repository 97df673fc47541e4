"""``coldbench compare``: two revisions of the same functions, measured interleaved in one run."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.commands.conclusion import conclude
from bench.commands.execution import interruptible, resume_command, run_plan
from bench.commands.options import CompareOptions
from bench.commands.plan_text import describe
from bench.commands.preparation import Prepared, all_failed, built, new_record, plan_of
from bench.errors import cannot_write
from bench.model import Plan, Record
from bench.progress import Progress, choose
from bench.revisions import Side, checked_out
from bench.revisions.arms import Arms, build_arms, kept_events, with_kept_events
from bench.revisions.pairs import Pairing, Request, pair_up
from bench.store import ANOTHER_DIRECTORY, create_record, seal

#: Beside ``trials.jsonl``: the events, which are part of revisions that do not stay.
INPUTS_DIRECTORY = "inputs"


def execute(options: CompareOptions) -> tuple[str, int]:
    """Build both revisions, measure them in the same rounds, and give the report for stdout.

    Raises:
        BenchError: with its exit code; what was measured until then is recorded.
    """
    progress = choose(options.verbosity, sys.stderr)
    names = (options.baseline_revision, options.candidate_revision)
    with ExitStack() as interruption:
        with checked_out(names, options.settings, cwd=options.cwd) as sides:
            prepared = _prepare(options, sides, progress)
            if options.dry_run:
                return describe(prepared.record), 0
            resume = resume_command(prepared.directory, options)
            interruption.enter_context(interruptible(prepared.directory, resume))
            prepared = _created(prepared)
        if prepared.record.plan.cells:
            run_plan(prepared, options, progress)
        else:
            seal(prepared.directory, replace(prepared.record, complete=True))
        return conclude(prepared.directory, options, progress)


def _prepare(options: CompareOptions, sides: Sequence[Side], progress: Progress) -> Prepared:
    request = Request(
        targets=options.targets,
        recipes=options.variants,
        event=options.event,
        changed=options.changed,
        handler=options.handler,
    )
    pairing = pair_up(sides, request, options.settings, cwd=options.cwd)
    for warning in pairing.warnings:
        progress.say(f"warning: {warning}")
    for function, reason in pairing.incomparable.items():
        progress.say(f"warning: `{function}` cannot be compared: {reason}")
    arms = build_arms(
        pairing.pairs,
        sides,
        lambda pairs: built(pairs, options, progress),
        options.settings.cache,
    )
    if arms.failures and not arms.artifacts:
        raise all_failed(arms.failures)
    record = _record(options, sides, pairing, arms)
    return Prepared(options.settings.out / "records" / record.run_id, record, arms.artifacts)


def _record(options: CompareOptions, sides: Sequence[Side], pairing: Pairing, arms: Arms) -> Record:
    # Every build was asked for by name, or is the one that a comparison is about.
    asked = replace(options, settings=replace(options.settings, leave_out=()))
    plan = plan_of(asked, arms.selections, arms.artifacts) if arms.selections else _empty(options)
    baseline = sides[0].revision.variant
    plan = replace(plan, baselines={**dict.fromkeys(_ids(arms), baseline), **plan.baselines})
    record = new_record(options, plan, arms.functions, arms.artifacts, arms.failures)
    return replace(
        record,
        warnings=(*record.warnings, *pairing.warnings),
        revisions=tuple(side.revision for side in sides),
        unpaired=pairing.unpaired,
        incomparable=pairing.incomparable,
        unchanged=pairing.unchanged,
    )


def _ids(arms: Arms) -> list[str]:
    return [function.id for function in arms.functions]


def _empty(options: CompareOptions) -> Plan:
    """The plan of a run in which no package differs: nothing to measure."""
    settings = options.settings
    return Plan(
        seed=secrets.randbelow(2**16) if settings.seed is None else settings.seed,
        rounds=0,
        discarded_rounds=0,
        warm_invokes=settings.warm_invokes,
        cpu_mode=settings.cpu,
        cells=(),
        baselines={},
        confidence=settings.confidence,
        margin=settings.margin,
        smoke=options.smoke,
    )


def _created(prepared: Prepared) -> Prepared:
    """Write the record with its events, which then no longer need the revisions."""
    inputs = prepared.directory / INPUTS_DIRECTORY
    places = kept_events(prepared.record.functions, inputs)
    functions = tuple(with_kept_events(f, places) for f in prepared.record.functions)
    record = replace(prepared.record, functions=functions)
    create_record(prepared.directory, record)
    _copy(places, inputs)
    return replace(prepared, record=record)


def _copy(places: dict[Path, Path], inputs: Path) -> None:
    try:
        inputs.mkdir()
        for source, target in places.items():
            shutil.copyfile(source, target)
    except OSError as error:
        raise cannot_write(inputs, error, instead=ANOTHER_DIRECTORY) from error
