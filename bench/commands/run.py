"""``coldbench run``: build, measure, judge, report. Each step hands on to the next."""

from __future__ import annotations

import datetime
import hashlib
import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.build import BuildCache, BuildEvent, build_matrix, install_runtime, interpreter
from bench.build.matrix import BuildResult
from bench.commands.delivery import deliver
from bench.commands.options import LATEST, RunOptions
from bench.commands.outcome import exit_code
from bench.commands.plan_text import describe
from bench.commands.records import find_record, run_ids
from bench.emulator.cgroups import detect
from bench.emulator.deployment import PythonRuntime
from bench.emulator.limits import usable
from bench.errors import BuildError, Interrupted, MeasurementError, RecordError
from bench.fingerprint import collect
from bench.measurement import measure
from bench.model import Artifact, Event, FailedBuild, Function, Record
from bench.planning import Wishes, make_plan
from bench.progress import Progress, choose
from bench.report import render, write_report
from bench.session import SessionOrder, StagedArm
from bench.staging import Staging, stage
from bench.stats.judge import judge
from bench.store import create_record, in_progress, is_in_progress, load_record, seal
from bench.targets import Selection, resolve_targets, select

Artifacts = Mapping[tuple[str, str], Artifact]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A record with trials to run, and what they run from."""

    directory: Path
    record: Record
    artifacts: Artifacts


def execute(options: RunOptions) -> tuple[str, int]:
    """Run the plan and give the report for stdout.

    Raises:
        BenchError: with its exit code; what was measured until then is recorded.
    """
    progress = choose(options.verbosity, sys.stderr)
    if options.resume is not None:
        prepared = _resumed(options, progress)
    else:
        selections, artifacts, failures = _build(options, progress)
        if failures and not artifacts:
            raise _all_failed(failures)
        record = _new_record(options, selections, artifacts, failures)
        if options.dry_run:
            return describe(record), 0
        directory = options.settings.out / "records" / record.run_id
        create_record(directory, record)
        prepared = _Prepared(directory, record, artifacts)
    _measure(prepared, options, progress)
    return _report(prepared.directory, options, progress)


def _build(
    options: RunOptions, progress: Progress
) -> tuple[tuple[Selection, ...], Artifacts, tuple[FailedBuild, ...]]:
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    selections = select(
        functions,
        patterns=options.variants,
        baseline=options.baseline,
        event=options.event,
        cwd=options.cwd,
    )
    result = _built(selections, options, progress)
    return selections, _by_variant(result.artifacts), result.failures


def _built(
    selections: tuple[Selection, ...], options: RunOptions, progress: Progress
) -> BuildResult:
    pairs = [(s.function, v) for s in selections for v in s.variants]
    result = build_matrix(
        pairs,
        cache=BuildCache(options.settings.cache),
        observer=lambda event: _tell_build(event, progress),
    )
    for failure in result.failures:
        progress.say(
            f"build of {failure.function}, variant {failure.variant} failed: {failure.command}\n"
            f"{failure.message}"
        )
    return result


def _all_failed(failures: tuple[FailedBuild, ...]) -> BuildError:
    first = failures[0]
    return BuildError(
        f"no build succeeded; {first.function}, variant {first.variant}: {first.command}\n"
        f"{first.message}",
        hint="`coldbench build` shows all of them",
    )


def _tell_build(event: BuildEvent, progress: Progress) -> None:
    if event.state == "built":
        progress.say(f"built {event.function} {event.variant} in {event.seconds:.1f} s")


def _by_variant(artifacts: tuple[Artifact, ...]) -> Artifacts:
    return {(a.function, a.variant): a for a in artifacts}


def _new_record(
    options: RunOptions,
    selections: tuple[Selection, ...],
    artifacts: Artifacts,
    failures: tuple[FailedBuild, ...],
) -> Record:
    wishes = Wishes(
        limits=usable(detect()).version != "none" and options.settings.cpu != "none",
        everything=options.everything,
        smoke=options.smoke,
    )
    now = datetime.datetime.now(datetime.UTC)
    return Record(
        run_id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        started=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        command=options.command,
        backend=options.backend,
        plan=make_plan(selections, artifacts, options.settings, wishes),
        environment=collect(options.settings.cache),
        functions=tuple(
            replace(s.function, events=tuple(_with_digest(e) for e in s.events)) for s in selections
        ),
        artifacts=tuple(artifacts.values()),
        failed_builds=failures,
        trials=(),
        complete=False,
        wall_ns=0,
        wall_in_trials_ns=0,
    )


def _with_digest(event: Event) -> Event:
    return replace(event, digest=hashlib.sha256(event.path.read_bytes()).hexdigest())


def _resumed(options: RunOptions, progress: Progress) -> _Prepared:
    """Load an interrupted run; its packages are built again and must be the same ones."""
    directory = _resumable(options, progress)
    if is_in_progress(directory):
        raise in_progress(directory)
    record = load_record(directory)
    if record.complete:
        raise RecordError(
            f"run {record.run_id} is complete, there is nothing to resume",
            hint=f"`coldbench report {record.run_id}` shows it",
        )
    _check_same_inputs(record, options)
    functions = {f.id: f for f in record.functions}
    wanted = {(a.function, a.variant): a for a in record.artifacts}
    selections = tuple(
        _selection(f, tuple(v for i, v in wanted if i == f.id)) for f in functions.values()
    )
    artifacts = _by_variant(_built(selections, options, progress).artifacts)
    for key, artifact in wanted.items():
        if key not in artifacts or artifacts[key].digest != artifact.digest:
            raise RecordError(
                f"the sources of `{key[0]}` changed since run {record.run_id} was interrupted",
                hint="start a new run: `coldbench run`",
            )
    return _Prepared(directory, record, artifacts)


def _check_same_inputs(record: Record, options: RunOptions) -> None:
    """Trials of two different inputs or machines must not end up in one cell.

    Raises:
        RecordError: an event, or a hard fact of the machine, is not what it was.
    """
    for event in (e for f in record.functions for e in f.events):
        if not event.path.exists() or _with_digest(event) != event:
            raise RecordError(
                f"the event {event.path} changed since run {record.run_id} was interrupted",
                hint="start a new run: `coldbench run`",
            )
    now = collect(options.settings.cache)["hard"]
    before = record.environment.get("hard", {})
    changed = [name for name in before if before[name] != now.get(name)]
    if changed:
        raise RecordError(
            f"run {record.run_id} was measured under other conditions: {', '.join(changed)}",
            hint="start a new run: `coldbench run`",
        )


def _selection(function: Function, variants: tuple[str, ...]) -> Selection:
    (selection,) = select((function,), patterns=variants, keep_baseline=False, cwd=Path.cwd())
    return selection


def _resumable(options: RunOptions, progress: Progress) -> Path:
    if options.resume != LATEST:
        return find_record(str(options.resume), options.settings, cwd=options.cwd)
    records = options.settings.out / "records"
    for run_id in reversed(run_ids(records)):
        directory = records / run_id
        if is_in_progress(directory):
            continue
        try:
            if not load_record(directory).complete:
                return directory
        except RecordError as error:
            progress.say(f"passing over {run_id}: {error.message}")
    raise RecordError(f"no interrupted run below {records}", hint="start one: `coldbench run`")


def _measure(prepared: _Prepared, options: RunOptions, progress: Progress) -> None:
    """Run the plan; whatever ends it early, the user is told how to go on.

    Raises:
        Interrupted: by a signal, while staging or measuring.
        MeasurementError: the measuring process failed.
    """
    run_id = prepared.record.run_id
    resume = f"`coldbench run --resume {run_id}{_kept_flags(options)}`"
    try:
        _measure_staged(prepared, options, progress)
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted(
            f"interrupted; the trials so far are in {prepared.directory}",
            hint=f"go on with {resume}, or see `coldbench report {prepared.directory}`",
        ) from None
    except MeasurementError as error:
        raise type(error)(
            error.message, hint=f"{error.hint or 'the trials so far are kept'}; go on with {resume}"
        ) from error


def _measure_staged(prepared: _Prepared, options: RunOptions, progress: Progress) -> None:
    record = prepared.record
    with stage(record.plan, prepared.artifacts, options.settings.cache / "stage") as staging:
        order = SessionOrder(
            record_directory=prepared.directory.resolve(),
            work_directory=staging.root,
            arms=_arms(staging, prepared.artifacts),
            python=_python(record, options),
        )
        progress.begin(record.plan, len(record.trials))
        try:
            measure(order, progress.event)
        finally:
            progress.end()
            _seal_changes(prepared.directory, staging.changed())


def _seal_changes(directory: Path, changed: tuple[str, ...]) -> None:
    """Put it on record that a trial has written to its package."""
    if changed:
        record = replace(load_record(directory), trials=())
        warnings = tuple(dict.fromkeys((*record.warnings, *changed)))
        seal(directory, replace(record, warnings=warnings))


def _kept_flags(options: RunOptions) -> str:
    """The settings that a resumed run must be given again, as flags."""
    settings = options.settings
    values = {
        "out": settings.out,
        "cache": settings.cache,
        "margin": settings.margin,
        "confidence": settings.confidence,
    }
    given = {name: value for name, value in values.items() if settings.sources[name] == f"--{name}"}
    return "".join(f" --{name} {shlex.quote(str(value))}" for name, value in given.items())


def _python(record: Record, options: RunOptions) -> PythonRuntime | None:
    if not any(f.runtime == "python" for f in record.functions):
        return None
    runtime = install_runtime(interpreter(), BuildCache(options.settings.cache))
    return PythonRuntime(
        interpreter=runtime.interpreter, directory=runtime.directory, minor=runtime.minor
    )


def _arms(staging: Staging, artifacts: Artifacts) -> tuple[StagedArm, ...]:
    return tuple(
        StagedArm(
            function=function,
            variant=variant,
            arm=arm,
            handler=artifacts[function, variant].handler,
            copies=copies,
        )
        for (function, variant, arm), copies in staging.copies.items()
    )


def _report(directory: Path, options: RunOptions, progress: Progress) -> tuple[str, int]:
    record = load_record(directory)
    settings = options.settings
    judgement = judge(record, confidence=settings.confidence, margin=settings.margin)
    if not any(t.outcome == "ok" for t in record.trials):
        progress.say("no trial succeeded; the report has the reasons")
    text = render(
        record,
        judgement,
        options.format,
        width=options.width if options.output is None else 100,
        colour=options.colour and options.output is None,
    )
    if record.plan.smoke:
        progress.say(f"smoke run: {settings.out}/latest.* stay as they were")
    else:
        files = write_report(record, judgement, settings.out)
        progress.say(f"wrote {', '.join(str(f) for f in files[:2])}")
    return deliver(text, options.output), exit_code(record, judgement, strict=options.strict)
