"""What is known about each cell: summaries of measured trials."""

from __future__ import annotations

from bench.model import Cell, CellSummary
from bench.stats.intervals import summarise
from bench.stats.samples import Samples, unit


def measured_cell(cell: Cell, samples: Samples, confidence: float) -> CellSummary:
    """All metrics of a measured cell; one without a valid trial has none."""
    sample = samples.get((cell, "variant"))
    if sample is None:
        return CellSummary(cell=cell, n=0, failures=0, metrics={})
    known = {metric: column.values for metric, column in sample.columns.items() if column.values}
    return CellSummary(
        cell=cell,
        n=len(sample.rounds),
        failures=len(sample.failed_rounds) + len(sample.lost_rounds),
        metrics={
            metric: summarise(values, unit=unit(metric), confidence=confidence)
            for metric, values in known.items()
        },
        samples=known,
    )
