"""Lambda's CPU law: how much of how many processors a memory size gets.

Lambda gives the handler ``memory / 1769`` of a virtual CPU, enforced in periods of 20 ms (the
step lengths of throttled functions on real Lambda are multiples of 20 ms); init is not throttled.
"""

from __future__ import annotations

from bench.model import MEMORY_ONE_VCPU_MB

PERIOD_US = 20_000
#: The kernel refuses quotas below 1 ms.
MIN_QUOTA_US = 1_000
#: Processors that a sandbox shows, by the largest memory size in MB that still shows them.
_VISIBLE_CPUS = ((3_008, 2), (5_307, 3), (7_076, 4), (8_845, 5))


def visible_cpus(memory_mb: int) -> int:
    """How many processors a function of this memory size sees; more than its share of them."""
    return next((cpus for top, cpus in _VISIBLE_CPUS if memory_mb <= top), 6)


def quota_us(memory_mb: int) -> int:
    """CPU time per period, in µs, that Lambda grants to a function of this memory size."""
    most = visible_cpus(memory_mb) * PERIOD_US
    return min(max(MIN_QUOTA_US, round(PERIOD_US * memory_mb / MEMORY_ONE_VCPU_MB)), most)
