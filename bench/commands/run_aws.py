"""``coldbench run --backend aws``: plan and price first, then the same run on real Lambda."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import __version__
from bench.build.toolchain import machine
from bench.cloud.account import Account, Target
from bench.cloud.arms import (
    ArmSettings,
    artifacts_of_arms,
    circumstances,
    parse_arms,
    to_build,
    with_arms,
)
from bench.cloud.copies import Copy, name_of
from bench.cloud.estimate import Estimate, describe, describe_calls, estimate
from bench.cloud.run import CloudRun, Manner
from bench.cloud.source import Source, Sources
from bench.commands.conclusion import conclude
from bench.commands.options import RunOptions
from bench.commands.preparation import (
    Artifacts,
    all_failed,
    built,
    by_variant,
    new_record,
    with_digest,
)
from bench.commands.resumption import resumable
from bench.cost.price import Architecture, architecture_of
from bench.cost.table import load
from bench.errors import Interrupted, MeasurementError, RecordError, UsageError
from bench.model import Arm, Artifact, Cell, FailedBuild, Function, Plan, Record
from bench.planning import Wishes, make_plan
from bench.progress import Progress, choose
from bench.schedule import is_control
from bench.store import create_record, in_progress, is_in_progress, load_record
from bench.targets import Selection, resolve_targets, select

#: One round warms Lambda's code caches after an upload; it is recorded and not judged.
_DISCARDED_ROUNDS = 1
_GO_RUNTIME = "provided.al2023"


def execute(options: RunOptions) -> tuple[str, int]:
    """Run the plan in every region and give the reports for stdout, with the worst exit code.

    Raises:
        BenchError: with its exit code; what was measured until then is recorded.
    """
    progress = choose(options.verbosity, sys.stderr)
    if options.resume is not None:
        return _resume(options, progress)
    texts, codes = [], []
    for region in options.aws.regions or (None,):
        text, code = _Region(options, progress, region).run()
        texts.append(text)
        codes.append(code)
    return "\n".join(texts), max(codes)


class _Region:
    """A new run in one region."""

    def __init__(self, options: RunOptions, progress: Progress, region: str | None) -> None:
        self._options = options
        self._progress = progress
        aws = options.aws
        target = Target(region=region, endpoint_url=aws.endpoint_url, profile=aws.profile)
        self._account = Account(target, environ=options.environ)
        self._host = architecture_of(machine())
        self._arms = parse_arms(aws.arms)

    def run(self) -> tuple[str, int]:
        sources = Sources(self._account, self._options.settings.cache)
        selections, artifacts, failures = self._built(sources)
        plan = cloud_plan(self._options, selections, artifacts)
        functions = [replace(s.function, events=s.events) for s in selections]
        record = new_record(self._options, plan, functions, artifacts, failures)
        record = replace(record, environment=self._facts(plan), command=self._command())
        copies = copies_of(record, artifacts, self._arms, sources.found, self._host)
        found = self._estimate(record, copies)
        if self._options.dry_run:
            return describe(found) + describe_calls(found), 0
        self._progress.say(describe(found).rstrip())
        _check_cost(found, self._options)
        directory = self._options.settings.out / "records" / record.run_id
        create_record(directory, record)
        return _measured(directory, record, copies, self._account, self._options, self._progress)

    def _built(
        self, sources: Sources
    ) -> tuple[tuple[Selection, ...], Artifacts, tuple[FailedBuild, ...]]:
        options = self._options
        selections: tuple[Selection, ...] = ()
        artifacts: dict[tuple[str, str], Artifact] = {}
        failures: tuple[FailedBuild, ...] = ()
        if options.targets or not options.aws.from_functions:
            selections = self._selected()
            pairs = [pair for s in selections for pair in to_build(s)]
            result = built(pairs, options, self._progress)
            if result.failures and not result.artifacts:
                raise all_failed(result.failures)
            failures = result.failures
            artifacts = artifacts_of_arms(selections, by_variant(result.artifacts), self._host)
        for name in options.aws.from_functions:
            source = sources.copy_of(name, event=options.event, cwd=options.cwd)
            selections = (*selections, source.selection)
            artifacts[source.artifact.function, source.artifact.variant] = source.artifact
        return selections, artifacts, failures

    def _selected(self) -> tuple[Selection, ...]:
        options = self._options
        functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
        selections = select(
            functions,
            patterns=options.variants,
            baseline=options.baseline,
            event=options.event,
            cwd=options.cwd,
        )
        architectures = options.aws.architectures or (self._host,)
        return tuple(
            with_arms(s, architectures=architectures, host=self._host, settings=self._arms)
            for s in selections
        )

    def _facts(self, plan: Plan) -> dict[str, object]:
        aws = self._options.aws
        variants = {cell.variant for cell in plan.cells}
        architectures = {circumstances(v, self._host).architecture for v in variants}
        return {
            "hard": {
                "architecture": self._host,
                "coldbench": __version__,
                "region": self._account.region,
            },
            "soft": {},
            "aws": {
                "architectures": sorted(architectures),
                "endpoint": self._account.endpoint,
                "method": aws.method,
                "parallel": aws.parallel,
                "prices": self._prices(),
                "region": self._account.region,
                "role": "given" if aws.role else "made for the run",
                "runtime_pinned": aws.pin_runtime,
            },
        }

    def _prices(self) -> dict[str, object]:
        """What the report prices with: on record, as prices change and reports do not."""
        table = load(self._options.settings.cache)
        found = table.of(self._account.region)
        known = {"date": table.date, "million_requests": found.million_requests}
        return {**known, **{str(name): usd for name, usd in found.gb_second.items()}}

    def _command(self) -> str:
        return self._account.redact(self._options.command)

    def _estimate(self, record: Record, copies: Sequence[Copy]) -> Estimate:
        table = load(self._options.settings.cache)
        return estimate(
            record.plan,
            copies,
            region=self._account.region,
            prices=table.of(self._account.region),
            prices_of=table.date,
            default=self._host,
            parallel=self._options.aws.parallel,
            own_role=self._options.aws.role is None,
        )


def cloud_plan(options: RunOptions, selections: Sequence[Selection], artifacts: Artifacts) -> Plan:
    """Plan a run in which every memory size is measured, with a fixed number of rounds.

    Raises:
        MeasurementError: there is nothing to measure.
    """
    settings = replace(options.settings, cpu="on-demand", page_cache="warm")
    wishes = Wishes(limits=True, everything=options.everything, smoke=options.smoke, sizes=True)
    plan = make_plan(selections, artifacts, settings, wishes)
    return replace(
        plan,
        discarded_rounds=min(plan.discarded_rounds, _DISCARDED_ROUNDS),
        looks=(plan.rounds,),
        known_shift=None,
        primary="cold_total",
    )


def _check_cost(found: Estimate, options: RunOptions) -> None:
    limit = options.aws.max_cost_usd
    if found.usd > limit and not options.aws.yes:
        raise UsageError(
            f"the run is estimated at ${found.usd:.2f}, above the limit of ${limit:g};"
            " nothing was made",
            hint=f"`--yes`, or `--max-cost {math.ceil(found.usd)}`, or fewer `--rounds`, `--memory`"
            " sizes and variants",
        )


def copies_of(
    record: Record,
    artifacts: Artifacts,
    arms: ArmSettings,
    sources: Mapping[str, Source],
    host: Architecture,
) -> tuple[Copy, ...]:
    """One copy of every arm at every memory size, numbered in the order of the plan."""
    functions = {f.id: f for f in record.functions}
    keys: dict[tuple[str, str, Arm, int], Cell] = {}
    for cell in record.plan.cells:
        keys[cell.function, cell.variant, "variant", cell.memory_mb] = cell
        if is_control(record.plan, cell):
            keys[cell.function, cell.variant, "aa", cell.memory_mb] = cell
    return tuple(
        _copy(
            name_of(record.run_id, number),
            functions[cell.function],
            artifacts[cell.function, cell.variant],
            arm,
            cell,
            arms,
            sources.get(cell.function),
            host,
        )
        for number, ((_, _, arm, _), cell) in enumerate(keys.items())
    )


def _copy(
    name: str,
    function: Function,
    artifact: Artifact,
    arm: Arm,
    cell: Cell,
    settings: ArmSettings,
    source: Source | None,
    host: Architecture,
) -> Copy:
    parts = circumstances(cell.variant, host)
    configured = function.configured(parts.recipe)
    copy = Copy(
        name=name,
        function=function.id,
        variant=cell.variant,
        arm=arm,
        memory_mb=cell.memory_mb,
        architecture=parts.architecture,
        timeout_s=min(900, max(1, math.ceil(configured.timeout_s))),
        runtime=runtime_of(function, artifact),
        handler=artifact.handler,
        package=artifact.zip_path,
        environment=dict(configured.environment),
        layers=settings.layers if "layer" in parts.arms else (),
        subnets=settings.subnets if "vpc" in parts.arms else (),
        security_groups=settings.security_groups if "vpc" in parts.arms else (),
        tmp_mb=settings.tmp_mb if "tmp" in parts.arms else 512,
        snap_start="snapstart" in parts.arms,
        provisioned="provisioned" in parts.arms,
        image=settings.image if "image" in parts.arms else None,
    )
    return copy if source is None else source.applied(copy)


def runtime_of(function: Function, artifact: Artifact) -> str:
    """The managed runtime of a package: Python as built, else the one for a ``bootstrap``."""
    if function.runtime != "python":
        return _GO_RUNTIME
    version = artifact.toolchain.get("python", "")
    return "python" + ".".join(version.split(".")[:2])


def _measured(
    directory: Path,
    record: Record,
    copies: Sequence[Copy],
    account: Account,
    options: RunOptions,
    progress: Progress,
) -> tuple[str, int]:
    aws = options.aws
    manner = Manner(
        method=aws.method,
        parallel=aws.parallel,
        role=aws.role,
        pin_runtime=aws.pin_runtime,
        probe=aws.probe,
    )
    run = CloudRun(directory, copies, account, manner, observer=progress.event, say=progress.say)
    progress.begin(record.plan, len(record.trials))
    resume = f"`coldbench run --resume {record.run_id}` with the same AWS options"
    try:
        run.measure()
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted(
            f"interrupted; the trials so far are in {directory}",
            hint=f"go on with {resume}, or see `coldbench report {directory}`",
        ) from None
    except MeasurementError as error:
        raise type(error)(
            error.message, hint=f"{error.hint or 'the trials so far are kept'}; go on with {resume}"
        ) from error
    finally:
        progress.end()
    return conclude(directory, options, progress)


def _resume(options: RunOptions, progress: Progress) -> tuple[str, int]:
    """Go on with an interrupted run: same packages, same events, same region, new copies."""
    directory = resumable(options, progress)
    if is_in_progress(directory):
        raise in_progress(directory)
    record = load_record(directory)
    if record.complete:
        raise RecordError(
            f"run {record.run_id} is complete, there is nothing to resume",
            hint=f"`coldbench report {record.run_id}` shows it",
        )
    facts = record.environment["aws"]
    aws = options.aws
    target = Target(region=facts["region"], endpoint_url=aws.endpoint_url, profile=aws.profile)
    account = Account(target, environ=options.environ)
    if account.endpoint != facts["endpoint"]:
        raise RecordError(
            f"run {record.run_id} was measured at `{facts['endpoint']}`, this is"
            f" `{account.endpoint}`",
            hint="give the same `--endpoint-url`, or none",
        )
    _check_events(record)
    sources = Sources(account, options.settings.cache)
    artifacts = _same_artifacts(record, options, progress, sources)
    host = record.environment["hard"]["architecture"]
    arms = parse_arms(aws.arms)
    copies = copies_of(record, artifacts, arms, sources.found, host)
    options = replace(options, aws=replace(aws, method=facts["method"]))
    return _measured(directory, record, copies, account, options, progress)


def _check_events(record: Record) -> None:
    for event in (e for f in record.functions for e in f.events):
        if not event.path.exists() or with_digest(event) != event:
            raise RecordError(
                f"the event {event.path} changed since run {record.run_id} was interrupted",
                hint="start a new run: `coldbench run --backend aws`",
            )


def _same_artifacts(
    record: Record, options: RunOptions, progress: Progress, sources: Sources
) -> Artifacts:
    host: Architecture = record.environment["hard"]["architecture"]
    wanted = {(a.function, a.variant): a for a in record.artifacts}
    found: dict[tuple[str, str], Artifact] = {}
    selections = []
    for function in record.functions:
        variants = [v for f, v in wanted if f == function.id]
        name = sources.name_in(record, function.id)
        if name is not None:
            source = sources.copy_of(name, event=str(function.events[0].path), cwd=options.cwd)
            found[function.id, source.artifact.variant] = source.artifact
            continue
        selections.append(_selection(function, variants, host))
    pairs = [pair for s in selections for pair in to_build(s)]
    packages = by_variant(built(pairs, options, progress).artifacts)
    found |= artifacts_of_arms(selections, packages, host)
    for key, artifact in wanted.items():
        if key not in found or found[key].digest != artifact.digest:
            raise RecordError(
                f"the sources of `{key[0]}` changed since run {record.run_id} was interrupted",
                hint="start a new run: `coldbench run --backend aws`",
            )
    return found


def _selection(function: Function, variants: Sequence[str], host: Architecture) -> Selection:
    """The selection that gave these variant ids, arms included."""
    recipes = tuple(dict.fromkeys(circumstances(v, host).recipe for v in variants))
    (base,) = select((function,), patterns=recipes, keep_baseline=False, cwd=Path.cwd())
    architectures = tuple(dict.fromkeys(circumstances(v, host).architecture for v in variants))
    arms = tuple(dict.fromkeys(a for v in variants for a in circumstances(v, host).arms))
    baseline = base if base.baseline in recipes else replace(base, baseline=recipes[0])
    made = with_arms(
        baseline, architectures=architectures, host=host, settings=ArmSettings(names=arms)
    )
    return replace(made, variants=tuple(v for v in made.variants if v.id in variants))
