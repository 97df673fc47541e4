"""What the control plane hands events and mappings to."""

from __future__ import annotations

from moto.awslambda.models import EventSourceMapping

from bench.serve.asynchronous import AsyncQueue
from bench.serve.mappings import Mappings


class Sink:
    """The queue of asynchronous invokes and the pollers, as one."""

    def __init__(self, queue: AsyncQueue, mappings: Mappings) -> None:
        self._queue = queue
        self._mappings = mappings

    def submit(self, arn: str, event: bytes) -> None:
        """Invoke asynchronously."""
        self._queue.submit(arn, event)

    def attach(self, mapping: EventSourceMapping) -> None:
        """Begin to poll the source of a mapping."""
        self._mappings.attach(mapping)

    def detach(self, mapping_id: str) -> None:
        """Stop polling it."""
        self._mappings.detach(mapping_id)
