"""One client connection of the Runtime API, which never waits for its client."""

from __future__ import annotations

import contextlib
import select
import socket
from collections import deque
from collections.abc import Callable

from bench.emulator.http1 import RequestParser, Sink
from bench.emulator.http1_head import Request

#: A client that leaves so much unread has lost its connection.
_MAX_UNREAD_BYTES = 32 * 1024 * 1024


class Connection:
    """One client connection, its unread answers and its unfinished request."""

    __slots__ = (
        "_buffer",
        "_epoll",
        "_interest",
        "_room",
        "_socket",
        "_unread",
        "_unread_bytes",
        "admitted",
        "alive",
        "fd",
        "parser",
        "received_ns",
        "waits",
    )

    def __init__(
        self,
        sock: socket.socket,
        epoll: select.epoll,
        buffer: memoryview,
        sink_for: Callable[[Request], Sink | None] | None,
    ) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._epoll = epoll
        self._buffer = buffer
        self._room: memoryview | None = None
        #: Whether its client has been found to be one that may speak here.
        self.admitted = False
        self._unread: deque[memoryview] = deque()
        self._unread_bytes = 0
        self._interest = select.EPOLLIN
        self.fd = sock.fileno()
        self.parser = RequestParser(sink_for)
        #: When the last bytes were received, CLOCK_MONOTONIC in ns.
        self.received_ns = 0
        #: How many of its requests have not been answered.
        self.waits = 0
        self.alive = True

    @property
    def client_port(self) -> int:
        """The port of its client; 0 when that is gone."""
        try:
            return int(self._socket.getpeername()[1])
        except OSError:
            return 0

    def send(self, data: bytes) -> None:
        """Answer one request; a client that went away makes the connection dead, no error.

        What the kernel does not take at once follows when the client reads.
        """
        self.waits -= 1
        self.write(data)
        self._end_if_done()

    def write(self, data: bytes) -> None:
        """Send bytes that are not the answer to a request."""
        sent = 0
        if not self._unread:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.alive = False
                return
            if sent == len(data):
                return
            self._watch(self._interest | select.EPOLLOUT)
        self._unread.append(memoryview(data)[sent:])
        self._unread_bytes += len(data) - sent
        if self._unread_bytes > _MAX_UNREAD_BYTES:
            self.alive = False

    def flush(self) -> None:
        """Send what was left over, as much as the kernel takes."""
        try:
            while self._unread:
                piece = self._unread[0]
                sent = self._socket.send(piece)
                self._unread_bytes -= sent
                if sent < len(piece):
                    self._unread[0] = piece[sent:]
                    return
                self._unread.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.alive = False
            return
        self._watch(self._interest)
        self._end_if_done()

    def receive(self) -> int | None:
        """Read what is there, for :meth:`take_in`; returns how many bytes.

        0 when the client sends no more or is lost, None when there is nothing to be read.
        """
        self._room = self.parser.room()
        into = self._buffer if self._room is None else self._room
        try:
            return self._socket.recv_into(into)
        except BlockingIOError:
            return None
        except OSError:
            self.alive = False
            return 0

    def take_in(self, size: int) -> None:
        """Hand the ``size`` bytes that have just been read to the parser."""
        if self._room is None:
            self.parser.feed(bytes(self._buffer[:size]))
        else:
            self._room = None
            self.parser.filled(size)

    @property
    def has_unread(self) -> bool:
        """Whether the client has not read all that was sent to it."""
        return bool(self._unread)

    def hear_no_more(self) -> None:
        """The client has closed its side and waits for answers; then the connection is over."""
        self._interest = 0
        self._watch(select.EPOLLOUT if self._unread else 0)

    def close(self) -> None:
        """Close the socket."""
        self.alive = False
        self._socket.close()

    def _end_if_done(self) -> None:
        """After the last answer to a client that has closed its side, close ours."""
        if self._interest == 0 and self.waits <= 0 and not self._unread:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)  # epoll then reports the hang-up

    def _watch(self, events: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # it is closed already
            self._epoll.modify(self.fd, events)
