"""What is known about each cell: summaries of measured trials."""

from __future__ import annotations

from collections.abc import Mapping

from bench.judgement import CellSummary
from bench.model import Cell
from bench.stats.intervals import summarise
from bench.stats.samples import Samples, unit


def measured_cell(
    cell: Cell, samples: Samples, failures: Mapping[Cell, int], confidence: float
) -> CellSummary:
    """All metrics of a measured cell; one without a valid trial has none.

    ``failures`` counts the failed trials of each cell, those of warm-up rounds included: a cell
    that fails from the start is given up before the first judged round.
    """
    failed = failures.get(cell, 0)
    sample = samples.get((cell, "variant"))
    if sample is None:
        return CellSummary(cell=cell, n=0, failures=failed, metrics={})
    known = {metric: column.values for metric, column in sample.columns.items() if column.values}
    return CellSummary(
        cell=cell,
        n=len(sample.rounds),
        failures=failed,
        metrics={
            metric: summarise(values, unit=unit(metric), confidence=confidence)
            for metric, values in known.items()
        },
        samples=known,
    )
