"""What the kernel says about a live function process: CPU time, peak memory, whether it is idle."""

from __future__ import annotations

import os
import time
from pathlib import Path

_POLL_S = 0.0001


def process_cpu_ns(pid: int) -> int:
    """CPU time of all threads of ``pid``, the ended ones included.

    The clock id of another process's CPU clock is made as in the kernel's
    ``include/linux/posix-timers_types.h``. Exact while the process is off the processor.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def peak_memory_bytes(pid: int) -> int:
    """``VmHWM``: the peak resident size of this program since its exec.

    ``ru_maxrss`` would be wrong: through exec it inherits the peak of the parent.
    """
    return _status_number(pid, "VmHWM:") * 1024


def involuntary_switches(pid: int) -> int:
    """How often the main thread was taken off the processor against its will."""
    return _status_number(pid, "nonvoluntary_ctxt_switches:")


def major_faults(pid: int) -> int:
    """Page faults that had to read from storage."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[9])


def has_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for being reaped."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] == b"Z"
    except FileNotFoundError:
        return True


def wait_until_idle(pid: int, limit_s: float) -> bool:
    """Wait until no thread of ``pid`` runs or wants to; False if ``limit_s`` was not enough.

    Thread states are looked at, not CPU clocks: a throttled thread uses no CPU and is not idle.
    """
    deadline = time.monotonic() + limit_s
    while not _is_idle(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_idle(pid: int) -> bool:
    tasks = f"/proc/{pid}/task"
    try:
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[0] in (b"R", b"D"):
                    return False
    except FileNotFoundError:
        return not os.path.exists(tasks)
    return True


def _status_number(pid: int, key: str) -> int:
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(key):
                return int(line.split()[1])
    return 0
