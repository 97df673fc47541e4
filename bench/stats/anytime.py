"""A test that may be looked at after every round: an e-process on paired log ratios.

Each round bets on its sign. Given its magnitude, the sign of a log ratio of equal arms is a fair
coin, so ``exp(lambda z) / cosh(lambda z)`` with an odd score ``z`` has mean 1 whatever the noise,
as long as the scale of ``z`` was learned from earlier rounds only. The product over rounds,
averaged over bet sizes and directions, is therefore a martingale: it ever reaches ``1 / alpha``
with probability at most ``alpha`` (Ville), no matter when or how often somebody looks or why they
stop. Inverted over the tested ratio it gives a confidence sequence. Ramdas et al., arXiv
2210.01948, explain the method.
"""

from __future__ import annotations

import math
from bisect import insort

import numpy as np

from bench.stats.scores import CLIP, Floats

#: Sizes of the bets: small ones win slowly and surely, large ones quickly where the shift is large.
_BETS = np.array([0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
#: The confidence sequence is found to this width of a log ratio.
_TOLERANCE = 1e-5


def predictable_scores(differences: Floats) -> Floats:
    """Clipped scores from -1 to 1, each on the scale of those before it; the first is a sign."""
    sizes = np.abs(differences).tolist()
    known: list[float] = []
    scales = np.empty(len(sizes))
    for index, size in enumerate(sizes):
        count = len(known)
        middle = (known[count // 2] + known[(count - 1) // 2]) / 2 if count else 0.0
        scales[index] = CLIP * middle
        insort(known, size)
    result = np.sign(differences)
    np.divide(differences, scales, out=result, where=scales > 0)
    clipped: Floats = np.clip(result, -1.0, 1.0)
    return clipped


def log_e_values(differences: Floats) -> Floats:
    """The logarithm of the e-value after each round; empty for no rounds."""
    z = predictable_scores(differences)
    stakes = _BETS[:, None] * z[None, :]
    costs = np.log(np.cosh(stakes))
    won = np.concatenate([np.cumsum(stakes - costs, axis=1), np.cumsum(-stakes - costs, axis=1)])
    most = won.max(axis=0, initial=-np.inf)
    result: Floats = most + np.log(np.exp(won - most).mean(axis=0))
    return result


def anytime_p(differences: Floats) -> float:
    """A p that holds at any time: the inverse of the largest e-value so far, at most 1."""
    if not len(differences):
        return 1.0
    return min(1.0, math.exp(-float(log_e_values(differences).max())))


def confidence_sequence(
    differences: Floats, centre: float, confidence: float
) -> tuple[float, float] | None:
    """Log-ratio interval that holds after this and every other round; None if it has no end yet."""
    limit = -math.log(1 - confidence)
    reach = float(np.ptp(differences)) if len(differences) else 0.0
    ends = []
    for direction in (-1.0, 1.0):
        kept, gone = 0.0, reach + 1.0
        if _log_e(differences - (centre + direction * gone)) < limit:
            return None
        while gone - kept > _TOLERANCE:
            middle = (kept + gone) / 2
            if _log_e(differences - (centre + direction * middle)) < limit:
                kept = middle
            else:
                gone = middle
        ends.append(centre + direction * gone)
    return ends[0], ends[1]


def _log_e(differences: Floats) -> float:
    return float(log_e_values(differences)[-1]) if len(differences) else 0.0
