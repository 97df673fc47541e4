"""What is kept of each ``REPORT``: integers in columns, so that millions of them fit."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.emulator.platform_lines import Report

_NS_PER_10_US = 10_000
_NONE = -1


@dataclass(slots=True)
class Invokes:
    """Reports of one function version at one memory size. Durations in units of 10 µs."""

    duration: array[int] = field(default_factory=lambda: array("q"))
    billed_ms: array[int] = field(default_factory=lambda: array("q"))
    used_mb: array[int] = field(default_factory=lambda: array("q"))
    #: Init or restore; only of cold starts, with the duration that follows and billed ms.
    init: array[int] = field(default_factory=lambda: array("q"))
    cold_duration: array[int] = field(default_factory=lambda: array("q"))
    cold_billed_ms: array[int] = field(default_factory=lambda: array("q"))
    restores: int = 0
    #: Inits that ran long before the first event, so that nobody waited for them.
    proactive: int = 0
    failures: int = 0

    def add(self, report: Report) -> None:
        """Count one report."""
        restore = report.restore_duration_ns
        init = report.init_duration_ns if restore is None else restore
        self.add_numbers(
            report.duration_ns // _NS_PER_10_US,
            report.billed_duration_ms,
            report.max_memory_used_mb,
            _NONE if init is None else init // _NS_PER_10_US,
        )
        self.restores += restore is not None
        self.failures += report.status is not None

    def add_numbers(self, duration: int, billed_ms: int, used_mb: int, init: int = _NONE) -> None:
        """Count one report given as numbers."""
        self.duration.append(duration)
        self.billed_ms.append(billed_ms)
        self.used_mb.append(used_mb)
        if init != _NONE:
            self.init.append(init)
            self.cold_duration.append(duration)
            self.cold_billed_ms.append(billed_ms)

    def forget_cold(self) -> None:
        """The last report was of a proactive init: its times are not those of a cold start."""
        for column in (self.init, self.cold_duration, self.cold_billed_ms):
            if column:
                column.pop()


#: Function or log group, version, memory size in MB.
Key = tuple[str, str, int]


class Mine:
    """Invokes by function, version and memory size."""

    def __init__(self) -> None:
        self.groups: dict[Key, Invokes] = {}
        self.lines = 0
        #: Lines that have the words of a REPORT, and not its form.
        self.unread = 0

    def of(self, source: str, version: str, memory_mb: int) -> Invokes:
        """The group of a report; made where it is the first."""
        key = (source, version, memory_mb)
        found = self.groups.get(key)
        if found is None:
            found = self.groups[key] = Invokes()
        return found

    def __iter__(self) -> Iterator[tuple[Key, Invokes]]:
        return iter(sorted(self.groups.items()))
