"""A history as series with their nominations and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.history.changes import SMALLEST_SERIES, nominate
from bench.history.confirmations import Confirmation, Nomination, known, nominations
from bench.history.entries import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One series and what is known about its changes, by the nomination that they began as."""

    entries: tuple[Entry, ...]
    nominated: tuple[tuple[Nomination, Confirmation | None], ...]

    @property
    def name(self) -> str:
        """Function, variant and conditions."""
        last = self.entries[-1]
        cache = ", evicted page cache" if last.page_cache == "evicted" else ""
        return f"{last.function} {last.variant} ({last.event}, {last.memory_mb} MB{cache})"

    @property
    def is_long_enough(self) -> bool:
        """Whether there are enough entries to look for changes."""
        return len(self.entries) >= SMALLEST_SERIES

    @property
    def confirmed(self) -> tuple[tuple[Nomination, Confirmation], ...]:
        """The changes that may be told."""
        return tuple((n, c) for n, c in self.nominated if c is not None and c.state == "confirmed")


def trends(entries: Sequence[Entry], found: Sequence[Confirmation]) -> tuple[Trend, ...]:
    """Split a history into its series, in the order of their first entries.

    Raises:
        UsageError: the library that cuts series is not installed.
    """
    series: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        series.setdefault(entry.series, []).append(entry)
    return tuple(_trend(tuple(rows), found) for rows in series.values())


def _trend(rows: tuple[Entry, ...], found: Sequence[Confirmation]) -> Trend:
    named = nominations(rows, nominate(rows))
    return Trend(entries=rows, nominated=tuple((n, known(n, found, rows)) for n in named))
