"""What a file of another tool allows to be said, and what it does not, with the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.foreign.drift import SMALLEST, Drift, estimate
from bench.foreign.series import ForeignFile, Series, Tool
from bench.units import format_change

#: From this multiple of the others on, a first time shows another state of the machine's caches.
_FIRST_MAX = 1.5
_P_MAX = 0.01
_PERSISTENCE_MIN = 0.2
_ORDERS: dict[Tool, str] = {
    "hyperfine": "hyperfine runs all of one command and then all of the next (blocks)",
    "pytest-benchmark": "pytest-benchmark runs all rounds of one test and then those of the next"
    " (blocks), in the order of the tests",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two series of one group beside each other: never a verdict."""

    baseline: str
    candidate: str
    #: Candidate / baseline, of medians, or of means where the file has nothing better.
    ratio: float | None
    #: Whether that is more than the machine moved by itself inside a block; None = not known.
    beyond_drift: bool | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What was found in a foreign file."""

    tool: Tool
    run: str | None
    series: tuple[Series, ...]
    drifts: tuple[Drift | None, ...]
    differences: tuple[Difference, ...]
    can: tuple[str, ...]
    cannot: tuple[str, ...]

    @property
    def unrest(self) -> float | None:
        """The most that one unchanged program moved; None where no block has enough times."""
        return _unrest(self.drifts)


def assess(file: ForeignFile) -> Assessment:
    """Say what can be concluded from a file of another tool."""
    drifts = tuple(estimate(s.times_s) if s.times_s else None for s in file.series)
    return Assessment(
        tool=file.tool,
        run=file.run,
        series=file.series,
        drifts=drifts,
        differences=tuple(_differences(file.series, _unrest(drifts))),
        can=tuple(_can(file, drifts)),
        cannot=tuple(_cannot(file, drifts)),
    )


def _unrest(drifts: Sequence[Drift | None]) -> float | None:
    return max((drift.unrest for drift in drifts if drift), default=None)


def _differences(series: Sequence[Series], unrest: float | None) -> Iterator[Difference]:
    """Each series against the first of its group, which is what these tools call the reference."""
    baselines: dict[str, Series] = {}
    for candidate in series:
        baseline = baselines.setdefault(candidate.group, candidate)
        if baseline is not candidate:
            yield _difference(baseline, candidate, unrest)


def _difference(baseline: Series, candidate: Series, unrest: float | None) -> Difference:
    if not baseline.median_s or not candidate.median_s:
        return _told(baseline, candidate, None, None, "a time of 0 has no ratio")
    ratio = candidate.median_s / baseline.median_s
    change = f"medians differ by {format_change(ratio)}"
    if unrest is None:
        words = f"{change}; how much the machine moved by itself cannot be told from this file"
        return _told(baseline, candidate, ratio, None, words)
    beyond = max(ratio, 1 / ratio) - 1 > unrest
    size = f"{unrest * 100:.1f} % that a single block moved by itself"
    words = (
        f"{change}, more than the {size}: worth a proper test, but the blocks ran one after the"
        " other, so a change of the machine between them is not excluded"
        if beyond
        else f"{change}, no more than the {size}: nothing can be said"
    )
    return _told(baseline, candidate, ratio, beyond, words)


def _told(
    baseline: Series, candidate: Series, ratio: float | None, beyond: bool | None, words: str
) -> Difference:
    return Difference(
        baseline=baseline.name,
        candidate=candidate.name,
        ratio=ratio,
        beyond_drift=beyond,
        words=words,
    )


def _can(file: ForeignFile, drifts: Sequence[Drift | None]) -> Iterator[str]:
    if any(series.times_s for series in file.series):
        yield "how each program's times were distributed while it was measured"
    else:
        yield "the mean that each program had while it was measured"
    if any(drifts):
        yield (
            f"how steady the machine was: one unchanged program moved by up to"
            f" {(_unrest(drifts) or 0.0) * 100:.1f} % between parts of its own block"
        )


def _cannot(file: ForeignFile, drifts: Sequence[Drift | None]) -> Iterator[str]:
    yield (
        f"whether one program is faster than another: {_ORDERS[file.tool]}, so whatever changed on"
        " the machine in between is part of every difference"
    )
    yield "paired differences: no time of one program belongs to a time of another"
    yield from _about_times(file.series)
    if not any(drifts):
        yield (
            f"how much of a difference is drift: no program has {SMALLEST} times in the order in"
            " which they were taken"
        )
    for series, drift in zip(file.series, drifts, strict=True):
        if drift is not None:
            yield from _about_drift(series, drift)


def _about_times(series: Sequence[Series]) -> Iterator[str]:
    summaries = [s.name for s in series if s.times_s is None]
    if summaries:
        yield f"anything about single times of {_names(summaries)}: the file has summaries only"
    averaged = [s for s in series if s.iterations > 1]
    if averaged:
        most = max(s.iterations for s in averaged)
        yield (
            f"single calls of {_names([s.name for s in averaged])}: each time is the mean of up to"
            f" {most} calls, which averages cold starts away"
        )
    for one in series:
        if one.failures:
            yield (
                f"the speed of `{one.name}`: {one.failures} of its {one.n} runs failed, and a"
                " failure's time is not a success's"
            )


def _about_drift(series: Series, drift: Drift) -> Iterator[str]:
    if drift.p < _P_MAX:
        yield (
            f"a level of `{series.name}`: its times drifted by {drift.trend * 100:+.1f} % from the"
            f" first to the last third of its block (rank correlation with order"
            f" {drift.correlation:+.2f}, p = {drift.p:.1g})"
        )
    elif drift.persistence > _PERSISTENCE_MIN:
        yield (
            f"an interval for `{series.name}`: neighbouring times resemble each other (rank"
            f" correlation {drift.persistence:.2f}), so they are fewer than {series.n} observations"
        )
    if drift.first > _FIRST_MAX:
        yield (
            f"one state of the caches for `{series.name}`: its first time was {drift.first:.1f}"
            " times the median of the others"
        )


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
