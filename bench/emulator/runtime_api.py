"""The Runtime API's transport: loopback listener, connections, and the clock at each arrival.

One thread, blocking on ``epoll``; bytes are stamped when they have been received, before they are
looked at. What a request means in which state is decided in :mod:`bench.emulator.conversation`.
No client can hold up another: nothing is waited for but the next arrival, what a client does not
read is kept for it up to a limit, and from each connection one request is taken at a time.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bench.emulator.connection import Connection
from bench.emulator.http1 import Sink
from bench.emulator.http1_head import BadRequest, Request
from bench.errors import Interrupted

_BUFFER_BYTES = 128 * 1024
#: Of all unfinished requests together; one above it that is of some size is dropped.
_MAX_HELD_BYTES = 512 * 1024 * 1024
_LARGE_REQUEST_BYTES = 1024 * 1024
_MAX_CONNECTIONS = 256

_STATUS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
}

#: What Lambda answers to an accepted response or error.
ACCEPTED = b'{"status":"OK"}\n'


def response_bytes(
    status: int,
    body: bytes,
    *,
    content_type: str = "application/json",
    headers: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A complete HTTP/1.1 response. Headers with an empty value are left out, as Lambda does."""
    lines = [f"HTTP/1.1 {status} {_STATUS[status]}", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in headers if value]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace") + body


@dataclass(slots=True)
class Arrival:
    """A complete request, and the CLOCK_MONOTONIC time in ns at which its last byte was read."""

    request: Request
    connection: Connection
    received_ns: int


class RuntimeApi:
    """A listener on a loopback port of its own, and the connections of one environment."""

    def __init__(self, watched_fd: int | None = None, stop_fd: int | None = None) -> None:
        """Listen.

        ``watched_fd`` ends a wait when it becomes readable (for example, the launcher's);
        ``stop_fd`` makes every wait raise :class:`Interrupted` from then on.
        """
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._listener.setblocking(False)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: dict[int, Connection] = {}
        #: Connections from which more requests may be taken without reading.
        self._fed: deque[Connection] = deque()
        self._cut_off: deque[Arrival] = deque()
        self._watched_fd = watched_fd
        self._stop_fd = stop_fd
        # One for all connections: so much for each request would have to come from the kernel,
        # which costs more than all the rest of receiving a small one.
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._epoll = select.epoll()
        self._epoll.register(self._listener.fileno(), select.EPOLLIN)
        for fd in (watched_fd, stop_fd):
            if fd is not None:
                self._epoll.register(fd, select.EPOLLIN)
        #: The last request that was not HTTP/1.1, in words; empty if there was none.
        self.garbage = ""
        #: Whether a client was refused because it seemed to be none of the environment.
        self.refused_a_client = False
        #: Who gets the body of a request piece by piece; see :class:`RequestParser`.
        self.sink_for: Callable[[Request], Sink | None] | None = None
        #: Whether the client at a port is one of the environment's processes; None admits all.
        self.may_speak: Callable[[int], bool] | None = None

    @property
    def port(self) -> int:
        """The port of the listener."""
        return int(self.address.rpartition(":")[2])

    def wait(self, deadline_ns: int) -> Arrival | None:
        """The next request; None at the deadline or when ``watched_fd`` is readable.

        Raises:
            Interrupted: ``stop_fd`` is readable.
        """
        while True:
            if self._cut_off:
                return self._cut_off.popleft()
            while self._fed:
                arrival = self._take(self._fed.popleft())
                if arrival is not None:
                    return arrival
            left_ns = deadline_ns - time.monotonic_ns()
            if left_ns <= 0:
                return None
            if self._poll(left_ns / 1e9) and not (self._fed or self._cut_off):
                return None

    def _poll(self, timeout_s: float) -> bool:
        """Read what can be read; whether ``watched_fd`` is readable."""
        watched = False
        for fd, events in self._epoll.poll(timeout_s):
            if fd in self._connections:
                self._serve(self._connections[fd], events)
            elif fd == self._stop_fd:
                raise Interrupted("interrupted")
            elif fd == self._watched_fd:
                watched = True
            else:
                self._accept()
        return watched

    def close(self) -> None:
        """Close everything."""
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        self._epoll.close()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            if len(self._connections) >= _MAX_CONNECTIONS:
                sock.close()
                return
            connection = Connection(sock, self._epoll, self._buffer, self._sink_for)
            self._connections[connection.fd] = connection
            self._epoll.register(connection.fd, select.EPOLLIN)

    def _sink_for(self, request: Request) -> Sink | None:
        return None if self.sink_for is None else self.sink_for(request)

    def _serve(self, connection: Connection, events: int) -> None:
        if events & select.EPOLLIN:
            size = connection.receive()
            connection.received_ns = time.monotonic_ns()
            if size:
                if not self._admits(connection):
                    return
                connection.take_in(size)
                self._fed.append(connection)
                return
            if size is not None:
                self._ended(connection)
                return
        if events & select.EPOLLOUT:
            connection.flush()
        if not connection.alive or events & (select.EPOLLHUP | select.EPOLLERR):
            self._drop(connection)

    def _ended(self, connection: Connection) -> None:
        """The client sends no more; it may still wait for answers."""
        request = connection.parser.cut_off()
        if request is not None:
            connection.waits += 1
            self._cut_off.append(Arrival(request, connection, connection.received_ns))
        if connection.alive and (connection.waits > 0 or connection.has_unread):
            connection.hear_no_more()
        else:
            self._drop(connection)

    def _take(self, connection: Connection) -> Arrival | None:
        """One request of the connection, if there is one that is complete."""
        if not connection.alive:
            self._drop(connection)
            return None
        parser = connection.parser
        try:
            request = parser.next()
        except BadRequest as error:
            self.garbage = str(error)
            connection.write(response_bytes(400, error_body("InvalidRequest", str(error))))
            self._drop(connection)
            return None
        if request is not None:
            connection.waits += 1
            self._fed.append(connection)
            return Arrival(request, connection, connection.received_ns)
        if parser.take_continue():
            connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if parser.held_bytes > _LARGE_REQUEST_BYTES:
            self._bound_memory(connection)
        return None

    def _admits(self, connection: Connection) -> bool:
        """Whether its client may speak here; looked at once, when its first bytes are there."""
        if not connection.admitted:
            if self.may_speak is not None and not self.may_speak(connection.client_port):
                self.refused_a_client = True
                self._drop(connection)
                return False
            connection.admitted = True
        return True

    def _bound_memory(self, connection: Connection) -> None:
        held = sum(c.parser.held_bytes for c in self._connections.values())
        if held > _MAX_HELD_BYTES:
            self.garbage = f"unfinished requests of {held} bytes"
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection.fd, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(connection.fd)
            connection.close()


def error_body(kind: str, message: str) -> bytes:
    """The JSON that the Runtime API answers a request with which it cannot accept."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
