"""What the exports have in common: measured cells in the plan's order, and the run's caveat."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.judgement import CellSummary, Judgement
from bench.model import Cell, Record

#: Durations in other tools' files are seconds.
NS_PER_S = 1_000_000_000


def caveat(record: Record, judgement: Judgement) -> str | None:
    """Why the numbers of a run must not be taken for a measurement; None for a fit run."""
    if record.plan.smoke:
        return "smoke run: too few trials to say anything about speed"
    if not judgement.fit:
        reasons = "; ".join(judgement.fit_reasons) or "no reason was recorded"
        return f"unfit run: {reasons}"
    return None


def label(record: Record) -> str:
    """The word that stands before every name of a run with a :func:`caveat`."""
    return "SMOKE" if record.plan.smoke else "UNFIT"


def measured(record: Record, judgement: Judgement, metric: str) -> Iterator[CellSummary]:
    """Give the planned cells that have at least one sample of ``metric``."""
    planned = set(record.plan.cells)
    for summary in judgement.cells:
        if summary.cell in planned and summary.samples.get(metric):
            yield summary


def conditions(cell: Cell) -> str:
    """Say under what a variant was measured, for example ``hello, 1769 MB``."""
    evicted = ", evicted page cache" if cell.page_cache == "evicted" else ""
    return f"{cell.event}, {cell.memory_mb} MB{evicted}"


def seconds(values_ns: Sequence[int]) -> list[float]:
    """Give nanoseconds as the nearest floating point seconds."""
    return [value / NS_PER_S for value in values_ns]


def provenance(record: Record, judgement: Judgement) -> dict[str, Any]:
    """Say where an exported JSON file comes from; readers of the formats pass over it."""
    return {
        "run": record.run_id,
        "command": record.command,
        "seed": record.plan.seed,
        "order": "randomised complete rounds: values of the same place in two lists are not paired"
        " in this file; `coldbench judge` compares them round by round",
        "fit": judgement.fit and not record.plan.smoke,
        "caveat": caveat(record, judgement),
        "verdict": judgement.verdict,
    }
