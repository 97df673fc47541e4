"""``--resume``: an interrupted run, with the packages and inputs that it began with."""

from __future__ import annotations

from pathlib import Path

from bench.build.archive import tree_digest
from bench.commands.options import LATEST, RunOptions
from bench.commands.preparation import Artifacts, Prepared, built, by_variant, with_digest
from bench.commands.records import find_record, run_ids
from bench.errors import RecordError
from bench.functions.targets import Selection, select
from bench.history.entries import ANCHOR
from bench.machine.fingerprint import collect
from bench.model import Record
from bench.progress import Progress
from bench.store import in_progress, is_in_progress, load_record
from bench.subjects import Function


def resumed(options: RunOptions, progress: Progress) -> Prepared:
    """Load an interrupted run; its packages are built again and must be the same ones."""
    directory = resumable(options, progress)
    record = interrupted(directory)
    check_same_events(record)
    _check_same_machine(record, options)
    if record.revisions or any(a.variant == ANCHOR for a in record.artifacts):
        return Prepared(directory, record, _stored(record))
    functions = {f.id: f for f in record.functions}
    wanted = {(a.function, a.variant): a for a in record.artifacts}
    selections = tuple(
        _selection(f, tuple(v for i, v in wanted if i == f.id)) for f in functions.values()
    )
    pairs = [(s.function, v) for s in selections for v in s.variants]
    artifacts = by_variant(built(pairs, options, progress).artifacts)
    for key, artifact in wanted.items():
        if key not in artifacts or artifacts[key].digest != artifact.digest:
            raise RecordError(
                f"the sources of `{key[0]}` changed since run {record.run_id} was interrupted",
                hint="start a new run: `coldbench run`",
            )
    return Prepared(directory, record, artifacts)


def _stored(record: Record) -> Artifacts:
    """The packages of a run whose sources may be gone, as the build cache still has them.

    Raises:
        RecordError: it does not have them any more.
    """
    for artifact in record.artifacts:
        kept = artifact.tree_path.is_dir() and tree_digest(artifact.tree_path) == artifact.digest
        if not kept:
            raise RecordError(
                f"the build cache has no package of `{artifact.function}` at"
                f" `{artifact.variant}` any more",
                hint=f"measure again: `{record.command}`",
            )
    return by_variant(record.artifacts)


def interrupted(directory: Path) -> Record:
    """The record of a run that can go on.

    Raises:
        RecordError: it is going on already, is complete, or is damaged.
    """
    if is_in_progress(directory):
        raise in_progress(directory)
    record = load_record(directory)
    if record.complete:
        raise RecordError(
            f"run {record.run_id} is complete, there is nothing to resume",
            hint=f"`coldbench report {record.run_id}` shows it",
        )
    return record


def check_same_events(record: Record, *, otherwise: str = "coldbench run") -> None:
    """Trials of two different inputs must not end up in one cell.

    Raises:
        RecordError: an event is not what it was; ``otherwise`` starts a new run.
    """
    for event in (e for f in record.functions for e in f.events):
        if not event.path.exists() or with_digest(event) != event:
            raise RecordError(
                f"the event {event.path} changed since run {record.run_id} was interrupted",
                hint=f"start a new run: `{otherwise}`",
            )


def _check_same_machine(record: Record, options: RunOptions) -> None:
    """Nor trials of two machines.

    Raises:
        RecordError: a hard fact of the machine is not what it was.
    """
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


def resumable(options: RunOptions, progress: Progress) -> Path:
    """Find the run that is to go on: the one named, or the last that was interrupted."""
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
