"""Delivery to one subscriber of the Telemetry or Logs API: buffering, and a thread that sends.

Records are buffered until one of the subscriber's limits is reached: number, size, or age of the
oldest. A frozen environment receives nothing; :meth:`Delivery.pause` keeps its records until it
is thawed. The thread exists only while there is a subscriber.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from typing import Literal

from bench.emulator.telemetry_records import dropped_record
from bench.frozen import dataclass

#: How many full buffers may wait before records are dropped.
_MAX_BUFFERS = 4
_ANSWER_LIMIT_S = 10.0
_RETRY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Buffering:
    """When a buffer is sent; the limits and defaults are those of the documentation."""

    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where to send: a port of the environment, which is a port of this machine."""

    protocol: Literal["HTTP", "TCP"]
    port: int
    path: str = "/"


class Delivery:
    """Buffers records and sends them from a thread of its own."""

    def __init__(self, destination: Destination, buffering: Buffering) -> None:
        self._destination = destination
        self._buffering = buffering
        self._records: deque[bytes] = deque()
        self._bytes = 0
        self._oldest_s = 0.0
        self._dropped = self._dropped_bytes = 0
        self._paused = False
        self._flushing = False
        self._closed = False
        self._condition = threading.Condition()
        self._tcp: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="coldbench-telemetry", daemon=True)
        self._thread.start()

    def add(self, record: bytes) -> None:
        """Buffer a record; drop it where the subscriber has fallen far behind."""
        with self._condition:
            if self._bytes + len(record) > _MAX_BUFFERS * self._buffering.max_bytes:
                self._dropped += 1
                self._dropped_bytes += len(record)
                return
            if not self._records:
                self._oldest_s = time.monotonic()
            self._records.append(record)
            self._bytes += len(record)
            self._condition.notify()

    def pause(self) -> None:
        """Send nothing more until :meth:`resume`: the subscriber is frozen."""
        with self._condition:
            self._paused = True

    def resume(self) -> None:
        """The subscriber has been thawed."""
        with self._condition:
            self._paused = False
            self._condition.notify()

    def flush(self, limit_s: float) -> None:
        """Send all there is, without regard to the limits, waiting at most so long for it."""
        deadline = time.monotonic() + limit_s
        with self._condition:
            self._flushing = True
            self._condition.notify()
            while (self._records or self._flushing) and time.monotonic() < deadline:
                self._condition.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End the thread; what has not been sent is lost."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join(_ANSWER_LIMIT_S)
        if self._tcp is not None:
            self._tcp.close()

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            while not self._send(batch):
                with self._condition:
                    self._condition.wait(_RETRY_S)
                    self._condition.wait_for(lambda: self._closed or not self._paused)
                    if self._closed:
                        return
            with self._condition:
                self._condition.notify_all()

    def _take(self) -> list[bytes] | None:
        """Wait for a buffer that is due; None when it is all over."""
        with self._condition:
            while not self._closed:
                wait_s = self._due_in()
                if wait_s is not None and wait_s <= 0.0:
                    return self._batch()
                self._condition.wait(wait_s)
        return None

    def _due_in(self) -> float | None:
        """Seconds until there is something to send; None if nobody knows."""
        if self._paused or not self._records:
            if self._flushing and not self._records:
                self._flushing = False
                self._condition.notify_all()
            return None
        limits = self._buffering
        full = len(self._records) >= limits.max_items or self._bytes >= limits.max_bytes
        if full or self._flushing:
            return 0.0
        return self._oldest_s + limits.timeout_ms / 1e3 - time.monotonic()

    def _batch(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        limits = self._buffering
        while self._records and len(batch) < limits.max_items:
            if batch and size + len(self._records[0]) > limits.max_bytes:
                break
            size += len(self._records[0])
            batch.append(self._records.popleft())
        self._bytes -= size
        self._oldest_s = time.monotonic()
        if self._dropped:
            batch.append(dropped_record(self._dropped, self._dropped_bytes, time.time_ns()))
            self._dropped = self._dropped_bytes = 0
        return batch

    def _send(self, batch: list[bytes]) -> bool:
        """Whether the subscriber has taken the batch."""
        try:
            if self._destination.protocol == "TCP":
                self._send_tcp(batch)
            else:
                self._send_http(batch)
        except OSError:
            return False
        return True

    def _send_http(self, batch: list[bytes]) -> None:
        import http.client  # 15 ms, which a function without subscriber shall not wait for

        destination = self._destination
        connection = http.client.HTTPConnection(
            "127.0.0.1", destination.port, timeout=_ANSWER_LIMIT_S
        )
        with contextlib.closing(connection):
            body = b"[" + b",".join(batch) + b"]"
            headers = {
                "Content-Type": "application/json",
                "Host": f"sandbox.localdomain:{destination.port}",
            }
            connection.request("POST", destination.path, body, headers)
            try:
                connection.getresponse().read()
            except http.client.HTTPException as error:
                raise ConnectionError(f"the subscriber's answer is no HTTP: {error}") from error

    def _send_tcp(self, batch: list[bytes]) -> None:
        if self._tcp is None:
            address = ("127.0.0.1", self._destination.port)
            self._tcp = socket.create_connection(address, _ANSWER_LIMIT_S)
        try:
            self._tcp.sendall(b"".join(record + b"\n" for record in batch))
        except OSError:
            self._tcp.close()
            self._tcp = None
            raise
