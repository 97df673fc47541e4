"""The Huber score test on paired log ratios and its sign-flip null distribution.

Swapping the labels of a round changes nothing if both arms are the same, and the scheduler tossed
a fair coin for them; so, given the magnitudes, every sign is a fair coin whatever the noise, drift
or autocorrelation. The score is odd and its scale comes from magnitudes about the tested value
only, hence the null distribution is exact.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

#: Clipping point in units of the scale 1.4826 median|d|: half of it, as tails are heavy.
CLIP = 0.5 * 1.4826
#: From this many rounds on the standardised score is taken as normal.
NORMAL_FROM = 24
#: Sums that differ by rounding only are ties.
_TIE = 1e-9


def scores(differences: Floats, centre: Floats) -> Floats:
    """Clipped scores of each row of ``differences`` about its ``centre``, from -1 to 1.

    ``clip((d - centre) / c)`` with ``c = 0.5 * 1.4826 * median|d - centre|``; the sign of
    ``d - centre`` where more than half of a row equals its centre.
    """
    residuals = differences - centre[:, None]
    sizes = np.abs(residuals)
    upper = sizes.shape[1] // 2
    lower = (sizes.shape[1] - 1) // 2
    parts = np.partition(sizes, sorted({lower, upper}), axis=1)
    scale = (parts[:, lower] + parts[:, upper]) / 2
    clip = CLIP * scale
    degenerate = clip <= 0
    clip[degenerate] = 1.0
    result: Floats = np.minimum(np.maximum(residuals / clip[:, None], -1.0), 1.0)
    if degenerate.any():
        result[degenerate] = np.sign(residuals[degenerate])
    return result


def statistic(differences: Floats, centre: Floats) -> Floats:
    """The standardised score of each row: sum over root of sum of squares, 0 where both are 0."""
    z = scores(differences, centre)
    spread = np.sqrt(np.einsum("ij,ij->i", z, z))
    result: Floats = np.divide(z.sum(axis=1), spread, out=np.zeros(len(z)), where=spread > 0)
    return result


def normal_p(standardised: float) -> float:
    """Two-sided p of a standard normal statistic."""
    return math.erfc(abs(standardised) / math.sqrt(2))


@lru_cache(maxsize=32)
def _signs(count: int) -> Floats:
    """All 2^count rows of signs."""
    bits = (np.arange(1 << count)[:, None] >> np.arange(count)) & 1
    result: Floats = np.asarray(bits * 2.0 - 1.0, dtype=np.float64)
    return result


@lru_cache(maxsize=64)
def _coin(tosses: int) -> tuple[Floats, Floats]:
    """The possible sums of ``tosses`` fair signs and in how many ways each comes about."""
    sums = np.arange(-tosses, tosses + 1, 2, dtype=np.float64)
    ways = np.array([math.comb(tosses, k) for k in range(tosses + 1)], dtype=np.float64)
    return sums, ways


def sign_flip_p(row: Floats) -> float:
    """Exact two-sided p of the sum of scores over all 2^n flips of their signs.

    Clipped scores are fair ±1 tosses, whose sum is binomial; only the others, at most half of
    them, are enumerated.
    """
    observed = abs(float(row.sum()))
    sizes = np.abs(row)
    clipped = sizes >= 1.0
    inner = sizes[~clipped & (sizes > 0)]
    sums, ways = _coin(int(np.count_nonzero(clipped)))
    flips = np.sort(_signs(len(inner)) @ inner)
    beyond = len(flips) - np.searchsorted(flips, observed - sums - _TIE)
    total = len(flips) * float(ways.sum())
    return min(1.0, 2.0 * float(ways @ beyond) / total)


def p_value(differences: Floats) -> float:
    """Two-sided p that the arms are the same, from log ratios of rounds (one row)."""
    return p_values(differences[None, :])[0]


def p_values(rows: Floats) -> list[float]:
    """Two-sided p that the arms are the same, from log ratios of rounds, of each row.

    Exact below :data:`NORMAL_FROM` rounds, by the normal approximation from there on.
    """
    zero = np.zeros(len(rows))
    if rows.shape[1] < NORMAL_FROM:
        return [sign_flip_p(row) for row in scores(rows, zero)]
    return [normal_p(value) for value in statistic(rows, zero).tolist()]
