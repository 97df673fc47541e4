"""The result file: ``"schema": "coldbench/1"``, described by ``schema.json`` beside this module.

History of the format:

- ``coldbench/1``: first. What is not known is ``null``, never absent and never invented.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from bench.judgement import (
    BreakEven,
    CellSummary,
    Comparison,
    Control,
    Judgement,
    ModelCheck,
    Summary,
)
from bench.model import Cell, Record
from bench.report.findings import Findings
from bench.report.result_gate import expected_json, finite, gate_json, revision_json
from bench.subjects import Artifact

SCHEMA = "coldbench/1"

Json = dict[str, Any]


def render(record: Record, judgement: Judgement) -> str:
    """Write the result file: integers in nanoseconds and bytes, ratios as numbers."""
    return (
        json.dumps(result(record, judgement), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )


def schema() -> Json:
    """Load the published JSON schema of the result file."""
    text = resources.files("bench.report").joinpath("schema.json").read_text(encoding="utf-8")
    loaded: Json = json.loads(text)
    return loaded


def result(record: Record, judgement: Judgement) -> Json:
    """Give the result file as plain dictionaries and lists."""
    findings = Findings.of(record, judgement)
    record = findings.record
    return {
        "schema": SCHEMA,
        "run": _run(findings),
        "environment": _plain(record.environment),
        "controls": [_control(control) for control in judgement.controls],
        "artifacts": [_artifact(artifact) for artifact in record.artifacts],
        "failed_builds": [
            {
                "function": build.function,
                "variant": build.variant,
                "command": build.command,
                "message": build.message,
            }
            for build in record.failed_builds
        ],
        "cells": [_cell_summary(summary) for summary in judgement.cells],
        "failures": [
            {
                **_cell(found.cell),
                "failed": found.failed,
                "trials": found.trials,
                "type": found.first.error.type if found.first.error else None,
                "message": found.first.error.message if found.first.error else None,
                "log_tail": found.first.error.log_tail if found.first.error else None,
                "log_path": found.first.error.log_path if found.first.error else None,
                "round": found.first.round,
            }
            for found in findings.failures.values()
        ],
        "comparisons": [_comparison(comparison) for comparison in judgement.comparisons],
        "break_evens": [_break_even(even) for even in judgement.break_evens],
        "expected": [expected_json(total) for total in judgement.expected],
        "model_checks": [_model_check(check) for check in judgement.model_checks],
        "revisions": [revision_json(revision) for revision in record.revisions],
        "unpaired": dict(record.unpaired),
        "incomparable": dict(record.incomparable),
        "unchanged": list(record.unchanged),
        "gate": None if judgement.gate is None else gate_json(judgement.gate),
        "warnings": list(dict.fromkeys([*record.warnings, *judgement.warnings])),
        "verdict": judgement.verdict,
    }


def _run(findings: Findings) -> Json:
    record, judgement = findings.record, findings.judgement
    plan = record.plan
    return {
        "id": record.run_id,
        "started": record.started,
        "seed": plan.seed,
        "command": record.command,
        "backend": record.backend,
        "fit": judgement.fit,
        "fit_reasons": list(judgement.fit_reasons),
        "verdict": judgement.verdict,
        "complete": record.complete,
        "smoke": plan.smoke,
        "cpu_mode": plan.cpu_mode,
        "rounds": plan.rounds,
        "looks": list(plan.looks),
        "margin": judgement.margin,
        "margins": dict(plan.margins),
        "budget_s": plan.budget_s,
        "median_ratio": finite(judgement.median_ratio),
        "discarded_rounds": plan.discarded_rounds,
        "judged_rounds": findings.rounds_run(discarded=False),
        "confidence": finite(judgement.confidence),
        "baselines": dict(plan.baselines),
        "trials": len(record.trials),
        "wall_ns": record.wall_ns,
        "wall_in_trials_ns": record.wall_in_trials_ns,
    }


def _cell(cell: Cell) -> Json:
    return {
        "function": cell.function,
        "variant": cell.variant,
        "memory_mb": cell.memory_mb,
        "event": cell.event,
        "page_cache": cell.page_cache,
    }


def _cell_summary(summary: CellSummary) -> Json:
    return {
        **_cell(summary.cell),
        "n": summary.n,
        "failures": summary.failures,
        "metrics": {name: _summary(metric) for name, metric in summary.metrics.items()},
    }


def _summary(summary: Summary) -> Json:
    return {
        "unit": summary.unit,
        "kind": summary.kind,
        "n": summary.n,
        "median": summary.median,
        "low": summary.low,
        "high": summary.high,
        "p90": summary.p90,
        "p99": summary.p99,
    }


def _artifact(artifact: Artifact) -> Json:
    return {
        "function": artifact.function,
        "variant": artifact.variant,
        "digest": artifact.digest,
        "zip_bytes": artifact.zip_bytes,
        "unpacked_bytes": artifact.unpacked_bytes,
        "binary_bytes": artifact.binary_bytes,
        "toolchain": dict(artifact.toolchain),
        "recipe": artifact.recipe,
        "identical_to": artifact.identical_to,
        "reproducible": artifact.reproducible,
        "breakdown": dict(artifact.breakdown),
        "warnings": list(artifact.warnings),
    }


def _comparison(comparison: Comparison) -> Json:
    return {
        "function": comparison.function,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        "memory_mb": comparison.memory_mb,
        "event": comparison.event,
        "page_cache": comparison.page_cache,
        "metric": comparison.metric,
        "kind": comparison.kind,
        "ratio": finite(comparison.ratio),
        "low": finite(comparison.low),
        "high": finite(comparison.high),
        "confidence": comparison.confidence,
        "n": comparison.n,
        "p": finite(comparison.p),
        "p_adjusted": finite(comparison.p_adjusted),
        "verdict": comparison.verdict,
        "smallest_detectable": finite(comparison.smallest_detectable),
        "looks": comparison.looks,
        "rounds_to_settle": comparison.rounds_to_settle,
        "sign_low": finite(comparison.sign_low),
        "sign_high": finite(comparison.sign_high),
        "warnings": list(comparison.warnings),
    }


def _control(control: Control) -> Json:
    return {
        "kind": control.kind,
        "function": control.function,
        "variant": control.variant,
        "memory_mb": control.memory_mb,
        "event": control.event,
        "metric": control.metric,
        "ratio": finite(control.ratio),
        "low": finite(control.low),
        "high": finite(control.high),
        "n": control.n,
        "ok": control.ok,
        "expected": control.expected,
        "judged": control.judged,
    }


def _break_even(even: BreakEven) -> Json:
    return {
        "function": even.function,
        "library": even.library,
        "eager": even.eager,
        "lazy": even.lazy,
        "used_event": even.used_event,
        "unused_event": even.unused_event,
        "memory_mb": even.memory_mb,
        "kind": even.kind,
        "probability": finite(even.probability),
        "low": finite(even.low),
        "high": finite(even.high),
    }


def _model_check(check: ModelCheck) -> Json:
    return {
        **_cell(check.cell),
        "n": check.n,
        "measured_ns": check.measured_ns,
        "modelled_ns": check.modelled_ns,
        "measured_p90_ns": check.measured_p90_ns,
        "modelled_p90_ns": check.modelled_p90_ns,
        "deviation": finite(check.deviation),
        "cpu_ratio": finite(check.cpu_ratio),
    }


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return finite(value)
        case _:
            return value
