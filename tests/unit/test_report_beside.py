"""Two runs of the same plan side by side: medians, and whether the changes are the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.judgement import Judgement
from bench.model import Record
from bench.report import beside
from tests.unit import report_sample


def sample(run_id: str, change: float = 1.0) -> tuple[Record, Judgement]:
    """A run whose primary ratios are ``change`` times those of the sample."""
    judgement = report_sample.judgement()
    comparisons = tuple(
        replace(c, ratio=c.ratio * change, low=c.low * change, high=c.high * change)
        if c.metric == judgement.primary and c.ratio and c.low and c.high
        else c
        for c in judgement.comparisons
    )
    return (
        replace(report_sample.record(), run_id=run_id),
        replace(judgement, comparisons=comparisons),
    )


def rendered(change: float) -> str:
    text = beside.render(
        sample("first"), sample("second", change), "markdown", width=100, colour=False
    )
    return " ".join(text.split())


def test_runs_with_the_same_ratios_agree() -> None:
    """The count is in words, and every row says it."""
    text = rendered(1.0)

    assert "7 of 7 changes against the baseline agree" in text
    assert text.count("| agree |") == 7


def test_a_ratio_that_neither_interval_explains_differs() -> None:
    """What the second run found is named where it is not what the first found."""
    text = rendered(3.0)

    assert "0 of 7 changes against the baseline agree" in text
    assert text.count("| differ |") == 7


@pytest.mark.parametrize("unsound", ["unfit", "smoke"])
@pytest.mark.parametrize("place", [0, 1])
def test_a_run_without_verdicts_agrees_with_nothing(unsound: str, place: int) -> None:
    """Its ratios are shown, said to be no evidence, and not counted."""
    runs = [sample("first"), sample("second")]
    record, judgement = runs[place]
    if unsound == "smoke":
        runs[place] = replace(record, plan=replace(record.plan, smoke=True)), judgement
    else:
        runs[place] = record, report_sample.unfit(judgement)

    text = " ".join(beside.render(runs[0], runs[1], "markdown", width=100, colour=False).split())

    reason = {
        "unfit": "is unfit (the A/A interval of go/hello excludes 1)",
        "smoke": "is a smoke run",
    }[unsound]
    assert f"{record.run_id} {reason}" in text
    assert "no change is counted" in text
    for word in ("7 changes against the baseline agree", "| agree |", "| differ |"):
        assert word not in text
    assert text.count("| not counted |") == 7


def test_medians_are_shown_with_their_ratio() -> None:
    """Init, first invoke and cold total of each shared cell, and the quotient of both runs."""
    text = rendered(1.0)

    assert "cold total" in text
    assert "×1.00" in text
