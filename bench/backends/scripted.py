"""A backend that runs nothing: every trial is what a script says. For tests, ours and yours.

Example:
    >>> backend = ScriptedBackend(lambda order: ScriptedTrial(init_ns=2_000_000))
    >>> backend.run(order).phases["init"]
    2000000
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.backends import TrialOrder
from bench.model import Trial, TrialError


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedTrial:
    """The durations and CPU times of one trial in ns, or the error it ends with."""

    init_ns: int = 1_000_000
    first_invoke_ns: int = 200_000
    warm_invoke_ns: int = 100_000
    cpu_init_ns: int = 900_000
    cpu_first_invoke_ns: int = 180_000
    peak_memory_bytes: int = 8_000_000
    error: TrialError | None = None


class ScriptedBackend:
    """Answers each order with the trial that ``script`` gives for it, and keeps the orders."""

    name = "scripted"

    def __init__(self, script: Callable[[TrialOrder], ScriptedTrial], *, warm_invokes: int = 2):
        self._script = script
        self._warm_invokes = warm_invokes
        #: Every order received so far.
        self.orders: list[TrialOrder] = []
        self.closed = False

    def run(self, order: TrialOrder) -> Trial:
        """The scripted trial for this order."""
        said = self._script(order)
        self.orders.append(order)
        failed = said.error is not None
        phases = {
            "init": said.init_ns,
            "first_invoke": said.first_invoke_ns,
            "cold_total": said.init_ns + said.first_invoke_ns,
        }
        cpu = {"init": said.cpu_init_ns, "first_invoke": said.cpu_first_invoke_ns}
        return Trial(
            **order.place(),
            outcome="failed" if failed else "ok",
            started_ns=len(self.orders),
            phases={} if failed else phases,
            cpu={} if failed else cpu,
            warm_invokes_ns=() if failed else (said.warm_invoke_ns,) * self._warm_invokes,
            peak_memory_bytes=None if failed else said.peak_memory_bytes,
            error=said.error,
        )

    def close(self) -> None:
        """Nothing is held."""
        self.closed = True
