"""From invokes to figures: how many starts are cold, how long they take, and what init costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.codec import to_json
from bench.mining.invokes import Invokes, Mine

_MS = 100  # units of 10 µs
PERCENTILES = (50, 90, 95, 99)
#: Fewer values than this do not show a 99th percentile.
_SMALLEST_FOR = {50: 1, 90: 10, 95: 20, 99: 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedGroup:
    """One function version at one memory size. Times in ms; None where there are too few."""

    source: str
    version: str
    memory_mb: int
    invokes: int
    cold: int
    proactive: int
    restores: int
    failures: int
    init_ms: Mapping[str, float | None]
    cold_total_ms: Mapping[str, float | None]
    duration_ms: Mapping[str, float | None]
    billed_ms: int
    #: The part of the billed time that is init: of cold starts, billed minus rounded-up duration.
    billed_init_ms: int
    memory_used_mb: int

    @property
    def cold_share(self) -> float:
        """Cold starts per invoke."""
        return self.cold / self.invokes if self.invokes else 0.0

    @property
    def memory_head_room(self) -> float:
        """The share of the memory that was never used."""
        return 1 - self.memory_used_mb / self.memory_mb


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """Everything that was found, and where it came from."""

    sources: tuple[str, ...]
    lines: int
    groups: tuple[MinedGroup, ...]
    warnings: tuple[str, ...] = ()
    #: X-Ray: name of the subsegment -> percentiles in ms; empty where there are no traces.
    traces: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data, with the two shares that are derived."""
        data: dict[str, Any] = to_json(self)
        for plain, group in zip(data["groups"], self.groups, strict=True):
            plain["cold_share"] = round(group.cold_share, 6)
            plain["memory_head_room"] = round(group.memory_head_room, 4)
        return {"schema": "coldbench-mine/1", **data}


def summarise(
    mine: Mine,
    *,
    traces: Mapping[str, Mapping[str, float | None]] | None = None,
    warnings: tuple[str, ...] = (),
) -> Mined:
    """Figures of all groups, in the order of source, version and memory size."""
    if mine.unread:
        warnings = (*warnings, words_of_unread(mine))
    sources = tuple(dict.fromkeys(key[0] for key, _ in mine))
    groups = tuple(_group(*key, invokes) for key, invokes in mine)
    return Mined(
        sources=sources, lines=mine.lines, groups=groups, warnings=warnings, traces=traces or {}
    )


def words_of_unread(mine: Mine) -> str:
    """How many lines had the words of a report and not its form."""
    return f"{mine.unread:,} REPORT lines were not understood and are not counted"


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """``p50`` to ``p99`` and ``max``; a quantile is an observed value (nearest rank)."""
    ordered = sorted(values)
    found: dict[str, float | None] = {}
    for percent in PERCENTILES:
        rank = -(-percent * len(ordered) // 100)
        known = len(ordered) >= _SMALLEST_FOR[percent]
        found[f"p{percent}"] = ordered[rank - 1] if known and ordered else None
    found["max"] = ordered[-1] if ordered else None
    return found


def _group(source: str, version: str, memory_mb: int, invokes: Invokes) -> MinedGroup:
    totals = [a + b for a, b in zip(invokes.init, invokes.cold_duration, strict=True)]
    init_billed = (
        billed - -(-duration // _MS)
        for billed, duration in zip(invokes.cold_billed_ms, invokes.cold_duration, strict=True)
    )
    return MinedGroup(
        source=source,
        version=version,
        memory_mb=memory_mb,
        invokes=len(invokes.duration),
        cold=len(invokes.init),
        proactive=invokes.proactive,
        restores=invokes.restores,
        failures=invokes.failures,
        init_ms=percentiles([v / _MS for v in invokes.init]),
        cold_total_ms=percentiles([v / _MS for v in totals]),
        duration_ms=percentiles([v / _MS for v in invokes.duration]),
        billed_ms=sum(invokes.billed_ms),
        billed_init_ms=sum(max(0, ms) for ms in init_billed),
        memory_used_mb=max(invokes.used_mb, default=0),
    )


def markdown(mined: Mined) -> str:
    """The figures as Markdown."""
    lines = [
        "# Cold starts in production",
        "",
        f"{sum(g.invokes for g in mined.groups):,} invokes in {mined.lines:,} log events of "
        + ", ".join(f"`{source}`" for source in mined.sources),
        "",
        "| function | version | MB | invokes | cold | share | init p50 | p90 | p99 | cold total p50"
        " | p90 | p99 | all p99 | billed init | head-room | proactive | failed |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(_row(group) for group in mined.groups),
        "",
        "Times in ms. Cold total is init (or restore) and the invoke that followed it. Billed init"
        " is its share of all billed time. Head-room is the memory never used. Proactive inits had"
        " nobody waiting and are not among the cold starts.",
    ]
    lines += ["", *(f"- {warning}" for warning in mined.warnings)] if mined.warnings else []
    if mined.traces:
        lines += ["", "| X-Ray subsegment | p50 | p90 | p99 |", "|---|--:|--:|--:|"]
        lines += [
            f"| {name} | {_ms(found['p50'])} | {_ms(found['p90'])} | {_ms(found['p99'])} |"
            for name, found in mined.traces.items()
        ]
    return "\n".join(lines) + "\n"


def _row(group: MinedGroup) -> str:
    init, total = group.init_ms, group.cold_total_ms
    share = group.billed_init_ms / group.billed_ms if group.billed_ms else 0.0
    return (
        f"| `{group.source}` | {group.version} | {group.memory_mb} | {group.invokes:,} "
        f"| {group.cold:,} | {group.cold_share:.2%} "
        f"| {_ms(init['p50'])} | {_ms(init['p90'])} | {_ms(init['p99'])} "
        f"| {_ms(total['p50'])} | {_ms(total['p90'])} | {_ms(total['p99'])} "
        f"| {_ms(group.duration_ms['p99'])} | {share:.1%} | {group.memory_head_room:.0%} "
        f"| {group.proactive} | {group.failures} |"
    )


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
