"""Histories made by code: entries whose ratios and errors are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.history.entries import SCHEMA, Entry
from bench.model import Commit

SIGMA = 0.006


def entry(number: int, ratio: float = 1.0, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "schema": SCHEMA,
        "run": f"20260101-{number:06}-0000",
        "started": "2026-01-01T00:00:00Z",
        "commit": Commit(id=f"{number:02x}" * 20),
        "function": "go/hello",
        "variant": "default",
        "event": "hello",
        "memory_mb": 1769,
        "page_cache": "warm",
        "anchor": "a" * 64,
        "digest": f"{number:064x}",
        "ratio": ratio,
        "low": ratio * 0.985,
        "high": ratio * 1.015,
        "confidence": 0.99,
        "n": 24,
        "standard_error": SIGMA,
        "environment": "0123456789abcdef",
        "machine": {"architecture": "x86_64", "cpu_model": "Sample CPU"},
    }
    return Entry(**(values | changes))


def series(ratios: Sequence[float], **changes: Any) -> tuple[Entry, ...]:
    return tuple(entry(number, float(ratio), **changes) for number, ratio in enumerate(ratios))


def step(before: int, after: int, change: float, *, seed: int = 1) -> tuple[Entry, ...]:
    """A series with normal noise that changes once."""
    logs = SIGMA * np.random.default_rng(seed).standard_normal(before + after)
    logs[before:] += np.log1p(change)
    return series([float(ratio) for ratio in np.exp(logs)])
