"""Lambda's CPU law: how much of how many processors a memory size gets.

Lambda gives the handler ``memory / 1769`` of a virtual CPU, enforced in periods of 20 ms (the
step lengths of throttled functions on real Lambda are multiples of 20 ms); init is not throttled.
"""

from __future__ import annotations

import time

from bench.subjects import MEMORY_ONE_VCPU_MB

PERIOD_US = 20_000
#: The kernel refuses quotas below 1 ms.
MIN_QUOTA_US = 1_000
#: How near to a phase is at it.
_PUNCTUAL_NS = 100_000
#: Processors that a sandbox shows, by the largest memory size in MB that still shows them.
_VISIBLE_CPUS = ((3_008, 2), (5_307, 3), (7_076, 4), (8_845, 5))


def visible_cpus(memory_mb: int) -> int:
    """How many processors a function of this memory size sees; more than its share of them."""
    return next((cpus for top, cpus in _VISIBLE_CPUS if memory_mb <= top), 6)


def quota_us(memory_mb: int) -> int:
    """CPU time per period, in µs, that Lambda grants to a function of this memory size."""
    most = visible_cpus(memory_mb) * PERIOD_US
    return min(max(MIN_QUOTA_US, round(PERIOD_US * memory_mb / MEMORY_ONE_VCPU_MB)), most)


def await_phase(phase_ns: int) -> int:
    """Wait until the monotonic clock is so far into a period; the phase that was reached, in ns.

    The kernel's periods have a fixed but unknown offset from the clock's, so that single phases
    mean nothing, and an even spread of them is an even spread of the kernel's.
    """
    period_ns = PERIOD_US * 1_000
    while (missing_ns := (phase_ns - time.monotonic_ns()) % period_ns) > _PUNCTUAL_NS:
        time.sleep(missing_ns / 2e9)
        if (time.monotonic_ns() - phase_ns) % period_ns < _PUNCTUAL_NS:
            break
    return time.monotonic_ns() % period_ns
