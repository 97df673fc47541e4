"""What became of the nominations: both revisions measured again, in one interleaved run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.codec import from_json, to_json
from bench.errors import RecordError
from bench.history.changes import Change
from bench.history.entries import METRIC, Entry, locked, write_lines

FILE = "confirmations.jsonl"
State = Literal["confirmed", "refuted", "undecided"]
_REACH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Nomination:
    """A change point of one series, and the entries on both sides of it that are surely apart."""

    series: tuple[str, ...]
    index: int
    ratio: float
    before: Entry
    after: Entry

    @property
    def function(self) -> str:
        """The function whose series it is."""
        return self.after.function


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """The answer of a paired re-measurement to one nomination."""

    series: tuple[str, ...]
    #: Runs of the entries on both sides, which find it again in a longer series.
    before_run: str
    after_run: str
    #: Place in the series when it was measured.
    index: int
    state: State
    verdict: str
    ratio: float | None
    low: float | None
    high: float | None
    #: The run that measured both revisions.
    run: str


def nominations(entries: Sequence[Entry], changes: Iterable[Change]) -> tuple[Nomination, ...]:
    """Name the entries to measure again: one step further out than the change on each side.

    The place of a change point is sure to one entry.
    """
    return tuple(
        Nomination(
            series=entries[0].series,
            index=change.index,
            ratio=change.ratio,
            before=entries[max(0, change.index - _REACH)],
            after=entries[min(len(entries) - 1, change.index + _REACH - 1)],
        )
        for change in changes
    )


def known(
    nomination: Nomination, found: Iterable[Confirmation], entries: Sequence[Entry]
) -> Confirmation | None:
    """The latest answer to a nomination, out of those that measured both sides of it.

    A change point moves a little when entries are added. An answer holds as long as it stays
    between the two ``entries`` of its series that were compared, and not beyond.
    """
    places = {entry.run: place for place, entry in enumerate(entries)}
    same = [
        c for c in found if c.series == nomination.series and _spans(c, nomination.index, places)
    ]
    return same[-1] if same else None


def _spans(answer: Confirmation, index: int, places: Mapping[str, int]) -> bool:
    before, after = places.get(answer.before_run), places.get(answer.after_run)
    return before is not None and after is not None and before < index <= after


def decide(nomination: Nomination, result: Mapping[str, Any]) -> Confirmation:
    """Read the answer from the result file of a comparison of both revisions.

    A change is confirmed if the verdict goes the way the series went, and refuted by `same` and
    by the other way; everything else leaves it undecided, to be asked again.
    """
    after = nomination.after
    asked = (METRIC, after.event, after.memory_mb, after.page_cache)
    row = next(
        (
            c
            for c in result["comparisons"]
            if (c["metric"], c["event"], c["memory_mb"], c["page_cache"]) == asked
        ),
        None,
    )
    verdict = row["verdict"] if row else result["verdict"]
    return Confirmation(
        series=nomination.series,
        before_run=nomination.before.run,
        after_run=nomination.after.run,
        index=nomination.index,
        state=_state(nomination, verdict, row["ratio"] if row else None),
        verdict=verdict,
        ratio=row["ratio"] if row else None,
        low=row["low"] if row else None,
        high=row["high"] if row else None,
        run=result["run"]["id"],
    )


def _state(nomination: Nomination, verdict: str, ratio: float | None) -> State:
    if verdict == "same":
        return "refuted"
    if verdict in ("faster", "slower", "small change") and ratio is not None:
        return "confirmed" if (ratio > 1) == (nomination.ratio > 1) else "refuted"
    return "undecided"


def load(directory: Path) -> tuple[Confirmation, ...]:
    """Read all answers, oldest first; empty without any.

    Raises:
        RecordError: the file is damaged.
    """
    file = directory / FILE
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return tuple(from_json(Confirmation, json.loads(line)) for line in lines)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        raise RecordError(f"{file} is damaged: {error}") from None


def append(directory: Path, confirmation: Confirmation) -> None:
    """Add one answer.

    Raises:
        StorageError: it cannot be written.
    """
    with locked(directory):
        rows = (*load(directory), confirmation)
        write_lines(directory / FILE, (to_json(row) for row in rows))
