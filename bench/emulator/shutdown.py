"""The shutdown of an execution environment: who is told, how, and how long it may take.

As AWS documents it: without extensions the processes are killed at once; with internal ones only,
the runtime gets ``SIGTERM`` and 500 ms; with external ones, 2,000 ms, of which the runtime has
the first 300 ms to itself (the share that AWS's own emulator gives it is of the same size) before
the extensions get their ``SHUTDOWN`` event. What is left at the end gets ``SIGKILL``.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Literal

from bench.emulator.conversation import Conversation
from bench.emulator.extensions import Extensions
from bench.emulator.processes import ExitStatus, kill_group
from bench.frozen import dataclass

ShutdownReason = Literal["spindown", "timeout", "failure"]
INTERNAL_BUDGET_NS = 500_000_000
EXTERNAL_BUDGET_NS = 2_000_000_000
_RUNTIME_SHARE_NS = 300_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutdown:
    """The last phase of an environment before ``SIGKILL``."""

    extensions: Extensions
    conversation: Conversation
    #: The runtime's main process.
    pid: int
    #: How that ended, waiting for so many seconds.
    exited: Callable[[int, float], ExitStatus | None]

    @property
    def budget_ns(self) -> int:
        """How long the phase may take."""
        if not self.extensions.exist:
            return 0
        return EXTERNAL_BUDGET_NS if self.extensions.has_external else INTERNAL_BUDGET_NS

    def run(self, reason: ShutdownReason) -> None:
        """Tell the runtime and the extensions, and wait until they have ended or time is up."""
        budget_ns = self.budget_ns
        if not budget_ns:
            return
        deadline_ns = time.monotonic_ns() + budget_ns
        deadline_ms = (time.time_ns() + budget_ns) // 1_000_000
        external = self.extensions.has_external
        self._end_runtime(min(budget_ns, _RUNTIME_SHARE_NS) if external else budget_ns)
        if not external:
            return
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        self.extensions.release(event)
        self.conversation.await_shutdown(deadline_ns)

    def _end_runtime(self, limit_ns: int) -> None:
        if not self.pid or self.exited(self.pid, 0.0) is not None:
            return
        try:
            os.killpg(self.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        if self.exited(self.pid, limit_ns / 1e9) is None:
            kill_group(self.pid)
