"""What a person sees on stderr while a run builds and measures."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from bench.model import Plan
from bench.session.schedule import rounds
from bench.units import format_duration

#: Without a terminal, a line is printed this often.
_LINE_INTERVAL_S = 10.0


class Progress(Protocol):
    """An observer of a whole run."""

    def say(self, text: str) -> None:
        """Tell one thing that happened."""

    def begin(self, plan: Plan, done: int) -> None:
        """Measuring begins; ``done`` trials are recorded already. More may be allotted later."""

    def event(self, event: Mapping[str, Any]) -> None:
        """One event of the measuring process."""

    def end(self) -> None:
        """Measuring ended, one way or another."""


class Silent:
    """Says nothing: ``-q``."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def begin(self, plan: Plan, done: int) -> None:
        """Say nothing."""

    def event(self, event: Mapping[str, Any]) -> None:
        """Say nothing."""

    def end(self) -> None:
        """Say nothing."""


class Lines:
    """Plain lines, one every ten seconds: for logs."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._tally = Tally(0, 0.0)
        self._next_s = 0.0

    def say(self, text: str) -> None:
        """Print a line; a reader that went away misses it, and the run goes on."""
        with contextlib.suppress(BrokenPipeError):
            self._stream.write(text + "\n")
            self._stream.flush()

    def begin(self, plan: Plan, done: int) -> None:
        """Start counting."""
        self._tally = Tally(_planned(plan), self._clock(), done)
        self._next_s = self._clock() + _LINE_INTERVAL_S

    def event(self, event: Mapping[str, Any]) -> None:
        """Count, and print where things stand when it is time."""
        self._tally.count(event)
        now_s = self._clock()
        if now_s >= self._next_s:
            self._next_s = now_s + _LINE_INTERVAL_S
            self.say(self._tally.words(now_s))

    def end(self) -> None:
        """Print the last count."""
        self.say(self._tally.words(self._clock()))


class Live:
    """A bar that moves, for terminals. Redrawn twice a second to leave the processors alone."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._clock = clock
        self._tally = Tally(0, 0.0)
        self._console = Console(file=stream, highlight=False)
        self._bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self._console,
            refresh_per_second=2,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False)

    def begin(self, plan: Plan, done: int) -> None:
        """Show the bar."""
        self._tally = Tally(_planned(plan), self._clock(), done)
        self._bar.update(self._task, total=self._tally.total, completed=done)
        self._bar.start()

    def event(self, event: Mapping[str, Any]) -> None:
        """Move the bar."""
        self._tally.count(event)
        words = self._tally.words(self._clock()).replace("[", r"\[")
        self._bar.update(
            self._task,
            total=self._tally.total,
            completed=self._tally.done,
            description=words,
        )

    def end(self) -> None:
        """Take the bar away and leave the last count."""
        self._bar.stop()
        self.say(self._tally.words(self._clock()))


class Tally:
    """How far a run is, how long it still takes, and the last estimate it has seen."""

    def __init__(self, total: int, begin_s: float, done: int = 0) -> None:
        self.total = total
        self.done = done
        self.failed = 0
        self._begin_s = begin_s
        self._before = done
        self._last = ""

    def count(self, event: Mapping[str, Any]) -> None:
        """Take one event of the measuring process into account."""
        if event["event"] == "allotted":
            self.total += event["trials"]
            return
        self.done += 1
        if event["event"] != "trial":
            return
        name = f"{event['function']} {event['variant']} {event['memory_mb']} MB"
        if event["outcome"] == "failed":
            self.failed += 1
            self._last = f"{name}: failed"
        else:
            self._last = f"{name}: cold total {format_duration(event['cold_total_ns'])}"

    def words(self, now_s: float) -> str:
        """For example ``612/1216 trials, 48 s left, go/hello norpc 1769 MB: cold total 3 ms``."""
        parts = [f"{self.done}/{self.total} trials"]
        fresh = self.done - self._before
        if fresh > 0 and self.done < self.total:
            left_s = (now_s - self._begin_s) / fresh * (self.total - self.done)
            parts.append(f"{left_s:.0f} s left")
        if self.done >= self.total:
            parts.append(f"{now_s - self._begin_s:.0f} s")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return ", ".join([*parts, self._last] if self._last else parts)


def _planned(plan: Plan) -> int:
    return sum(len(slots) for slots in rounds(plan))


def choose(verbosity: int, stream: TextIO) -> Progress:
    """Silent with ``-q``, a bar on a terminal, else lines."""
    if verbosity < 0:
        return Silent()
    return Live(stream) if stream.isatty() else Lines(stream)
