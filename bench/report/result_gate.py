"""The parts of the result file that a comparison of revisions, a gate and a mix of events add."""

from __future__ import annotations

import math
from typing import Any

from bench.judgement import ExpectedTotal, Gate
from bench.model import Revision

Json = dict[str, Any]


def expected_json(total: ExpectedTotal) -> Json:
    """An expected cold total, in nanoseconds."""
    return {
        "function": total.function,
        "variant": total.variant,
        "memory_mb": total.memory_mb,
        "page_cache": total.page_cache,
        "kind": total.kind,
        "shares": {event: finite(share) for event, share in total.shares.items()},
        "expected_ns": total.expected_ns,
        "low_ns": total.low_ns,
        "high_ns": total.high_ns,
        "init_ns": total.init_ns,
        "init_low_ns": total.init_low_ns,
        "init_high_ns": total.init_high_ns,
        "best": total.best,
        "deceptive": total.deceptive,
    }


def revision_json(revision: Revision) -> Json:
    """What a variant stands for."""
    return {
        "variant": revision.variant,
        "name": revision.name,
        "kind": revision.kind,
        "path": str(revision.path),
        "commit": revision.commit,
        "dirty": revision.dirty,
        "digest": revision.digest,
    }


def gate_json(gate: Gate) -> Json:
    """What a run was held to, and what came of it."""
    return {
        "rules": list(gate.rules),
        "strict": gate.strict,
        "verdict": gate.verdict,
        "exit_code": gate.exit_code,
        "findings": [
            {
                "rule": finding.rule,
                "state": finding.state,
                "function": finding.function,
                "candidate": finding.candidate,
                "metric": finding.metric,
                "message": finding.message,
                "ratio": finite(finding.ratio),
                "low": finite(finding.low),
                "high": finite(finding.high),
            }
            for finding in gate.findings
        ],
    }


def finite(value: float | None) -> float | None:
    """Turn infinities and NaN, which JSON cannot say, into null."""
    return value if value is not None and math.isfinite(value) else None
