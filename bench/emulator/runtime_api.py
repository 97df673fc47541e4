"""The Runtime API's transport: loopback listener, connections, and the clock at each arrival.

One thread, blocking on ``epoll``; bytes are stamped when they have been received, before they are
looked at. What a request means in which state is decided in :mod:`bench.emulator.environment`.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import time
from dataclasses import dataclass

from bench.emulator.http1 import BadRequest, Request, RequestParser
from bench.errors import Interrupted

_RECEIVE_BYTES = 256 * 1024
#: A client that does not read its answer for so long has lost it.
_SEND_LIMIT_S = 5
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
    return "\r\n".join(lines).encode("latin-1") + body


class Connection:
    """One client connection."""

    __slots__ = ("_socket", "alive", "fd", "parser")

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        limit = struct.pack("ll", _SEND_LIMIT_S, 0)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self._socket = sock
        self.fd = sock.fileno()
        self.parser = RequestParser()
        self.alive = True

    def send(self, data: bytes) -> None:
        """Send all of ``data``; a client that went away makes the connection dead, no error."""
        try:
            self._socket.sendall(data)
        except OSError:
            self.alive = False

    def receive(self) -> bytes:
        """What is there to be read; empty when the client has closed or broken the connection."""
        try:
            return self._socket.recv(_RECEIVE_BYTES)
        except OSError:
            return b""

    def close(self) -> None:
        """Close the socket."""
        self.alive = False
        self._socket.close()


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
        self._arrived: list[Arrival] = []
        self._watched_fd = watched_fd
        self._stop_fd = stop_fd
        self._epoll = select.epoll()
        self._epoll.register(self._listener.fileno(), select.EPOLLIN)
        for fd in (watched_fd, stop_fd):
            if fd is not None:
                self._epoll.register(fd, select.EPOLLIN)
        #: The last request that was not HTTP/1.1, in words; empty if there was none.
        self.garbage = ""

    def wait(self, deadline_ns: int) -> Arrival | None:
        """The next request; None at the deadline or when ``watched_fd`` is readable.

        Raises:
            Interrupted: ``stop_fd`` is readable.
        """
        while not self._arrived:
            left_ns = deadline_ns - time.monotonic_ns()
            if left_ns <= 0:
                return None
            for fd, _ in self._epoll.poll(left_ns / 1e9):
                if fd in self._connections:
                    self._read(self._connections[fd])
                elif fd == self._stop_fd:
                    raise Interrupted("interrupted")
                elif fd == self._watched_fd:
                    if not self._arrived:
                        return None
                else:
                    self._accept()
        return self._arrived.pop(0)

    def close(self) -> None:
        """Close everything."""
        for connection in tuple(self._connections.values()):
            self._drop(connection)
        self._epoll.close()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = self._listener.accept()
            if len(self._connections) >= _MAX_CONNECTIONS:
                sock.close()
                return
            connection = Connection(sock)
            self._connections[connection.fd] = connection
            self._epoll.register(connection.fd, select.EPOLLIN)

    def _read(self, connection: Connection) -> None:
        data = connection.receive()
        received_ns = time.monotonic_ns()
        if not data:
            self._drop(connection)
            return
        connection.parser.feed(data)
        try:
            while (request := connection.parser.next()) is not None:
                self._arrived.append(Arrival(request, connection, received_ns))
        except BadRequest as error:
            self.garbage = str(error)
            connection.send(response_bytes(400, error_body("InvalidRequest", str(error))))
            self._drop(connection)
            return
        if connection.parser.wants_continue:
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _drop(self, connection: Connection) -> None:
        del self._connections[connection.fd]
        self._epoll.unregister(connection.fd)
        connection.close()


def error_body(kind: str, message: str) -> bytes:
    """The JSON that the Runtime API answers a request with which it cannot accept."""
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()
