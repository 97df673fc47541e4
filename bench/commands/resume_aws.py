"""``coldbench run --backend aws --resume``: an interrupted run goes on with what is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.cloud.account import Account, Target
from bench.cloud.arms import (
    ArmSettings,
    artifacts_of_arms,
    circumstances,
    parse_arms,
    to_build,
    with_arms,
)
from bench.cloud.assignment import copies_of
from bench.cloud.source import Sources
from bench.commands.measure_aws import measured
from bench.commands.options import RunOptions
from bench.commands.preparation import Artifacts, built, by_variant
from bench.commands.resumption import check_same_events, interrupted, resumable
from bench.cost.price import Architecture
from bench.errors import RecordError
from bench.functions.targets import Selection, select
from bench.model import Record
from bench.progress import Progress
from bench.subjects import Artifact, Function


def resume(options: RunOptions, progress: Progress) -> tuple[str, int]:
    """Go on with an interrupted run: same packages, same events, same region, new copies."""
    directory = resumable(options, progress)
    record = interrupted(directory)
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
    check_same_events(record, otherwise="coldbench run --backend aws")
    account.check()
    if aws.role is not None:
        account.check_role(aws.role)
    sources = Sources(account, options.settings.cache)
    artifacts = _same_artifacts(record, options, progress, sources)
    host = record.environment["hard"]["architecture"]
    arms = parse_arms(aws.arms)
    copies = copies_of(record, artifacts, arms, sources.found, host)
    options = replace(options, aws=replace(aws, method=facts["method"]))
    return measured(directory, record, copies, account, options, progress)


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
            found |= {(function.id, v): replace(source.artifact, variant=v) for v in variants}
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
