"""``coldbench run``: build, measure, judge, report. Each step hands on to the next."""

from __future__ import annotations

import sys
from dataclasses import replace

from bench.commands.conclusion import conclude
from bench.commands.execution import interruptible, resume_command, run_plan
from bench.commands.options import RunOptions
from bench.commands.plan_text import describe
from bench.commands.preparation import Prepared, build, new_record, plan_of
from bench.commands.resumption import resumable, resumed
from bench.progress import Progress, choose
from bench.store import create_record, load_record


def execute(options: RunOptions) -> tuple[str, int]:
    """Run the plan and give the report for stdout.

    Raises:
        BenchError: with its exit code; what was measured until then is recorded.
    """
    progress = choose(options.verbosity, sys.stderr)
    if _is_for_aws(options, progress):
        from bench.commands import run_aws

        return run_aws.execute(options)
    prepared = resumed(options, progress) if options.resume else _prepared(options, progress)
    if options.dry_run and not options.resume:
        return describe(prepared.record), 0
    directory = prepared.directory
    with interruptible(directory, resume_command(directory, options)):
        if not options.resume:
            create_record(directory, prepared.record)
        run_plan(prepared, options, progress)
        return conclude(directory, options, progress)


def _prepared(options: RunOptions, progress: Progress) -> Prepared:
    """A new run, not yet on record."""
    selections, artifacts, failures = build(options, progress)
    plan = plan_of(options, selections, artifacts)
    functions = [replace(s.function, events=s.events) for s in selections]
    record = new_record(options, plan, functions, artifacts, failures)
    return Prepared(options.settings.out / "records" / record.run_id, record, artifacts)


def _is_for_aws(options: RunOptions, progress: Progress) -> bool:
    """Whether real Lambda is asked for, or a run is to go on that began there."""
    if options.backend == "aws" or options.resume is None:
        return options.backend == "aws"
    return load_record(resumable(options, progress)).backend == "aws"
