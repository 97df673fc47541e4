"""The reporting process's answer to what to measure next: the record read, and judged so far."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.model import Allocation
from bench.stats.allotment import next_allocations
from bench.store import TrialReader, load_header


class RecordAdvisor:
    """Answers for one record that is being measured; reads each of its trials once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._reader = TrialReader(directory)

    def __call__(self, remaining_s: float | None) -> tuple[Allocation, ...]:
        """The next rounds; empty when everything is decided, or nothing more can be.

        Raises:
            RecordError: the record cannot be read any more.
        """
        record = replace(load_header(self._directory), trials=self._reader.read())
        return next_allocations(record, remaining_s)
