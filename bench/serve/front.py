"""The HTTP front: one thread per connection, connections kept alive.

werkzeug's development server opens a connection and starts a thread for each request, which costs
more than a warm invoke does.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from typing import BinaryIO, cast

from bench.serve.faults import Faults, NoFaults, Reset
from bench.serve.messages import (
    BadMessage,
    HttpRequest,
    HttpResponse,
    read_request,
    write_response,
)

_BACKLOG = 512
_BUFFER_BYTES = 65_536

Handler = Callable[[HttpRequest], HttpResponse]


class AddressError(Exception):
    """An address that cannot be listened on; the message is the system's.

    ``of_port``: the address could be used with another port.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.of_port = error.errno in (errno.EADDRINUSE, errno.EACCES)


class Front:
    """Listens, and answers each request by ``handle`` in the thread of its connection.

    Args:
        host: the address to listen on.
        port: 0 chooses a free one.
        handle: answers a request; what it raises is answered with 500.
        faults: what is done wrong on purpose.

    Raises:
        AddressError: there is no listening on that address.
    """

    def __init__(self, host: str, port: int, handle: Handler, faults: Faults | None = None) -> None:
        self._handle = handle
        self._faults = faults or NoFaults()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
            self._socket.listen(_BACKLOG)
        except OSError as error:
            self._socket.close()
            raise AddressError(error) from error
        self.port = int(self._socket.getsockname()[1])
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._acceptor = threading.Thread(target=self._accept, name="front", daemon=True)

    def start(self) -> None:
        """Begin to accept connections."""
        self._acceptor.start()

    def close(self) -> None:
        """Stop listening and cut every connection."""
        with self._lock:
            self._closed = True
            connections = list(self._connections)
        with contextlib.suppress(OSError):  # not connected: it only ever listened
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in connections:
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)
        if self._acceptor.is_alive():
            self._acceptor.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if self._closed:
                    return
                continue  # the client gave up before it was accepted
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rwb", _BUFFER_BYTES) as stream:
                self._converse(connection, cast(BinaryIO, stream))
        except OSError:
            return  # the client, or close(), ended the connection
        finally:
            with self._lock:
                self._connections.discard(connection)

    def _converse(self, connection: socket.socket, stream: BinaryIO) -> None:
        while True:
            try:
                request = read_request(stream, stream)
            except BadMessage as error:
                wrong = HttpRequest("GET", "/", "HTTP/1.0", [])
                write_response(stream, wrong, HttpResponse(400, body=str(error).encode()))
                return
            if request is None:
                return
            try:
                response = self._faults.apply(request, self._handle)
            except Reset:
                _reset(connection)
                return
            write_response(stream, request, response)
            if not request.keep_alive:
                return


def _reset(connection: socket.socket) -> None:
    """End a connection with RST: a linger time of zero drops what is unsent."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.shutdown(socket.SHUT_RD)
