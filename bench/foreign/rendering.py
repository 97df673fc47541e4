"""An assessment as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from bench.foreign.assessment import Assessment
from bench.units import format_duration

SCHEMA = "coldbench-foreign/1"
_VERDICT = "incomparable"
_ADVICE = (
    "to compare: `coldbench run DIRECTORY` for the variants of a function, `coldbench compare A B`"
    " for two revisions, directories or packages, which measures both in one interleaved run"
)


def text(assessment: Assessment) -> str:
    """Write what can and cannot be concluded, the verdict first."""
    return "\n".join(_lines(assessment)) + "\n"


def _lines(assessment: Assessment) -> Iterator[str]:
    yield f"{_VERDICT}: a file of {assessment.tool} gives no verdict"
    for series in assessment.series:
        count = "" if series.n is None else f", n = {series.n}"
        yield f"  {series.name}: median {format_duration(round(series.median_s * 1e9))}{count}"
    for difference in assessment.differences:
        yield f"  {difference.candidate} against {difference.baseline}: {difference.words}"
    yield "what can be concluded:"
    yield from (f"  {sentence}" for sentence in assessment.can)
    yield "what cannot:"
    yield from (f"  {sentence}" for sentence in assessment.cannot)
    yield _advice(assessment)


def _advice(assessment: Assessment) -> str:
    if assessment.run is None:
        return _ADVICE
    return (
        f"this file was exported from run {assessment.run}, whose rounds were interleaved:"
        f" `coldbench judge {assessment.run}` gives the verdicts that this file cannot"
    )


def document(assessment: Assessment) -> str:
    """Write the same as JSON; times in seconds, as in the file."""
    drifts: list[dict[str, Any] | None] = [
        asdict(drift) | {"unrest": drift.unrest} if drift else None for drift in assessment.drifts
    ]
    found = {
        "schema": SCHEMA,
        "tool": assessment.tool,
        "verdict": _VERDICT,
        "exported_from": assessment.run,
        "unrest": assessment.unrest,
        "series": [
            {
                "name": series.name,
                "group": series.group or None,
                "n": series.n,
                "mean_s": series.mean_s,
                "median_s": series.median_s,
                "failures": series.failures,
                "iterations": series.iterations,
                "single_times": series.times_s is not None,
                "drift": drift,
            }
            for series, drift in zip(assessment.series, drifts, strict=True)
        ],
        "differences": [
            asdict(difference) | {"verdict": _VERDICT} for difference in assessment.differences
        ],
        "can_conclude": list(assessment.can),
        "cannot_conclude": list(assessment.cannot),
        "advice": _advice(assessment),
    }
    return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
