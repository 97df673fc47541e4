"""HTTP/1.1 requests from bytes, as the two Lambda runtimes and anybody else may send them.

An incremental parser (RFC 9112): requests may arrive in any pieces and several at once. It reads
``Content-Length`` and chunked bodies, the latter with trailers, because aws-lambda-go always
sends its responses that way. The time is linear in the bytes however they are cut, and a body is
copied twice: out of the piece it came in, and into one string.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from bench.emulator.body_buffer import BodyBuffer
from bench.emulator.http1_head import BadRequest, Request, body_length, fields_of, request_line

# Both runtime clients send an X-Ray cause of up to 1 MB in a header.
_MAX_HEAD_BYTES = 1024 * 1024 + 64 * 1024
_MAX_LINE_BYTES = 16 * 1024 * 1024
_MAX_TRAILERS = 64
_SMALL_PIECE_BYTES = 4096
#: A body from this size on is received where it stays.
_LONG_BYTES = 64 * 1024

#: Is given the pieces of a body as they come.
Sink = Callable[[bytes], None]


_State = Literal["head", "sized", "chunk-size", "chunk", "chunk-end", "trailers"]


class RequestParser:
    """Feed it bytes, take requests out. One per connection.

    Args:
        sink_for: is asked once per request with a body, when its head has been read, who gets
            the body piece by piece; None keeps it for :attr:`Request.body`.
    """

    __slots__ = (
        "_at",
        "_continue_due",
        "_data",
        "_direct",
        "_held",
        "_left",
        "_pieces",
        "_request",
        "_searched",
        "_sink",
        "_sink_for",
        "_state",
    )

    def __init__(self, sink_for: Callable[[Request], Sink | None] | None = None) -> None:
        self._sink_for = sink_for
        self._data: bytes | bytearray = b""
        self._at = 0
        self._searched = 0
        self._state: _State = "head"
        self._request: Request | None = None
        self._pieces: list[bytes | bytearray] = []
        #: The whole of a long body whose length is known, into which its bytes are received.
        self._direct: BodyBuffer | None = None
        self._held = 0
        self._left = 0
        self._sink: Sink | None = None
        self._continue_due = False

    def feed(self, data: bytes) -> None:
        """Add what has been received."""
        if self._at >= len(self._data):
            self._data, self._at, self._searched = data, 0, 0
        elif isinstance(self._data, bytearray):
            del self._data[: self._at]
            self._searched = max(0, self._searched - self._at)
            self._at = 0
            self._data += data
        else:
            joined = bytearray(memoryview(self._data)[self._at :])
            joined += data
            self._searched = max(0, self._searched - self._at)
            self._data, self._at = joined, 0

    def room(self) -> memoryview | None:
        """Where the next bytes can be received without a copy; None where :meth:`feed` is due."""
        if self._direct is None or self._at < len(self._data):
            return None
        return self._direct.view[len(self._direct.view) - self._left :]

    def filled(self, size: int) -> None:
        """So many bytes have been received into :meth:`room`."""
        request = self._request
        assert request is not None
        request.body_bytes += size
        self._held += size
        self._left -= size

    @property
    def held_bytes(self) -> int:
        """Roughly how much memory is held for requests that are not complete."""
        return self._held + len(self._data) - self._at

    def take_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body; true once."""
        due, self._continue_due = self._continue_due, False
        return due and self._at >= len(self._data)

    def next(self) -> Request | None:
        """The next complete request, or None if more bytes are needed.

        Raises:
            BadRequest: the bytes are not HTTP/1.1.
        """
        while True:
            match self._state:
                case "head":
                    done = self._read_head()
                case "sized":
                    done = self._complete() if self._take() else False
                case "chunk-size":
                    done = self._read_chunk_size()
                case "chunk":
                    done = self._read_chunk()
                case "chunk-end":
                    done = self._read_chunk_end()
                case "trailers":
                    done = self._read_trailers()
            if isinstance(done, Request):
                return done
            if not done:
                return None

    def cut_off(self) -> Request | None:
        """The request whose body the client did not finish before it went away, if there is one."""
        request = self._request
        if request is None:
            return None
        request.truncated = True
        return self._complete()

    def _read_head(self) -> Request | bool:
        data = self._data
        # RFC 9112, 2.2: tolerate an empty line before a request.
        while data.startswith(b"\r\n", self._at):
            self._at += 2
        start = self._at
        end = data.find(b"\r\n\r\n", max(start, self._searched - 3))
        if end < 0:
            self._searched = len(data)
            if len(data) - start > _MAX_HEAD_BYTES:
                raise BadRequest(f"request head above {_MAX_HEAD_BYTES} bytes")
            return False
        head = data[start:end].decode("latin-1").split("\r\n")
        self._at = self._searched = end + 4
        method, path = request_line(head[0])
        headers = fields_of(head[1:])
        request = Request(method, path, headers, b"", {}, 0)
        length = body_length(headers)
        if length == 0:
            return request
        self._begin(request, length)
        return True

    def _begin(self, request: Request, length: int | None) -> None:
        self._request = request
        self._state = "chunk-size" if length is None else "sized"
        self._left = length or 0
        self._sink = None if self._sink_for is None else self._sink_for(request)
        if self._sink is None and _LONG_BYTES <= self._left <= request.limit_bytes:
            self._direct = BodyBuffer(self._left)
        self._continue_due = request.headers.get("expect", "").lower() == "100-continue"

    def _take(self) -> bool:
        """Take up to ``_left`` bytes of body; whether none are left to take."""
        data, at = self._data, self._at
        take = min(self._left, len(data) - at)
        if take:
            whole = take == len(data) and isinstance(data, bytes)
            self._keep(data if whole else bytes(memoryview(data)[at : at + take]))
            self._left -= take
            self._at = at + take
        return self._left == 0

    def _keep(self, piece: bytes | bytearray) -> None:
        request = self._request
        assert request is not None
        room = request.limit_bytes - request.body_bytes
        request.body_bytes += len(piece)
        if room <= 0:
            return
        if len(piece) > room:
            piece = piece[:room]
        if self._sink is not None:
            self._sink(bytes(piece))
            return
        self._held += len(piece)
        if self._direct is not None:
            self._direct.view[request.body_bytes - len(piece) : request.body_bytes] = piece
            return
        pieces = self._pieces
        if len(piece) >= _SMALL_PIECE_BYTES:
            pieces.append(piece)
        elif pieces and isinstance(pieces[-1], bytearray):
            pieces[-1] += piece
        else:
            pieces.append(bytearray(piece))

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        digits = line.partition(";")[0].strip(" \t")
        if not digits or len(digits) > 16 or digits.strip("0123456789abcdefABCDEF"):
            raise BadRequest(f"chunk size {digits[:40]!r}")
        self._left = int(digits, 16)
        self._state = "chunk" if self._left else "trailers"
        return True

    def _read_chunk(self) -> bool:
        if not self._take():
            return False
        self._state = "chunk-end"
        return True

    def _read_chunk_end(self) -> bool:
        if len(self._data) - self._at < 2:
            return False
        if not self._data.startswith(b"\r\n", self._at):
            raise BadRequest("a chunk does not end where its size says")
        self._at += 2
        self._state = "chunk-size"
        return True

    def _read_trailers(self) -> Request | bool:
        line = self._line()
        if line is None:
            return False
        if line == "":
            return self._complete()
        request = self._request
        assert request is not None
        request.trailers.update(fields_of([line]))
        if len(request.trailers) > _MAX_TRAILERS:
            raise BadRequest(f"more than {_MAX_TRAILERS} trailer fields")
        return True

    def _line(self) -> str | None:
        start = self._at
        end = self._data.find(b"\r\n", max(start, self._searched - 1))
        if end < 0:
            self._searched = len(self._data)
            # Error bodies come in trailers, in base64: as long as a response may be.
            if len(self._data) - start > _MAX_LINE_BYTES:
                raise BadRequest("a line without an end")
            return None
        self._at = self._searched = end + 2
        return self._data[start:end].decode("latin-1")

    def _complete(self) -> Request:
        request = self._request
        assert request is not None
        pieces = self._pieces
        if self._direct is not None:
            request.body = self._direct.taken(request.body_bytes)
        else:
            request.body = bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)
        self._request = self._sink = self._direct = None
        self._pieces = []
        self._held = 0
        self._continue_due = False
        self._state = "head"
        return request
