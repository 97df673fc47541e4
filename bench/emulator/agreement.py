"""What the launcher and its client agree on: the stamps, and how it is started.

The stamps are a shared array of unsigned 64-bit integers. All this is apart from
:mod:`bench.emulator.launcher` so that its client need not load what it takes to start processes.
"""

from __future__ import annotations

#: CLOCK_MONOTONIC in ns, read as the last thing before ``posix_spawn``: the start of Init Duration.
STAMP_START_NS = 0
#: CLOCK_MONOTONIC in ns after ``posix_spawn`` returned, which it does when exec has happened.
STAMP_EXECUTED_NS = 1
#: Process id of the function, valid once ``STAMP_EXECUTED_NS`` is set (it is zeroed at the gate).
STAMP_PID = 2
STAMP_PAGE_BYTES = 4096

#: An argument of the launcher: functions get no root of their own, although they could.
REAL_ROOT = "--real-root"
