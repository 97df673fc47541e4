"""What all comparisons of a run share: a lean to one side is a free alarm for a broken method.

Variants of one run are meant to differ, and the same recipe may well speed up every function. But
where each function has one candidate, such as another revision, nearly all of them leaning the same
way is either one change that reaches them all, or the machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.judgement import Comparison
from bench.stats.order import two_sided_coin

#: A session is called suspect at this p of the sign test over its unrelated cells.
ALPHA = 0.01


def median_ratio(comparisons: Sequence[Comparison], metric: str) -> float | None:
    """The median ratio of the primary metric over all cells; None without any."""
    ratios = [c.ratio for c in comparisons if c.metric == metric and c.ratio is not None]
    return float(np.exp(np.median(np.log(ratios)))) if ratios else None


def one_sided(comparisons: Sequence[Comparison], metric: str) -> tuple[str, ...]:
    """The sentence about a run whose unrelated cells lean one way; nothing if they do not.

    Cells are unrelated where no two share a baseline's trials, so only runs with one candidate for
    each baseline are looked at.
    """
    primary = [c for c in comparisons if c.metric == metric and c.ratio is not None]
    groups = {(c.function, c.memory_mb, c.event, c.page_cache) for c in primary}
    if len(groups) < len(primary):
        return ()
    up = sum((c.ratio or 1.0) > 1 for c in primary)
    down = sum((c.ratio or 1.0) < 1 for c in primary)
    p = two_sided_coin(min(up, down), up + down)
    if p >= ALPHA:
        return ()
    middle = median_ratio(primary, metric) or 1.0
    return (
        f"the session is suspect: {max(up, down)} of {up + down} unrelated cells lean the same way"
        f" (sign test, p = {p:.2g}; median {(middle - 1) * 100:+.2f} %), which is one change that"
        " reaches all of them, or a disturbance that did",
    )
