"""What real Lambda charged: cold starts and warm invokes by memory size and architecture."""

from __future__ import annotations

from collections.abc import Sequence

from bench.cloud.arms import circumstances
from bench.cost.price import Architecture, architecture_of
from bench.cost.table import Prices
from bench.model import Cell, Trial
from bench.report.document import Code, Column, Entry, Paragraph, Row, Section, Table
from bench.report.findings import Findings

_NS_PER_MS = 1_000_000


def section(findings: Findings) -> Section | None:
    """One table per function; None for a run that was not on real Lambda."""
    if not findings.in_cloud:
        return None
    facts = findings.record.environment.get("aws", {})
    known = facts.get("prices", {})
    prices = Prices(
        gb_second={a: known[a] for a in _ARCHITECTURES if known.get(a)},
        million_requests=known.get("million_requests"),
    )
    legend = Paragraph(
        text=(
            "Median billed duration of a cold start and of a warm invoke as Lambda reported them,"
            " and the price of a million of each in USD: on demand, first tier, requests included,"
            f" {facts.get('region', 'an unknown region')}, prices of {known.get('date', '?')}."
            " Init is what of the cold start's price is billed for the init phase.",
        ),
        tone="quiet",
    )
    trials = _by_cell(findings.record.trials)
    tables = [_table(findings, f, trials, prices) for f in findings.functions()]
    return Section(title="Cost", blocks=(legend, *(t for t in tables if t.rows)))


_ARCHITECTURES: tuple[Architecture, ...] = ("x86_64", "arm64")


def _by_cell(trials: Sequence[Trial]) -> dict[Cell, list[Trial]]:
    found: dict[Cell, list[Trial]] = {}
    for trial in trials:
        if trial.outcome == "ok" and not trial.discarded and trial.arm == "variant":
            found.setdefault(trial.cell, []).append(trial)
    return found


def _table(
    findings: Findings, function: str, trials: dict[Cell, list[Trial]], prices: Prices
) -> Table:
    cells = [c for c in findings.record.plan.cells if c.function == function and c in trials]
    return Table(
        title=(Code(function),),
        columns=(
            Column(title="variant", align="left"),
            Column(title="event", align="left"),
            Column(title="architecture", align="left"),
            Column(title="memory", unit="MB"),
            Column(title="cold billed", unit="ms"),
            Column(title="warm billed", unit="ms"),
            Column(title="million cold", unit="$"),
            Column(title="of that init", unit="$"),
            Column(title="million warm", unit="$"),
        ),
        rows=tuple(_row(findings, cell, trials[cell], prices) for cell in cells),
    )


def _row(findings: Findings, cell: Cell, trials: Sequence[Trial], prices: Prices) -> Row:
    architecture = circumstances(cell.variant, architecture_of(findings.machine())).architecture
    cold_ms = _median([t.guards["billed_ms"] for t in trials])
    invoke_ms = _median([-(-t.phases["first_invoke"] // _NS_PER_MS) for t in trials])
    warm = [
        t.guards["warm_billed_ms"] / len(t.warm_invokes_ns) for t in trials if t.warm_invokes_ns
    ]
    warm_ms = _median(warm)
    cold_usd = _usd(prices, cold_ms, cell.memory_mb, architecture)
    without_usd = _usd(prices, invoke_ms, cell.memory_mb, architecture)
    init_usd = None if cold_usd is None or without_usd is None else max(0.0, cold_usd - without_usd)
    return Row(
        entries=(
            Entry(text=(cell.variant,)),
            Entry(text=(cell.event,)),
            Entry(text=(architecture,)),
            Entry(text=(str(cell.memory_mb),)),
            _number(cold_ms),
            _number(warm_ms),
            _price(cold_usd),
            _price(init_usd),
            _price(_usd(prices, warm_ms, cell.memory_mb, architecture)),
        )
    )


def _usd(
    prices: Prices, billed_ms: float | None, memory_mb: int, architecture: Architecture
) -> float | None:
    if billed_ms is None:
        return None
    usd = prices.usd(billed_ms, memory_mb, architecture)
    return None if usd is None else usd * 1_000_000


def _median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def _number(value: float | None) -> Entry:
    return Entry(text=("–" if value is None else f"{value:.0f}",))


def _price(usd: float | None) -> Entry:
    return Entry(text=("–" if usd is None else f"{usd:.2f}",))
