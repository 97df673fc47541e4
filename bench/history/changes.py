"""Change points in a series of ratios: candidates to be measured again, never findings.

Log ratios are divided by their standard errors, enlarged where successive values differ by more
than those explain, and cut by PELT (Killick et al. 2012) with a Gaussian kernel (Arlot et al.
2019), whose bounded similarity keeps one outlier from looking like a level. Width of the kernel and
penalty were chosen by simulation: over 60 appends of an unchanged series at most one in twenty
ever raises an alarm, for normal noise and for Student's t with three degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import UsageError
from bench.history.entries import Entry

#: Fewer entries have no trend.
SMALLEST_SERIES = 8
MIN_SEGMENT = 3
_GAMMA = 0.1
_PENALTY = 0.61


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A candidate: the first entry after it, and the ratio of the medians around it."""

    index: int
    ratio: float


def nominate(entries: Sequence[Entry]) -> tuple[Change, ...]:
    """Find the change points of one series, in its order.

    Raises:
        UsageError: the library that cuts series is not installed.
    """
    logs = np.log([entry.ratio for entry in entries])
    errors = np.array([entry.standard_error for entry in entries])
    cuts = change_points(logs, errors)
    edges = [0, *cuts, len(logs)]
    return tuple(
        Change(
            index=cut,
            ratio=float(np.exp(np.median(logs[cut:after]) - np.median(logs[before:cut]))),
        )
        for before, cut, after in zip(edges, edges[1:], edges[2:], strict=False)
    )


def change_points(
    logs: np.typing.NDArray[np.float64], errors: np.typing.NDArray[np.float64]
) -> list[int]:
    """Indices of the first value of each new level; empty for a short series.

    Raises:
        UsageError: the library that cuts series is not installed.
    """
    if len(logs) < SMALLEST_SERIES:
        return []
    try:
        import ruptures
    except ImportError:
        raise UsageError(
            "change points need the library `ruptures`, which is not installed",
            hint="`pip install 'coldbench[trend]'`",
        ) from None
    signal = _scaled(logs, errors).reshape(-1, 1)
    search = ruptures.KernelCPD(kernel="rbf", min_size=MIN_SEGMENT, params={"gamma": _GAMMA})
    found = search.fit(signal).predict(pen=_PENALTY * math.log(len(logs)))
    return [int(place) for place in found[:-1]]


def _scaled(
    logs: np.typing.NDArray[np.float64], errors: np.typing.NDArray[np.float64]
) -> np.typing.NDArray[np.float64]:
    """Values in standard errors about their median; a level keeps most steps of one unit.

    Successive differences hardly notice a few changes of level, so they tell by how much the
    errors fall short.
    """
    steps = np.diff(logs) / np.hypot(errors[1:], errors[:-1])
    inflation = max(1.0, 1.4826 * float(np.median(np.abs(steps))))
    result: np.typing.NDArray[np.float64] = (logs - np.median(logs)) / (inflation * errors)
    return result
