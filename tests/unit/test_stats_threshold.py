"""Whether a ratio is beyond a threshold, over all comparisons together."""

from __future__ import annotations

from dataclasses import replace

from bench.model import PRIMARY
from bench.stats.judge import judge
from bench.stats.threshold import excesses
from tests.acceptance.record_damage import sound_record


def found(threshold: float, *, ratio: float, noise: float = 0.002, looks: int = 1) -> list[str]:
    record = sound_record(ratio=ratio, noise=noise)
    compared = [c for c in judge(record).comparisons if c.metric == PRIMARY]
    again = [replace(c, looks=looks) for c in compared]
    return list(excesses(record, again, threshold, 0.99))


def test_far_beyond_is_above() -> None:
    """The whole interval is beyond."""
    assert set(found(1.05, ratio=1.2)) == {"above"}


def test_within_is_below() -> None:
    """The whole interval is within."""
    assert set(found(1.05, ratio=1.0)) == {"below"}


def test_across_is_unknown() -> None:
    """The threshold lies in the interval."""
    assert "unknown" in found(1.05, ratio=1.05, noise=0.02)


def test_looks_share_the_error() -> None:
    """What is clear at one look is not clear if a thousand million had the chance."""
    assert "above" not in found(1.05, ratio=1.058, noise=0.01, looks=10**9)
