"""The result file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import report_sample

from bench.report import render
from bench.report.result import result, schema
from bench.stats.judge import judge


def _result() -> dict[str, Any]:
    text = render(report_sample.record(), report_sample.judgement(), "json")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_schema_is_a_schema() -> None:
    """The published schema is itself valid."""
    jsonschema.Draft202012Validator.check_schema(schema())


def test_result_is_valid() -> None:
    """What is written is what the published schema describes."""
    jsonschema.validate(_result(), schema())


def test_real_judgement_is_valid() -> None:
    """The judgement of the statistics, not only of the sample, fits the schema."""
    record = report_sample.record()

    jsonschema.validate(json.loads(render(record, judge(record), "json")), schema())


def test_unknown_verdict_is_invalid() -> None:
    """The schema refuses words that are not verdicts."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_result() | {"verdict": "fine"}, schema())


def test_missing_part_is_invalid() -> None:
    """The schema refuses a result without its cells."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({k: v for k, v in _result().items() if k != "cells"}, schema())


def test_contract_fields_are_there() -> None:
    """The names that scripts rely on are the ones written."""
    found = _result()

    assert found["schema"] == "coldbench/1"
    assert "regression" == found["verdict"] == found["run"]["verdict"]
    assert {"id", "started", "seed", "command", "backend", "fit", "fit_reasons"} <= set(
        found["run"]
    )
    assert {"trials", "wall_ns", "wall_in_trials_ns"} <= set(found["run"])
    assert {"kind", "ratio", "low", "high", "n", "ok"} <= set(found["controls"][0])
    assert {"unit", "kind", "median", "low", "high", "p90", "p99"} <= set(
        found["cells"][0]["metrics"]["cold_total"]
    )


def test_unknown_quantile_is_null() -> None:
    """Sixteen trials have no 99th percentile: it is null, neither absent nor invented."""
    summary = _result()["cells"][0]["metrics"]["init"]

    assert summary["p99"] is None


def test_failed_build_and_failed_cell_are_recorded() -> None:
    """Failures keep the tool's words, the command and Lambda's error type."""
    found = _result()

    assert found["failed_builds"][0]["command"] == "go build -trimpath -o bootstrap ."
    assert found["failures"][0]["log_path"] == "logs/go_hello-trimpath-r0.log"
    assert [failure["type"] for failure in found["failures"]] == ["Runtime.ExitError"]
    assert found["failures"][0]["failed"] == 19


def test_identical_variant_names_the_other() -> None:
    """An artifact that was not measured says whose numbers are its own."""
    artifacts = {a["variant"]: a for a in _result()["artifacts"]}

    assert artifacts["smallest"]["identical_to"] == "static"
    assert artifacts["static"]["reproducible"] is None


def test_infinite_ratio_is_null() -> None:
    """A ratio to nothing does not make the file unreadable for JSON parsers."""
    judgement = report_sample.judgement()
    infinite = replace(judgement.comparisons[0], ratio=float("inf"), high=float("nan"))

    found = result(report_sample.record(), replace(judgement, comparisons=(infinite,)))

    assert found["comparisons"][0]["ratio"] is None
    assert found["comparisons"][0]["high"] is None
