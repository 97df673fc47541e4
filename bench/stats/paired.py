"""Candidate against baseline on paired rounds: ratio, interval, p and cross-checks.

The estimate is a Huber M-estimate of the log ratio; its interval inverts the score test of
:mod:`bench.stats.scores`, so p and interval cannot contradict each other. An order-statistic
interval rides along as the cross-check that assumes least; ratios far from 1 also get a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.stats.intervals import median_rank, smallest_sample
from bench.stats.samples import Pairs
from bench.stats.scores import NORMAL_FROM, Floats, p_value, scores, sign_flip_p, statistic

#: Beyond this ratio, either way, additive noise makes log ratios skewed about their centre.
LARGE_RATIO = 1.3
#: Resamples of the paired bootstrap, and its fixed seed: the same record gives the same bytes.
RESAMPLES = 1_000
_BOOTSTRAP_SEED = 20_130_613
#: Bisection ends at this width of a log ratio: a hundred-thousandth of a percent.
_TOLERANCE = 1e-7
#: The same for the exact test, whose values cost more: a thousandth of a percent.
_EXACT_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A paired comparison of one metric. Ratios are candidate / baseline.

    ``low`` and ``high`` are None when ``n`` rounds cannot give the confidence asked for; ``sign``
    and ``bootstrap`` are the cross-checks' intervals, where they apply.
    """

    n: int
    ratio: float
    low: float | None
    high: float | None
    p: float
    sign: tuple[float, float] | None = None
    bootstrap: tuple[float, float] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def smallest_detectable(self) -> float | None:
        """Half the interval's width as a relative change: what this sample could have shown."""
        if self.low is None or self.high is None:
            return None
        return math.sqrt(self.high / self.low) - 1


def estimate(pairs: Pairs, *, confidence: float) -> Estimate | None:
    """Compare one pair of arms; None without a common round."""
    return estimates([pairs], confidence=confidence)[0]


def estimates(many: Sequence[Pairs], *, confidence: float) -> list[Estimate | None]:
    """Compare many pairs of arms, those with equally many rounds in one go."""
    rows = [pairs.log_ratios for pairs in many]
    by_rounds: dict[int, list[int]] = {}
    for index, row in enumerate(rows):
        by_rounds.setdefault(len(row), []).append(index)
    results: list[Estimate | None] = [None] * len(many)
    for n, indices in by_rounds.items():
        if not n:
            continue
        matrix = np.array([rows[i] for i in indices])
        centres = _centres(matrix)
        ends = _ends(matrix, centres, confidence)
        for index, centre, end in zip(indices, centres, ends, strict=True):
            results[index] = _assemble(many[index], rows[index], float(centre), end, confidence)
    return results


def _assemble(
    pairs: Pairs,
    row: Floats,
    centre: float,
    ends: tuple[float, float] | None,
    confidence: float,
) -> Estimate:
    interval = (math.exp(ends[0]), math.exp(ends[1])) if ends else (None, None)
    sign = _sign_interval(row, confidence)
    bootstrap = None
    if abs(centre) > math.log(LARGE_RATIO) and ends:
        bootstrap = paired_bootstrap(pairs, confidence)
    checks = {"sign-test": sign, "bootstrap": bootstrap}
    warnings = tuple(
        f"the {name} interval [{check[0]:.4f}, {check[1]:.4f}] disagrees by more than half a width"
        for name, check in checks.items()
        if check and ends and _disagree(ends, check)
    )
    return Estimate(
        n=len(row),
        ratio=math.exp(centre),
        low=interval[0],
        high=interval[1],
        p=p_value(row),
        sign=sign,
        bootstrap=bootstrap,
        warnings=warnings,
    )


def _disagree(ends: tuple[float, float], check: tuple[float, float]) -> bool:
    allowed = (ends[1] - ends[0]) / 2 + _TOLERANCE
    return any(abs(math.log(c) - e) > allowed for c, e in zip(check, ends, strict=True))


def _sign_interval(row: Floats, confidence: float) -> tuple[float, float] | None:
    rank = median_rank(len(row), confidence)
    if rank is None:
        return None
    ordered = np.sort(row)
    return math.exp(ordered[rank - 1]), math.exp(ordered[-rank])


@dataclass(slots=True)
class _Bracket:
    """For each row, two centres between which its statistic falls through a level."""

    left: Floats
    right: Floats
    #: The statistic minus the level at both: not negative at ``left``, not positive at ``right``.
    at_left: Floats
    at_right: Floats

    def narrow(self, middle: Floats, value: Floats, above: NDArray[np.bool_]) -> None:
        """Replace one end by ``middle``; halve the other's weight so that it moves next time."""
        self.left = np.where(above, middle, self.left)
        self.right = np.where(above, self.right, middle)
        self.at_left = np.where(above, value, self.at_left / 2)
        self.at_right = np.where(above, self.at_right / 2, value)

    def guess(self) -> Floats:
        """Where a straight line between the ends crosses the level (regula falsi)."""
        fall = self.at_left - self.at_right
        share = np.divide(self.at_left, fall, out=np.full(len(fall), 0.5), where=fall > 0)
        result: Floats = self.left + share * (self.right - self.left)
        return result


def _crossing(rows: Floats, level: float, bracket: _Bracket, *, last: bool) -> Floats:
    """Where each row's statistic falls to ``level``: regula falsi, every third step a bisection.

    The statistic falls as its centre rises. Where it is flat at the level, ``last`` asks for the
    end of the flat stretch, otherwise its start is found.
    """
    slack = -1e-12 if last else 1e-12
    step = 0
    while float((bracket.right - bracket.left).max()) > _TOLERANCE:
        step += 1
        halves = (bracket.left + bracket.right) / 2
        middle = halves if step % 3 == 0 else bracket.guess()
        value = statistic(rows, middle) - level
        bracket.narrow(middle, value, value > slack)
    result: Floats = (bracket.left + bracket.right) / 2
    return result


def _bracket(rows: Floats, level: float, left: Floats, right: Floats) -> _Bracket:
    """Brackets, widened to the whole range of a row where the guesses do not enclose the level."""
    at_left = statistic(rows, left) - level
    at_right = statistic(rows, right) - level
    root_n = math.sqrt(rows.shape[1])
    misses_left, misses_right = at_left <= 0, at_right >= 0
    return _Bracket(
        np.where(misses_left, rows.min(axis=1) - _TOLERANCE, left),
        np.where(misses_right, rows.max(axis=1) + _TOLERANCE, right),
        np.where(misses_left, root_n - level, at_left),
        np.where(misses_right, -root_n - level, at_right),
    )


def _quartiles(rows: Floats) -> tuple[Floats, Floats]:
    quarter = rows.shape[1] // 4
    other = rows.shape[1] - 1 - quarter
    parts = np.partition(rows, (quarter, other), axis=1)
    return parts[:, quarter], parts[:, other]


def _centres(rows: Floats) -> Floats:
    """The M-estimate of each row: the root of its score, the middle of it where it is flat."""
    left, right = _quartiles(rows)
    starts = _crossing(rows, 0.0, _bracket(rows, 0.0, left, right), last=False)
    flat = statistic(rows, starts + 2 * _TOLERANCE) >= 0
    ends = starts.copy()
    if flat.any():
        some = rows[flat]
        ends[flat] = _crossing(some, 0.0, _bracket(some, 0.0, left[flat], right[flat]), last=True)
    result: Floats = (starts + ends) / 2
    return result


def _ends(rows: Floats, centres: Floats, confidence: float) -> list[tuple[float, float] | None]:
    """Log-ratio intervals that invert the score test, None where n is too small."""
    n = rows.shape[1]
    if n < smallest_sample(confidence):
        return [None] * len(rows)
    exact = n < NORMAL_FROM
    level = _sure_level(n, confidence) if exact else NormalDist().inv_cdf((1 + confidence) / 2)
    left, right = _quartiles(rows)
    reach = (right - left) * level / math.sqrt(n) + _TOLERANCE
    lows = _crossing(rows, level, _bracket(rows, level, centres - reach, centres), last=True)
    highs = _crossing(rows, -level, _bracket(rows, -level, centres, centres + reach), last=False)
    if exact:
        lows = _exact_ends(rows, centres, lows - 2 * _TOLERANCE, 1 - confidence)
        highs = _exact_ends(rows, centres, highs + 2 * _TOLERANCE, 1 - confidence)
    # Each end and the centre are found within a tolerance: none may come to lie beyond the other.
    lows, highs = np.minimum(lows, centres), np.maximum(highs, centres)
    return [(float(low), float(high)) for low, high in zip(lows, highs, strict=True)]


def _sure_level(n: int, confidence: float) -> float:
    """A statistic that the exact test rejects whatever the scores are.

    Hoeffding's bound on a sum of fair signs, ``p <= 2 exp(-T^2 / 2)``, or nearly all that n signs
    can reach.
    """
    return min(math.sqrt(2 * math.log(2 / (1 - confidence))), math.sqrt(n) * (1 - 1e-9))


def _exact_ends(rows: Floats, inside: Floats, outside: Floats, alpha: float) -> Floats:
    """Where the exact test starts to reject between an accepted and a rejected centre.

    Its p is a step function of the centre, so each row is bisected.
    """
    ends = np.empty(len(rows))
    for index, row in enumerate(rows):
        kept, gone = float(inside[index]), float(outside[index])
        while abs(gone - kept) > _EXACT_TOLERANCE:
            middle = (kept + gone) / 2
            if sign_flip_p(scores(row[None, :], np.array([middle]))[0]) <= alpha:
                gone = middle
            else:
                kept = middle
        ends[index] = (kept + gone) / 2
    return ends


@lru_cache(maxsize=8)
def _resamples(n: int) -> NDArray[np.int64]:
    return np.random.default_rng(_BOOTSTRAP_SEED).integers(0, n, size=(RESAMPLES, n))


def paired_bootstrap(pairs: Pairs, confidence: float) -> tuple[float, float]:
    """Percentile interval of the ratio of medians over resampled rounds; seeded."""
    chosen = _resamples(len(pairs.baseline))
    ratios = np.median(pairs.candidate[chosen], axis=1) / np.median(pairs.baseline[chosen], axis=1)
    ends = np.quantile(ratios, ((1 - confidence) / 2, (1 + confidence) / 2))
    return float(ends[0]), float(ends[1])
