"""The CPU quota model against laws of the controller and measured distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.cpu_share import visible_cpus
from bench.stats.quota import (
    PHASES,
    Bandwidth,
    Floats,
    Supply,
    bandwidth,
    parallelism,
    throttled_walls,
)

_MS = 1_000_000
#: CPU time in ms (median of the runs), memory size, p50 and p90 of wall time in ms: loops without
#: a system call in a CFS group with a period of 20 ms, HZ=250, started at random phases on a shared
#: machine. The 10 ms rows have 22 to 32 runs each, the 100 ms row 9.
_MEASURED = [
    (10.97, 128, 115.6, 136.6),
    (10.95, 256, 48.5, 59.9),
    (10.77, 512, 14.5, 19.9),
    (10.62, 1024, 10.7, 11.7),
    (10.77, 1769, 10.8, 11.3),
    (109.49, 128, 1464.1, 1534.3),
]


def _walls(cpu_ns: float, wall_ns: float, memory_mb: int) -> Floats:
    """Wall times at each phase of work with these unthrottled CPU and wall times."""
    cpu, wall = np.array([cpu_ns]), np.array([wall_ns])
    rate = parallelism(cpu, wall, visible_cpus(memory_mb))
    off = np.maximum(0.0, wall - cpu / rate)
    walls: Floats = throttled_walls(cpu, off, bandwidth(memory_mb), rate=rate)[0]
    return walls


@pytest.mark.parametrize(
    ("memory_mb", "quota_us"),
    [(128, 1_447), (256, 2_894), (512, 5_789), (1024, 11_577), (1769, 20_000), (3538, 40_000)],
)
def test_the_quota_is_the_share_of_a_period(memory_mb: int, quota_us: int) -> None:
    """The quota is 20 ms x MB / 1769 in whole microseconds."""
    assert bandwidth(memory_mb).quota_ns == quota_us * 1_000


def test_the_quota_has_the_kernels_floor_and_never_exceeds_the_visible_cpus() -> None:
    """Quotas below 1 ms are refused by the kernel; two visible CPUs give at most 40 ms."""
    assert bandwidth(64).quota_ns == 1_000_000
    assert [visible_cpus(mb) for mb in (128, 3_008, 3_009, 10_240)] == [2, 2, 3, 6]


@pytest.mark.parametrize(
    ("memory_mb", "factor"), [(128, 13.6), (256, 6.8), (512, 3.4), (1024, 1.7), (1769, 1.0)]
)
def test_long_work_is_slowed_by_the_share(memory_mb: int, factor: float) -> None:
    """200 ms of CPU time take 1769 / MB as long, within 5 %."""
    found = _walls(200 * _MS, 200 * _MS, memory_mb) / (200 * _MS)
    assert np.median(found) == pytest.approx(factor, rel=0.05)
    assert found.mean() == pytest.approx(factor, rel=0.05)


@given(st.integers(1, 2_000), st.sampled_from([1769, 2048, 3008]))
@settings(max_examples=20, deadline=None)
def test_one_thread_is_never_slowed_by_a_whole_cpu(cpu_ms: int, memory_mb: int) -> None:
    """From 1769 MB on wall time is CPU time."""
    found = _walls(cpu_ms * _MS, cpu_ms * _MS, memory_mb)
    assert set(found) == {cpu_ms * _MS}


def test_two_threads_are_slowed_at_one_cpu() -> None:
    """Work that used two CPUs at once takes twice as long with a quota of one."""
    assert _walls(800 * _MS, 400 * _MS, 1769).mean() == pytest.approx(800 * _MS, rel=0.05)


@pytest.mark.parametrize(("cpu_ms", "memory_mb", "p50_ms", "p90_ms"), _MEASURED)
def test_bursts_match_the_kernel(
    cpu_ms: float, memory_mb: int, p50_ms: float, p90_ms: float
) -> None:
    """Median and p90 are within 12 % of those of real runs, whose CPU time varied too."""
    walls = throttled_walls(np.array([cpu_ms * _MS]), np.zeros(1), bandwidth(memory_mb))
    p50, p90 = np.quantile(walls, (0.5, 0.9)) / _MS
    assert p50 == pytest.approx(p50_ms, rel=0.12)
    assert p90 == pytest.approx(p90_ms, rel=0.12)


def test_a_burst_below_the_quota_is_not_stopped() -> None:
    """An idle group starts with a full pool, so 1.4 ms run through at 128 MB."""
    assert _walls(1_400_000, 1_400_000, 128).max() == pytest.approx(1_400_000)


def test_a_coarse_tick_lets_short_bursts_overrun() -> None:
    """Charging at ticks delays the first stop, so 3 ms are done sooner than with exact charging."""
    coarse, exact = (
        throttled_walls(np.array([3.0e6]), np.zeros(1), bandwidth(128, tick_ns=tick)).mean()
        for tick in (4_000_000, 0)
    )
    assert coarse < 0.75 * exact


def test_off_cpu_time_passes_unthrottled() -> None:
    """Waiting is added as it is."""
    assert np.median(_walls(1 * _MS, 51 * _MS, 128)) == pytest.approx(51 * _MS)


@given(st.lists(st.floats(1e5, 6e7), min_size=2, max_size=2).map(sorted))
@settings(max_examples=25, deadline=None)
def test_more_work_never_ends_sooner(work: list[float]) -> None:
    """At each phase the wall time grows with the CPU time."""
    limit = bandwidth(256)
    less, more = (throttled_walls(np.array([w]), np.zeros(1), limit)[0] for w in work)
    assert (less <= more + 1).all()


@given(st.lists(st.floats(1e5, 9e9), min_size=2, max_size=2).map(sorted))
@example([205_563_324.0, 208_410_655.0])
@settings(max_examples=25, deadline=None)
def test_more_long_work_never_ends_sooner(work: list[float]) -> None:
    """At each phase, and beyond the simulated horizon too."""
    limit = bandwidth(256)
    less, more = (throttled_walls(np.array([w]), np.zeros(1), limit)[0] for w in work)
    assert (less <= more + 1).all()


@pytest.mark.parametrize("cpu_ms", [50, 100, 300, 1_000])
def test_long_work_is_exact_at_each_phase(cpu_ms: int) -> None:
    """As many periods are simulated as the work needs: more of them change nothing."""
    limit, work = bandwidth(128), np.array([cpu_ms * 1e6])
    found = throttled_walls(work, np.zeros(1), limit)[0]
    longer = Supply(limit, 1.0, 900).wall(work, np.arange(PHASES)[None, :])[0]
    assert found == pytest.approx(longer)


@pytest.mark.parametrize("share", [0.07, 0.14, 0.29, 0.58, 1.0])
def test_the_ratio_of_cpu_times_is_the_ratio_of_long_throttled_work(share: float) -> None:
    """Averaged over all phases, 5 % more CPU time is 5 % more wall time within a point."""
    limit = Bandwidth(quota_ns=int(share * 20e6))
    work = np.linspace(400e6, 500e6, 20)
    plain, more = (throttled_walls(w, np.zeros(20), limit).mean() for w in (work, work * 1.05))
    assert more / plain == pytest.approx(1.05, abs=0.01)


def test_many_trials_are_spread_over_all_phases() -> None:
    """With 273 trials each gets fewer phases, and the mean stays that of the full grid."""
    limit = bandwidth(128)
    many = throttled_walls(np.full(273, 5.0e6), np.zeros(273), limit)
    one = throttled_walls(np.array([5.0e6]), np.zeros(1), limit)
    assert many.shape[1] < one.shape[1]
    assert many.mean() == pytest.approx(one.mean(), rel=0.02)
