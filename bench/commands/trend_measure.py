"""The measuring steps of ``coldbench trend``: pinning anchors, a run against them, confirmation."""

from __future__ import annotations

import datetime
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.build import BuildCache
from bench.commands.execution import interruptible, resume_command, run_plan
from bench.commands.options import CompareOptions
from bench.commands.outcome import outcome
from bench.commands.preparation import Prepared, all_failed, built, by_variant, new_record, plan_of
from bench.commands.trend_options import TrendOptions
from bench.config import Settings
from bench.errors import UsageError
from bench.functions.targets import Selection, resolve_targets, select
from bench.history import anchors, entries
from bench.history.anchors import Anchor
from bench.history.confirmations import Confirmation, Nomination, decide
from bench.history.entries import ANCHOR
from bench.model import Commit, Record
from bench.progress import Progress
from bench.revisions.git import Repository
from bench.store import create_record, load_record
from bench.subjects import Function, Variant


def current_commit(directory: Path) -> Commit:
    """Say which commit a directory is at; an empty one without version control."""
    repository = Repository.around(directory)
    commit = repository.commit("HEAD") if repository else None
    if repository is None or commit is None:
        return Commit()
    return Commit(id=commit, dirty=repository.is_dirty())


def commit_of(record: Record, directory: Path) -> Commit:
    """Say what a run was built from: what its record tells, or else the commit of a directory."""
    return current_commit(directory) if record.commit is None else record.commit


def pin(options: TrendOptions, progress: Progress) -> tuple[Anchor, ...]:
    """Build the targets and keep the builds as anchors.

    Raises:
        BuildError: a build failed; then no anchor is kept.
        UsageError: a function has an anchor already.
    """
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    chosen = select(
        functions, patterns=options.variants, keep_baseline=not options.variants, cwd=options.cwd
    )
    pairs = [(s.function, _chosen(s, options)) for s in chosen]
    result = built(pairs, options, progress)
    if result.failures:
        raise all_failed(result.failures)
    today = datetime.datetime.now(datetime.UTC)
    return anchors.pin(
        options.history,
        result.artifacts,
        commit=current_commit(options.cwd),
        pinned=f"{today:%Y-%m-%d}",
    )


def _chosen(selection: Selection, options: TrendOptions) -> Variant:
    """The build to keep: the one that was named, or the baseline.

    Raises:
        UsageError: the names fit several builds.
    """
    if not options.variants:
        return next(v for v in selection.variants if v.id == selection.baseline)
    if len(selection.variants) > 1:
        names = ", ".join(v.id for v in selection.variants)
        raise UsageError(f"`{selection.function.id}` can have one anchor, not {names}")
    return selection.variants[0]


def measure(options: TrendOptions, progress: Progress) -> int:
    """Measure the targets that have anchors against them; gives how many entries were added.

    Raises:
        BenchError: with its exit code; an unfit run is recorded and adds nothing.
    """
    known = anchors.load(options.history)
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    held = [f for f in functions if f.id in known]
    for function in functions:
        if function.id not in known:
            progress.say(f"passing over {function.id}: it has no anchor")
    if not held:
        raise UsageError(
            "none of these functions has an anchor",
            hint="`coldbench trend --anchor` keeps the present builds as anchors",
        )
    prepared = _prepare(options, held, known, progress)
    run_id = prepared.record.run_id
    resume = f"{resume_command(prepared.directory, options)} && coldbench trend --append {run_id}"
    with interruptible(prepared.directory, resume):
        create_record(prepared.directory, prepared.record)
        run_plan(prepared, options, progress)
    record = load_record(prepared.directory)
    return append(record, commit_of(record, options.cwd), options)


def _prepare(
    options: TrendOptions,
    functions: Sequence[Function],
    known: dict[str, Anchor],
    progress: Progress,
) -> Prepared:
    # Before the builds: the checkout may move before an interrupted run is resumed and added.
    commit = current_commit(options.cwd)
    # One memory size: the ratio of CPU time does not depend on it.
    settings = _at(options.settings.memory_sizes_mb[-1], options.settings)
    asked = replace(options, settings=settings)
    pairs = []
    for selection in select(functions, event=options.event, cwd=options.cwd):
        wanted = known[selection.function.id].variant
        pairs += [(selection, v) for v in selection.variants if v.id == wanted]
    result = built([(s.function, v) for s, v in pairs], options, progress)
    if result.failures:
        raise all_failed(result.failures)
    artifacts = dict(by_variant(result.artifacts))
    cache = BuildCache(options.settings.cache)
    for selection, _ in pairs:
        function = selection.function
        artifacts[function.id, ANCHOR] = anchors.artifact_of(
            options.history, known[function.id], function, cache
        )
    selections = [
        replace(s, variants=(anchors.variant_of(s.function), v), baseline=ANCHOR) for s, v in pairs
    ]
    plan = plan_of(asked, selections, artifacts)
    described = [replace(s.function, events=s.events) for s in selections]
    record = replace(new_record(options, plan, described, artifacts, ()), commit=commit)
    return Prepared(options.settings.out / "records" / record.run_id, record, artifacts)


def _at(memory_mb: int, settings: Settings) -> Settings:
    """The settings as if ``--memory`` had asked for one size, which no configured one joins."""
    sources = {**settings.sources, "memory": "--memory"}
    return replace(settings, memory_sizes_mb=(memory_mb,), sources=sources)


def append(record: Record, commit: Commit, options: TrendOptions) -> int:
    """Add a run against anchors to the history; gives how many entries are new.

    Raises:
        MeasurementError: the run is unfit, unfinished or a smoke run.
        RecordError: it is no run against anchors.
    """
    judgement, _ = outcome(record, options.settings)
    return entries.append(options.history, entries.entries_of(record, judgement, commit))


def obstacle(nomination: Nomination) -> str:
    """Why the two revisions of a nomination cannot be measured again; empty where they can."""
    before, after = nomination.before.commit, nomination.after.commit
    if not before.id or not after.id:
        return "its entries have no commits"
    if before.dirty or after.dirty:
        return "one of its entries is of uncommitted work"
    return "both entries are of the same commit" if before.id == after.id else ""


def confirm(nomination: Nomination, options: TrendOptions) -> Confirmation:
    """Measure both revisions of a nomination in one interleaved run.

    Its report and record are kept beside the history, so that the latest report stays.

    Raises:
        BenchError: the comparison could not be made.
    """
    from bench.commands import compare

    with tempfile.TemporaryDirectory(prefix="coldbench-trend-") as scratch:
        result = Path(scratch) / "result.json"
        compare.execute(comparison_of(nomination, options, result))
        return decide(nomination, json.loads(result.read_bytes()))


def comparison_of(nomination: Nomination, options: TrendOptions, output: Path) -> CompareOptions:
    """Ask for both revisions of a nomination, under the conditions of its series."""
    after = nomination.after
    return CompareOptions(
        settings=replace(
            _at(after.memory_mb, options.settings),
            out=options.history / "confirmed",
            page_cache=after.page_cache,
        ),
        cwd=options.cwd,
        command=options.command,
        verbosity=options.verbosity,
        stderr_colour=options.stderr_colour,
        targets=(_target(nomination.function, options),),
        variants=(after.variant,),
        event=after.event,
        format="json",
        output=output,
        baseline_revision=nomination.before.commit.id,
        candidate_revision=after.commit.id,
    )


def _target(function: str, options: TrendOptions) -> str:
    """The directory of a function, which finds it in a revision that is configured otherwise."""
    try:
        found = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    except UsageError:
        return function
    return next((str(f.directory) for f in found if f.id == function), function)
