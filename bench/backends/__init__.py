"""Where a trial runs: one Protocol, and a dict of modules that satisfy it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.model import Arm, Cell, Trial
from bench.subjects import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialOrder:
    """One trial to run: the cell, its place in the schedule, and what it runs from."""

    cell: Cell
    arm: Arm
    round: int
    position: int
    slot: int
    discarded: bool
    function: Function
    handler: str
    #: The staged copy of the artifact for this arm and slot.
    tree: Path
    event: bytes
    #: ``PYTHONHASHSEED`` of Python functions; None leaves it to chance, as Lambda does.
    hash_seed: int | None = None
    #: Where in the period of the CPU quota the first event is released, in ns; None = anywhere.
    phase_ns: int | None = None

    def place(self) -> dict[str, Any]:
        """The fields of the :class:`Trial` that the order decides, whatever its outcome."""
        return {
            "function": self.cell.function,
            "variant": self.cell.variant,
            "memory_mb": self.cell.memory_mb,
            "event": self.cell.event,
            "page_cache": self.cell.page_cache,
            "arm": self.arm,
            "round": self.round,
            "position": self.position,
            "slot": self.slot,
            "discarded": self.discarded,
        }


class Backend(Protocol):
    """Runs trials, one at a time."""

    @property
    def name(self) -> str:
        """``local``, ``scripted``, ..."""

    def run(self, order: TrialOrder) -> Trial:
        """Run one trial. A function that fails gives a failed trial, not an exception."""

    def close(self) -> None:
        """Release what the backend holds."""
