"""``history.jsonl``: one line per function, event and run; lines are only ever added.

Schema history:

* ``coldbench-history/1``: the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from bench.codec import from_json, to_json
from bench.errors import MeasurementError, RecordError, cannot_write
from bench.judgement import Comparison, Judgement
from bench.model import Commit, Record
from bench.store import ANOTHER_DIRECTORY, write_whole
from bench.subjects import PageCache

SCHEMA = "coldbench-history/1"
FILE = "history.jsonl"
#: The variant id under which an anchor runs.
ANCHOR = "anchor"
METRIC = "cpu_cold_total"
#: Identical times of a coarse clock have no spread, but no ratio is known better than this.
_SMALLEST_ERROR = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Build of one commit against the anchor, on CPU time of the cold total."""

    schema: str
    run: str
    started: str
    commit: Commit
    function: str
    variant: str
    event: str
    memory_mb: int
    page_cache: PageCache
    #: SHA-256 of the anchor's unpacked tree: another anchor begins another series.
    anchor: str
    #: SHA-256 of the tree that was measured against it.
    digest: str
    ratio: float
    low: float
    high: float
    confidence: float
    n: int
    #: Standard error of the logarithm of ``ratio``, from the width of its interval.
    standard_error: float
    #: Digest of the hard facts of the machine, and two of them for people.
    environment: str
    machine: Mapping[str, str]

    @property
    def series(self) -> tuple[str, ...]:
        """What entries of one series share."""
        return (
            *(self.function, self.variant, self.event, str(self.memory_mb)),
            *(self.page_cache, self.anchor),
        )


def hard_key(environment: Mapping[str, Any]) -> str:
    """Digest of what absolute times depend on; equal on machines of one type."""
    facts = json.dumps(environment.get("hard", {}), sort_keys=True, default=str)
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def entries_of(record: Record, judgement: Judgement, commit: Commit) -> tuple[Entry, ...]:
    """Make the entries of a run in which anchors were the baselines.

    Raises:
        MeasurementError: the run is unfit, unfinished or a smoke run: nothing of it is history.
        RecordError: no function of the run has its anchor as the baseline.
    """
    _refuse_unsound(record, judgement)
    compared = [
        c
        for c in judgement.comparisons
        if c.metric == METRIC and c.baseline == ANCHOR and c.ratio is not None and c.low is not None
    ]
    found = tuple(_entry(c, record, commit) for c in compared)
    if not found:
        raise RecordError(
            f"run {record.run_id} compared nothing with an anchor",
            hint="`coldbench trend --anchor` pins anchors, `coldbench trend --measure` uses them",
        )
    return found


def _refuse_unsound(record: Record, judgement: Judgement) -> None:
    reason = "; ".join(judgement.fit_reasons)
    if record.plan.smoke:
        reason = "a smoke run is no measurement"
    elif not record.complete:
        reason = "the run was interrupted"
    if reason or not judgement.fit:
        raise MeasurementError(
            f"run {record.run_id} is not added to the history: {reason or 'it is unfit'}",
            hint="measure again: `coldbench trend --measure`",
        )


def _digests(record: Record) -> dict[tuple[str, str], str]:
    return {(a.function, a.variant): a.digest for a in record.artifacts}


def _entry(c: Comparison, record: Record, commit: Commit) -> Entry:
    assert c.ratio is not None
    assert c.low is not None
    assert c.high is not None
    level = 1 - (1 - c.confidence) / (2 * max(1, c.looks))
    error = math.log(c.high / c.low) / (2 * NormalDist().inv_cdf(level))
    digests = _digests(record)
    return Entry(
        schema=SCHEMA,
        run=record.run_id,
        started=record.started,
        commit=commit,
        function=c.function,
        variant=c.candidate,
        event=c.event,
        memory_mb=c.memory_mb,
        page_cache=c.page_cache,
        anchor=digests[c.function, ANCHOR],
        digest=digests[c.function, c.candidate],
        ratio=c.ratio,
        low=c.low,
        high=c.high,
        confidence=c.confidence,
        n=c.n,
        standard_error=max(error, _SMALLEST_ERROR),
        environment=hard_key(record.environment),
        machine=_machine(record),
    )


def _machine(record: Record) -> dict[str, str]:
    hard = record.environment.get("hard", {})
    return {name: str(hard.get(name, "unknown")) for name in ("architecture", "cpu_model")}


def load(directory: Path) -> tuple[Entry, ...]:
    """Read the history, oldest first; empty without one.

    Raises:
        RecordError: a line that is damaged, or of another schema; names the line.
    """
    file = directory / FILE
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot read {file}: {error}") from None
    return tuple(_read(line, f"{file}, line {number}") for number, line in enumerate(lines, 1))


def _read(line: str, where: str) -> Entry:
    try:
        entry = from_json(Entry, json.loads(line))
    except ValueError as error:
        raise RecordError(
            f"{where} is damaged: {error}", hint="restore the file from version control"
        ) from None
    if entry.schema != SCHEMA:
        raise RecordError(
            f"{where} has schema `{entry.schema}`, this coldbench reads `{SCHEMA}`",
            hint="upgrade coldbench: `pip install --upgrade coldbench`",
        )
    numbers = (entry.ratio, entry.low, entry.high, entry.standard_error)
    if not all(math.isfinite(value) and value > 0 for value in numbers):
        raise RecordError(f"{where} is damaged: a ratio that cannot be")
    return entry


def append(directory: Path, entries: Sequence[Entry]) -> int:
    """Add what is not there yet, all of it or nothing; gives how many lines were added.

    Raises:
        RecordError: the file there is damaged, and stays as it is.
        StorageError: it cannot be written.
    """
    with locked(directory):
        known = load(directory)
        seen = {(entry.run, *entry.series) for entry in known}
        new = [entry for entry in entries if (entry.run, *entry.series) not in seen]
        if new:
            write_lines(directory / FILE, (to_json(entry) for entry in (*known, *new)))
    return len(new)


def write_lines(file: Path, rows: Iterable[Any]) -> None:
    """Replace a file of JSON lines as a whole.

    Raises:
        StorageError: it cannot be written; the old one stays.
    """
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_whole(file, "".join(lines).encode())


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the history for one writer at a time; makes its directory.

    Raises:
        StorageError: the directory cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise cannot_write(directory, error, instead=ANOTHER_DIRECTORY) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
