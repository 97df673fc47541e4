"""Event source mappings: a poller for each, which invokes with batches, as Lambda's does.

moto by itself calls a function inside the request that writes a message, one message at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from moto.awslambda.models import EventSourceMapping

from bench.serve.batch import BatchCall, Invoke, Resolve
from bench.serve.clients import Clients
from bench.serve.destinations import Destinations
from bench.serve.queue_poller import QueuePoller
from bench.serve.stream_poller import StreamPoller
from bench.serve.stream_records import stream_reader

_BACKOFF_S = 1.0


class Poller(Protocol):
    """Polls one source until it is told to stop."""

    def run(self, stop: threading.Event) -> None:
        """Poll; returns soon after ``stop`` is set."""


class Mappings:
    """The pollers of all mappings. Thread-safe.

    Args:
        clients: of this endpoint.
        resolve: finds a function by its ARN.
        invoke: runs an event and waits for it.
        destinations: for records of streams that are given up.
        warn: is told what nobody else is.
    """

    def __init__(
        self,
        clients: Clients,
        resolve: Resolve,
        invoke: Invoke,
        destinations: Destinations,
        warn: Callable[[str], None],
    ) -> None:
        self._clients = clients
        self._resolve = resolve
        self._invoke = invoke
        self._destinations = destinations
        self._warn = warn
        self._running: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._lock = threading.Lock()

    def attach(self, mapping: EventSourceMapping) -> None:
        """Begin to poll."""
        stop = threading.Event()
        thread = threading.Thread(
            target=self._poll, args=(self._poller(mapping), mapping, stop), daemon=True
        )
        with self._lock:
            self._running[mapping.uuid] = (thread, stop)
        thread.start()

    def detach(self, mapping_id: str) -> None:
        """Have the poller of a mapping stop; it may still be inside an invoke."""
        with self._lock:
            found = self._running.pop(mapping_id, None)
        if found is not None:
            found[1].set()

    def close(self) -> None:
        """Stop all pollers; they are daemons, and what they run ends with the environments."""
        with self._lock:
            running, self._running = dict(self._running), {}
        for _, stop in running.values():
            stop.set()

    def _poller(self, mapping: EventSourceMapping) -> Poller:
        call = BatchCall(mapping, self._resolve, self._invoke)
        service = mapping.event_source_arn.split(":")[2]
        if service == "sqs":
            sqs = self._clients.get("sqs", mapping.account_id, mapping.region)
            return QueuePoller(mapping, sqs, call)
        reader = stream_reader(mapping, self._clients)
        return StreamPoller(mapping, reader, call, self._destinations)

    def _poll(self, poller: Poller, mapping: EventSourceMapping, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                poller.run(stop)
            except Exception as error:
                if not stop.is_set():
                    text = f"{type(error).__name__}: {error}"
                    self._warn(f"polling {mapping.event_source_arn}: {text}")
                stop.wait(_BACKOFF_S)
