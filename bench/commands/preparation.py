"""From targets to something that can be measured: builds, and the header of a new record."""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.build import BuildCache, BuildEvent, build_matrix
from bench.build.matrix import BuildResult
from bench.build.workshop import Pair
from bench.commands.options import RunOptions
from bench.controls import with_control
from bench.emulator.cgroups import detect
from bench.emulator.limits import usable
from bench.emulator.variables import check_user
from bench.errors import BuildError
from bench.functions.targets import Selection, resolve_targets, select
from bench.machine.fingerprint import collect
from bench.model import Plan, Record
from bench.planning import Wishes, make_plan
from bench.progress import Progress
from bench.subjects import Artifact, Event, FailedBuild, Function

Artifacts = Mapping[tuple[str, str], Artifact]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record with trials to run, and what they run from."""

    directory: Path
    record: Record
    artifacts: Artifacts


def build(
    options: RunOptions, progress: Progress
) -> tuple[tuple[Selection, ...], Artifacts, tuple[FailedBuild, ...]]:
    """Find and build what was asked for.

    Raises:
        BuildError: not one build succeeded.
        UsageError: a target, variant, baseline or event that does not exist.
    """
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    selections = select(
        functions,
        patterns=options.variants,
        baseline=options.baseline,
        event=options.event,
        cwd=options.cwd,
    )
    pairs = [(s.function, v) for s in selections for v in s.variants]
    result = built(pairs, options, progress)
    if result.failures and not result.artifacts:
        raise all_failed(result.failures)
    return selections, by_variant(result.artifacts), result.failures


def built(pairs: Sequence[Pair], options: RunOptions, progress: Progress) -> BuildResult:
    """Build, telling the user of what took time and of what failed.

    Raises:
        UsageError: a function's variables are not such as Lambda takes.
    """
    for function, variant in pairs:
        check_user(function.id, function.configured(variant.id).environment)
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


def all_failed(failures: tuple[FailedBuild, ...]) -> BuildError:
    """The error of a run that has nothing to measure."""
    first = failures[0]
    return BuildError(
        f"no build succeeded; {first.function}, variant {first.variant}: {first.command}\n"
        f"{first.message}",
        hint="`coldbench build` shows all of them",
    )


def _tell_build(event: BuildEvent, progress: Progress) -> None:
    if event.state == "built":
        progress.say(f"built {event.function} {event.variant} in {event.seconds:.1f} s")


def by_variant(artifacts: tuple[Artifact, ...]) -> Artifacts:
    """Artifacts by function and variant."""
    return {(a.function, a.variant): a for a in artifacts}


def plan_of(options: RunOptions, selections: Sequence[Selection], artifacts: Artifacts) -> Plan:
    """Plan a run on this machine.

    Raises:
        MeasurementError: there is nothing to measure.
        UsageError: a CPU mode that is not possible here.
    """
    wishes = Wishes(
        limits=usable(detect()).version != "none" and options.settings.cpu != "none",
        everything=options.everything,
        smoke=options.smoke,
    )
    return make_plan(selections, artifacts, options.settings, wishes)


def new_record(
    options: RunOptions,
    plan: Plan,
    functions: Sequence[Function],
    artifacts: Artifacts,
    failures: tuple[FailedBuild, ...],
) -> Record:
    """Make the header of a new run; its events are known by their digests from here on."""
    now = datetime.datetime.now(datetime.UTC)
    record = Record(
        run_id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        started=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        command=options.command,
        backend=options.backend,
        plan=plan,
        environment=collect(options.settings.cache),
        functions=tuple(
            replace(f, events=tuple(with_digest(e) for e in f.events)) for f in functions
        ),
        artifacts=tuple(artifacts.values()),
        failed_builds=failures,
        trials=(),
        complete=False,
        wall_ns=0,
        wall_in_trials_ns=0,
        demands=options.demands,
    )
    return with_control(record, BuildCache(options.settings.cache), options.settings.page_cache)


def with_digest(event: Event) -> Event:
    """The event with the digest of its file."""
    return replace(event, digest=hashlib.sha256(event.path.read_bytes()).hexdigest())
