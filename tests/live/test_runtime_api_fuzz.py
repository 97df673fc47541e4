"""Nonsense on the real socket of the Runtime API."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.emulator.runtime_api import RuntimeApi, response_bytes
from tests.conformance.fuzz import fuzz

pytestmark = pytest.mark.live

_LINES = st.sampled_from(
    [
        b"GET /2018-06-01/ping HTTP/1.1\r\n",
        b"POST /x HTTP/1.1\r\n",
        b"POST /x HTTP/1.0\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: 99999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"X: " + b"y" * 5_000 + b"\r\n",
    ]
)
_STREAMS = st.lists(_LINES | st.binary(max_size=50), max_size=12).map(b"".join)


@pytest.fixture(name="api", scope="module")
def _api() -> Iterator[RuntimeApi]:
    """A transport that answers each request with 200, in a thread."""
    api = RuntimeApi()
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            arrival = api.wait(time.monotonic_ns() + 50_000_000)
            if arrival is not None:
                arrival.connection.send(response_bytes(200, b""))

    thread = threading.Thread(target=serve)
    thread.start()
    yield api
    stop.set()
    thread.join()
    api.close()


@given(stream=_STREAMS)
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_any_stream_of_bytes_comes_to_an_end(api: RuntimeApi, stream: bytes) -> None:
    """The server answers what it can, refuses the rest, and closes after the client has."""
    host, _, port = api.address.partition(":")
    with socket.create_connection((host, int(port)), 5) as client:
        try:
            client.sendall(stream)
            client.shutdown(socket.SHUT_WR)
            answers = b""
            while piece := client.recv(65_536):
                answers += piece
        except (ConnectionResetError, BrokenPipeError):
            return
    assert answers == b"" or answers.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_thousand_requests(seed: int) -> None:
    """Every answer is one of those that the rules have; whole invokes work in between."""
    tally = fuzz(10_000, seed)

    assert tally.invokes > 0
    assert {200, 202, 400, 403, 404, 405} <= tally.statuses.keys()
