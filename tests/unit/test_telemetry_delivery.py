from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bench.emulator.telemetry_delivery import Buffering, Delivery, Destination


class Listener:
    """An HTTP server that keeps what it is sent."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []
        self.arrived = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.batches.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                outer.arrived.set()

            def log_message(self, *_: Any) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def destination(self) -> Destination:
        return Destination(protocol="HTTP", port=self.server.server_port)


@pytest.fixture(name="listener")
def _listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


def _delivery(listener: Listener, **buffering: int) -> Delivery:
    return Delivery(listener.destination(), Buffering(**{"timeout_ms": 30_000, **buffering}))


def test_a_full_buffer_is_sent_at_once(listener: Listener) -> None:
    """By number of records; the rest waits for its time."""
    delivery = _delivery(listener, max_items=3)
    for number in range(4):
        delivery.add(b"%d" % number)

    assert listener.arrived.wait(5)
    delivery.close()

    assert listener.batches == [[0, 1, 2]]


def test_a_buffer_is_sent_when_its_time_has_come(listener: Listener) -> None:
    """After the age of its oldest record."""
    delivery = _delivery(listener, timeout_ms=25)
    delivery.add(b"1")

    assert listener.arrived.wait(5)
    delivery.close()

    assert listener.batches == [[1]]


def test_a_buffer_is_sent_when_it_is_large(listener: Listener) -> None:
    """By size; no batch is above the limit."""
    delivery = _delivery(listener, max_bytes=250)
    for _ in range(3):
        delivery.add(b'"' + b"x" * 98 + b'"')

    assert listener.arrived.wait(5)
    delivery.close()

    assert [len(batch) for batch in listener.batches] == [2]


def test_nothing_is_sent_to_a_frozen_subscriber(listener: Listener) -> None:
    """Its records wait until it is thawed."""
    delivery = _delivery(listener, timeout_ms=25)
    delivery.pause()
    delivery.add(b"1")

    assert not listener.arrived.wait(0.2)
    delivery.resume()

    assert listener.arrived.wait(5)
    delivery.close()


def test_a_flush_waits_for_the_delivery(listener: Listener) -> None:
    """All of it, whatever the limits say."""
    delivery = _delivery(listener)
    delivery.add(b"1")

    delivery.flush(5)

    assert listener.batches == [[1]]
    delivery.close()


def test_what_a_slow_subscriber_missed_is_told(listener: Listener) -> None:
    """platform.logsDropped with number and size, after the records that were kept."""
    delivery = _delivery(listener, max_bytes=1_000)
    delivery.pause()
    for _ in range(50):
        delivery.add(b'"' + b"x" * 98 + b'"')

    delivery.resume()
    delivery.flush(5)
    delivery.close()

    dropped = [r for batch in listener.batches for r in batch if isinstance(r, dict)]
    assert [r["type"] for r in dropped] == ["platform.logsDropped"]
    assert (dropped[0]["record"]["droppedRecords"], dropped[0]["record"]["droppedBytes"]) == (
        10,
        1_000,
    )


def test_a_subscriber_that_does_not_listen_holds_nobody_up() -> None:
    """Its delivery ends when it is told to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    delivery = Delivery(Destination(protocol="HTTP", port=port), Buffering(timeout_ms=25))
    delivery.add(b"1")
    begin = time.monotonic()

    delivery.flush(0.2)
    delivery.close()

    assert time.monotonic() - begin < 5


def test_tcp_gets_a_line_per_record() -> None:
    """The older form of delivery."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        destination = Destination(protocol="TCP", port=server.getsockname()[1])
        delivery = Delivery(destination, Buffering(timeout_ms=25))
        delivery.add(b"1")
        delivery.add(b"2")
        connection, _ = server.accept()
        with connection:
            connection.settimeout(5)
            received = b""
            while received.count(b"\n") < 2:
                received += connection.recv(100)
        delivery.close()

    assert received == b"1\n2\n"
