"""Machines that never were: noise for scripted trials, from quiet to adversarial.

Each machine slows down work by a factor that depends on when it runs, which is what makes the order
of trials matter. For tests and for the statistical acceptance: seeded, so that every run of them is
the same.

Example:
    >>> machine = Machine(seed=1)
    >>> machine.cpu_ns(10_000_000, first_in_pair=False) > 0
    True
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

#: Spread of the logarithm of single trials on a quiet machine: it gives pairs the median deviation
#: of 1.4 % that CPU times of a 10 ms process had.
SPREAD = 0.0113
#: The distance of a trial's start from the one before it, besides the work itself.
_GAP_NS = 3_000_000

#: From the time since the start of the session, in seconds, and a source of chance to a slow-down.
Disturbance = Callable[[float, random.Random], float]


def quiet(_seconds: float, _draw: random.Random) -> float:
    """No disturbance."""
    return 1.0


@dataclass(slots=True)
class BurstyHog:
    """Another process that comes and goes: it slows work while it runs.

    ``share`` is how much of the time it runs, ``slowdown`` what it does to us: little on another
    core, much where it takes all cores.
    """

    share: float
    slowdown: float
    mean_s: float = 0.8
    _until_s: float = 0.0
    _running: bool = False

    def __call__(self, seconds: float, draw: random.Random) -> float:
        """The slow-down at this time."""
        while seconds >= self._until_s:
            self._running = not self._running
            mean_s = self.mean_s * (self.share if self._running else 1 - self.share)
            self._until_s += draw.expovariate(1 / max(mean_s, 1e-3))
        return 1 + self.slowdown * draw.uniform(0.5, 1.5) if self._running else 1.0


def square_wave(seconds: float, _draw: random.Random) -> float:
    """A load of one second's period: on for half of it, 20 % slower then."""
    return 1.2 if math.fmod(seconds, 1.0) < 0.5 else 1.0


@dataclass(frozen=True, slots=True)
class SlowDown:
    """A machine that becomes slower all the time: 30 % by the end of ``session_s``."""

    session_s: float
    by: float = 0.30

    def __call__(self, seconds: float, _draw: random.Random) -> float:
        """The slow-down at this time."""
        return 1 + self.by * min(1.0, seconds / self.session_s)


@dataclass(slots=True)
class Machine:
    """Runs work one piece after the other; its clock advances by what each takes.

    Args:
        seed: of everything that happens on it.
        disturbance: what slows work down, by the time.
        first_penalty: how much slower the first piece of each round is.
        spread: of the logarithm of the time that a piece takes, heavy-tailed.
        wander: of a slow drift that neighbours share.
    """

    seed: int
    disturbance: Disturbance = quiet
    first_penalty: float = 0.0
    spread: float = SPREAD
    wander: float = 0.004
    now_ns: int = 0
    _draw: random.Random = field(init=False)
    _level: float = 0.0

    def __post_init__(self) -> None:
        self._draw = random.Random(f"machine:{self.seed}")

    def cpu_ns(self, work_ns: float, *, first_in_pair: bool) -> int:
        """CPU time of a piece of work that starts now, and that much of the clock."""
        draw = self._draw
        self._level = 0.98 * self._level + draw.gauss(0, self.wander)
        factor = self.disturbance(self.now_ns / 1e9, draw) * math.exp(
            self._level + self.spread * student_t(draw)
        )
        if first_in_pair:
            factor *= 1 + self.first_penalty
        taken_ns = round(work_ns * factor)
        self.now_ns += taken_ns + _GAP_NS
        return taken_ns


def student_t(draw: random.Random, freedom: int = 3) -> float:
    """Student's t: as heavy-tailed as single trials are on shared machines."""
    chi = sum(draw.gauss(0, 1) ** 2 for _ in range(freedom))
    return draw.gauss(0, 1) / math.sqrt(chi / freedom)


def adversaries(session_s: float) -> dict[str, Callable[[int], Machine]]:
    """The machines on which block order must fail and ours must not; each made from a seed."""
    return {
        "bursty hog on one core": lambda seed: Machine(seed, BurstyHog(0.5, 0.10)),
        "bursty hog on all cores": lambda seed: Machine(seed, BurstyHog(0.5, 0.60)),
        "1 Hz square load": lambda seed: Machine(seed, square_wave),
        "30 % linear slow-down": lambda seed: Machine(seed, SlowDown(session_s)),
        "first-in-pair penalty of 10 %": lambda seed: Machine(seed, first_penalty=0.10),
    }
