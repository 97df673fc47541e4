"""Trials as CSV."""

from __future__ import annotations

import csv
import io

import report_sample

from bench.report import render


def _rows() -> list[dict[str, str]]:
    text = render(report_sample.record(), report_sample.judgement(), "csv")
    return list(csv.DictReader(io.StringIO(text)))


def test_each_trial_is_a_row() -> None:
    """Every recorded trial is there, discarded and failed ones too."""
    rows = _rows()

    assert len(report_sample.record().trials) == len(rows)
    assert {"ok", "failed"} == {row["outcome"] for row in rows}
    assert {"True", "False"} == {row["discarded"] for row in rows}


def test_integers_stay_integers() -> None:
    """A column with gaps is not turned into floating point."""
    first = _rows()[0]

    assert str(report_sample.record().trials[0].phases["init"]) == first["init_ns"]


def test_phase_that_was_not_reached_is_empty() -> None:
    """A trial that failed in init has no first invoke, and says why."""
    failed = next(row for row in _rows() if row["outcome"] == "failed")

    assert (failed["first_invoke_ns"], failed["error_type"]) == ("", "Runtime.ExitError")
