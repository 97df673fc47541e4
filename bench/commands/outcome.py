"""The exit code that a run, or a new look at its record, ends with."""

from __future__ import annotations

from bench.errors import (
    EXIT_INCOMPARABLE,
    EXIT_INCONCLUSIVE,
    EXIT_OK,
    EXIT_REGRESSION,
    BuildError,
    MeasurementError,
)
from bench.model import Judgement, Record

#: The metric whose verdicts decide.
PRIMARY_METRIC = "cpu_cold_total"


def exit_code(record: Record, judgement: Judgement, *, strict: bool) -> int:
    """Choose the code of the worst thing that happened: nothing built comes before nothing known.

    A build that failed is 3; an unfit run or a measured cell without one valid trial 4; then a
    regression 1, an incomparable run 6 and, with ``strict``, 5 for any undecided comparison and
    for a run in which nothing was compared.
    """
    if record.failed_builds:
        return BuildError.exit_code
    if not judgement.fit or _empty_cells(record, judgement):
        return MeasurementError.exit_code
    if judgement.verdict == "regression":
        return EXIT_REGRESSION
    if judgement.verdict == "incomparable":
        return EXIT_INCOMPARABLE
    if strict and not record.plan.smoke and _undecided(judgement):
        return EXIT_INCONCLUSIVE
    return EXIT_OK


def _empty_cells(record: Record, judgement: Judgement) -> bool:
    planned = set(record.plan.cells)
    return any(summary.cell in planned and not summary.n for summary in judgement.cells)


def _undecided(judgement: Judgement) -> bool:
    return judgement.verdict == "inconclusive" or any(
        comparison.metric == PRIMARY_METRIC and comparison.verdict == "inconclusive"
        for comparison in judgement.comparisons
    )
