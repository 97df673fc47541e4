"""``coldbench run --backend aws``: plan and price first, then the same run on real Lambda."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench import __version__
from bench.build.toolchain import machine
from bench.cloud.account import Account, Target
from bench.cloud.arms import (
    artifacts_of_arms,
    circumstances,
    parse_arms,
    to_build,
    with_arms,
)
from bench.cloud.assignment import copies_of
from bench.cloud.copies import Copy
from bench.cloud.estimate import Estimate, describe, describe_calls, estimate
from bench.cloud.source import Sources
from bench.commands.measure_aws import measured
from bench.commands.options import RunOptions
from bench.commands.preparation import (
    Artifacts,
    all_failed,
    built,
    by_variant,
    new_record,
)
from bench.commands.resume_aws import resume
from bench.cost.price import architecture_of, dollars
from bench.cost.table import load
from bench.errors import UsageError
from bench.functions.targets import Selection, resolve_targets, select
from bench.model import WALL, Plan, Record
from bench.planning import Wishes, make_plan
from bench.progress import Progress, choose
from bench.store import create_record
from bench.subjects import Artifact, FailedBuild

#: One round warms Lambda's code caches after an upload; it is recorded and not judged.
_DISCARDED_ROUNDS = 1


def execute(options: RunOptions) -> tuple[str, int]:
    """Run the plan in every region and give the reports for stdout, with the worst exit code.

    Raises:
        BenchError: with its exit code; what was measured until then is recorded.
    """
    progress = choose(options.verbosity, sys.stderr)
    if options.resume is not None:
        return resume(options, progress)
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
        self._account.check()
        if self._options.aws.role is not None:
            self._account.check_role(self._options.aws.role)
        directory = self._options.settings.out / "records" / record.run_id
        create_record(directory, record)
        return measured(directory, record, copies, self._account, self._options, self._progress)

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
            source.check(architectures=options.aws.architectures, arms=self._arms.names)
            selection = with_arms(
                source.selection,
                architectures=(self._host,),
                host=self._host,
                settings=self._arms,
            )
            selections = (*selections, selection)
            found = {(source.artifact.function, source.artifact.variant): source.artifact}
            artifacts |= artifacts_of_arms((selection,), found, self._host)
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
    wishes = Wishes(
        limits=True,
        everything=options.everything,
        smoke=options.smoke,
        sizes=True,
        primary=WALL,
    )
    plan = make_plan(selections, artifacts, settings, wishes)
    return replace(
        plan,
        discarded_rounds=min(plan.discarded_rounds, _DISCARDED_ROUNDS),
        looks=(plan.rounds,),
        known_shift=None,
    )


def _check_cost(found: Estimate, options: RunOptions) -> None:
    limit = options.aws.max_cost_usd
    if found.usd > limit and not options.aws.yes:
        raise UsageError(
            f"the run is estimated at {dollars(found.usd)}, above the limit of {dollars(limit)};"
            " nothing was made",
            hint=f"`--yes`, or `--max-cost {math.ceil(found.usd)}`, or fewer `--rounds`, `--memory`"
            " sizes and variants",
        )
