"""Running a plan: staging, the measuring process, and what the user is told when it ends early."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.build import BuildCache, RuntimeDirectory, runtime_for
from bench.commands.aws_options import kept_flags
from bench.commands.options import RunOptions
from bench.commands.preparation import Artifacts, Prepared, by_variant
from bench.controls import rebuilt_control
from bench.emulator.deployment import PythonRuntime
from bench.errors import Interrupted, MeasurementError
from bench.progress import Progress
from bench.session.advice import RecordAdvisor
from bench.session.measurement import measure
from bench.session.orders import StagedArm
from bench.session.session import SessionOrder
from bench.session.staging import Staging, stage
from bench.store import RECORD_FILE, load_header, load_record, seal
from bench.subjects import Artifact, Function


def run_plan(prepared: Prepared, options: RunOptions, progress: Progress) -> None:
    """Run the plan; if it cannot be measured, the user is told how to go on.

    Raises:
        Interrupted: by a signal, while measuring.
        MeasurementError: the measuring process failed.
    """
    try:
        _measure_staged(prepared, options, progress)
    except MeasurementError as error:
        resume = resume_command(prepared.directory, options)
        raise type(error)(
            error.message,
            hint=f"{error.hint or 'the trials so far are kept'}; go on with `{resume}`",
        ) from error


@contextmanager
def interruptible(directory: Path, resume: str) -> Iterator[None]:
    """Whenever a run is interrupted from the moment it is on record, the user is told how to go on.

    Args:
        directory: of the record, which the ``with`` may only be about to make.
        resume: the command that goes on.

    Raises:
        Interrupted: by a signal, anywhere inside.
    """
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        if not (directory / RECORD_FILE).exists():
            raise Interrupted("interrupted before anything was measured") from None
        report = f"`coldbench report {shlex.quote(str(directory))}`"
        if load_header(directory).complete:
            raise Interrupted(
                f"interrupted; the run is complete, and in {directory}", hint=f"see {report}"
            ) from None
        raise Interrupted(
            f"interrupted; the trials so far are in {directory}",
            hint=f"go on with `{resume}`, or see {report}",
        ) from None


def resume_command(directory: Path, options: RunOptions) -> str:
    """The command that goes on with a run."""
    return f"coldbench run --resume {directory.name}{_kept_flags(options)}{kept_flags(options.aws)}"


def _measure_staged(prepared: Prepared, options: RunOptions, progress: Progress) -> None:
    record = prepared.record
    controls = by_variant(rebuilt_control(record, BuildCache(options.settings.cache)))
    artifacts = {**prepared.artifacts, **controls}
    with stage(record.plan, artifacts, options.settings.cache / "stage") as staging:
        order = SessionOrder(
            record_directory=prepared.directory.resolve(),
            work_directory=staging.root,
            arms=_arms(staging, artifacts),
            pythons=_pythons(prepared, options),
        )
        progress.begin(record.plan, len(record.trials))
        try:
            measure(order, progress.event, RecordAdvisor(prepared.directory))
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


def python_minors(
    functions: Iterable[Function], artifacts: Iterable[Artifact]
) -> dict[str, str | None]:
    """The Python that each Python function with a package runs on, by its id; None = any.

    That is what its packages were built for. Packages that were there already do not say what for:
    they run on what their function asks for.
    """
    built = tuple(artifacts)
    asked = {f.id: f.runtime_version for f in functions if f.runtime == "python"}
    minors = {a.function: asked[a.function] for a in built if a.function in asked}
    return minors | {a.function: a.python_minor for a in built if a.python_minor}


def _pythons(prepared: Prepared, options: RunOptions) -> dict[str, PythonRuntime]:
    """What each Python function runs on, by its id."""
    cache = BuildCache(options.settings.cache)
    minors = python_minors(prepared.record.functions, prepared.artifacts.values())
    runtimes = {minor: _python(runtime_for(minor, cache)) for minor in set(minors.values())}
    return {function: runtimes[minor] for function, minor in minors.items()}


def _python(runtime: RuntimeDirectory) -> PythonRuntime:
    return PythonRuntime(
        interpreter=runtime.interpreter,
        directory=runtime.directory,
        minor=runtime.minor,
        version=runtime.version,
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
