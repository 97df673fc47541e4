"""The CPU quota of a memory size: from unthrottled CPU time to the distribution of wall time.

Lambda grants ``memory / 1769 MB`` of a CPU in periods of 20 ms. A wall time under such a quota is
one draw of a step function of the start's phase within the period, so it is modelled as a
distribution over all phases instead of measured. The rules are those of the Linux CFS bandwidth
controller: the pool of a group is filled to its quota at each period boundary, a run queue takes
slices of 5 ms from it, consumption is charged at scheduler ticks only, what was overrun is paid
back before the group runs again, and an idle group starts with a full pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bench.cpu_share import PERIOD_US, quota_us

Floats: TypeAlias = NDArray[np.float64]

PERIOD_NS = PERIOD_US * 1_000
#: Points of the (period phase, tick phase) lattice over which a distribution is integrated.
PHASES = 128
#: With many trials each is tried at fewer points, but never fewer than this.
PHASES_MIN = 8
_DRAWS = 4_096
#: Periods that are simulated, as many as the work needs; longer work repeats whole ones (see
#: :meth:`Supply.wall`).
_HORIZONS_PERIODS = (24, 96, 384, 768)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """A CPU quota and the scheduler that enforces it.

    ``tick_ns`` is how often consumption is charged (4 ms on a kernel with HZ=250), ``slice_ns``
    what a run queue takes from the pool at once; a tick of 0 enforces exactly.
    """

    quota_ns: int
    period_ns: int = PERIOD_NS
    tick_ns: int = 4_000_000
    slice_ns: int = 5_000_000


def bandwidth(memory_mb: int, *, tick_ns: int = 4_000_000) -> Bandwidth:
    """The quota of a memory size: 20 ms x MB / 1769 in whole µs, within kernel and CPU limits."""
    return Bandwidth(quota_ns=quota_us(memory_mb) * 1_000, tick_ns=tick_ns)


def _lattice() -> tuple[Floats, Floats]:
    """Two phases in [0, 1) that fill the square evenly (golden-ratio rank-1 lattice)."""
    index = np.arange(PHASES)
    return (index + 0.5) / PHASES, np.mod((index + 0.5) * 0.6180339887498949, 1.0)


class _Group:
    """A CPU group at every phase of the lattice at once; all times in ns since its release."""

    def __init__(self, limit: Bandwidth, rate: float) -> None:
        period_phase, tick_phase = _lattice()
        self.limit = limit
        self.rate = rate
        self.time: Floats = np.zeros(PHASES)
        self.next_period: Floats = (1 - period_phase) * limit.period_ns
        self.next_tick: Floats = (1 - tick_phase) * self._tick
        self.pool: Floats = np.full(PHASES, float(limit.quota_ns))
        self.local: Floats = np.zeros(PHASES)
        self.uncharged: Floats = np.zeros(PHASES)
        self.throttled = np.zeros(PHASES, dtype=bool)
        self._take_slice(np.ones(PHASES, dtype=bool))

    @property
    def _tick(self) -> float:
        # Without a tick a run queue is stopped as soon as it overruns; 50 µs stands for "at once".
        return float(self.limit.tick_ns or 50_000)

    def _take_slice(self, where: NDArray[np.bool_]) -> None:
        wanted = np.where(where & (self.local <= 0), self.limit.slice_ns - self.local, 0.0)
        taken = np.minimum(self.pool, wanted)
        self.local += taken
        self.pool -= taken
        self.throttled |= where & (self.local <= 0)

    def _refill(self, where: NDArray[np.bool_]) -> None:
        quota = float(self.limit.quota_ns)
        income = np.where(where, quota, 0.0)
        indebted = where & (self.throttled | (self.local < 0))
        paid = np.where(indebted, np.minimum(income + self.pool, 1.0 - self.local), 0.0)
        self.local += paid
        self.pool = np.where(where, np.minimum(self.pool + income - paid, quota), self.pool)
        self.throttled &= ~(where & (self.local > 0))

    def step(self, remaining: Floats) -> Floats:
        """Advance every phase to its next event; return the CPU time each one got."""
        working = remaining > 0
        running = working & ~self.throttled
        finish = np.where(running, self.time + remaining / self.rate, np.inf)
        until = np.minimum(np.minimum(self.next_period, self.next_tick), finish)
        until = np.where(working, until, self.time)
        used = np.where(running, (until - self.time) * self.rate, 0.0)
        self.uncharged += used
        self.time = until
        ticked = working & (until >= self.next_tick)
        self.next_tick = np.where(ticked, self.next_tick + self._tick, self.next_tick)
        self._charge(ticked & running)
        turned = working & (until >= self.next_period)
        self.next_period = np.where(
            turned, self.next_period + self.limit.period_ns, self.next_period
        )
        self._refill(turned)
        return used

    def _charge(self, where: NDArray[np.bool_]) -> None:
        self.local = np.where(where, self.local - self.uncharged, self.local)
        self.uncharged = np.where(where, 0.0, self.uncharged)
        self._take_slice(where)


class Supply:
    """How much CPU time a busy group has got by which wall time, at every phase of the lattice.

    Exact for as many periods as are simulated.
    """

    def __init__(
        self, limit: Bandwidth, rate: float = 1.0, periods: int = _HORIZONS_PERIODS[0]
    ) -> None:
        self.limit = limit
        self.rate = rate
        group = _Group(limit, rate)
        endless = np.full(PHASES, np.inf)
        times, totals = [np.zeros(PHASES)], [np.zeros(PHASES)]
        while float(group.time.min()) < periods * limit.period_ns:
            totals.append(totals[-1] + group.step(endless))
            times.append(group.time)
        self._times = np.array(times).T
        self._totals = np.array(totals).T
        self._most = float(self._totals[:, -1].min())
        # One sorted axis for all phases, so that one binary search serves them all.
        self._stride = 2.0 * float(self._totals.max()) + 1.0
        self._keys = (self._totals + self._stride * np.arange(PHASES)[:, None]).ravel()

    def wall(self, cpu_ns: Floats, phases: NDArray[np.int64]) -> Floats:
        """Wall time, in ns, of one burst of each CPU time at each of its row of phases.

        Work beyond the simulated horizon repeats whole periods: the controller conserves CPU
        time, so ``quota`` more work takes one ``period`` more. What ticks overrun differs between
        periods, so at a single phase this may be some periods off, of hundreds; but more work
        never ends sooner.
        """
        period_ns = self.limit.period_ns
        whole = np.ceil(np.maximum(0.0, cpu_ns - self._most) / self.limit.quota_ns)[:, None]
        reached = self._reached(cpu_ns[:, None] - whole * self.limit.quota_ns, phases)
        if not whole.any():
            return reached
        horizon = self._reached(np.full((len(cpu_ns), 1), self._most), phases)
        soonest = horizon + (whole - 1) * period_ns
        repeated = np.maximum(reached + whole * period_ns, soonest)
        result: Floats = np.where(whole > 0, repeated, reached)
        return result

    def _reached(self, work: Floats, phases: NDArray[np.int64]) -> Floats:
        """When a column of work within the horizon is done, at each of its row of phases."""
        found = np.searchsorted(self._keys, work + self._stride * phases)
        surplus = self._totals.ravel()[found] - work
        result: Floats = self._times.ravel()[found] - surplus / self.rate
        return result


def _phases(n: int) -> NDArray[np.int64]:
    """Which lattice points each of ``n`` phases of work is tried at: all, or fewer if n is large.

    Each row is a stratified grid over the period; rows are shifted so that all points are used.
    """
    per_row = PHASES
    while per_row > PHASES_MIN and per_row * n > _DRAWS:
        per_row //= 2
    stride = PHASES // per_row
    columns = np.arange(per_row) * stride
    result: NDArray[np.int64] = (columns[None, :] + np.arange(n)[:, None] % stride).astype(np.int64)
    return result


@lru_cache(maxsize=256)
def supply(limit: Bandwidth, rate: float = 1.0, periods: int = _HORIZONS_PERIODS[0]) -> Supply:
    """The supply curve of a quota for work that uses ``rate`` CPUs at once; computed once."""
    return Supply(limit, rate, periods)


def _horizon(cpu_ns: Floats, limit: Bandwidth) -> int:
    """How many periods to simulate: the fewest in which the longest work is done, or the most."""
    needed = float(cpu_ns.max(initial=0.0)) / limit.quota_ns + 3
    return next((p for p in _HORIZONS_PERIODS if p >= needed), _HORIZONS_PERIODS[-1])


def parallelism(cpu_ns: Floats, wall_ns: Floats, limit_cpus: int) -> float:
    """CPUs in use at once, to a tenth: the median of CPU / wall, from 1 to ``limit_cpus``."""
    ratios = cpu_ns / np.maximum(wall_ns, 1.0)
    middle = round(float(np.median(ratios)), 1) if len(ratios) else 1.0
    return min(max(1.0, middle), float(limit_cpus))


def throttled_walls(
    cpu_ns: Floats, off_cpu_ns: Floats, limit: Bandwidth, *, rate: float = 1.0
) -> Floats:
    """Wall times, in ns, under a quota: one row per unit of work, one column per start phase.

    Each unit of work is one contiguous burst of ``cpu_ns`` and the part of its unthrottled wall
    time that it was off the CPU. A quota of ``rate`` CPUs or more never stops it; the kernel's
    own charging then costs less than 0.5 %, which is neglected.
    """
    cpu = np.asarray(cpu_ns, dtype=np.float64)
    off = np.asarray(off_cpu_ns, dtype=np.float64)[:, None]
    phases = _phases(len(cpu))
    if limit.quota_ns >= rate * limit.period_ns:
        return np.broadcast_to(cpu[:, None] / rate + off, phases.shape).copy()
    return supply(limit, rate, _horizon(cpu, limit)).wall(cpu, phases) + off
