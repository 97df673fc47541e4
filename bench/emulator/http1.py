"""HTTP/1.1 requests from bytes, as the two Lambda runtimes and anybody else may send them.

An incremental parser (RFC 9112): requests may arrive in any pieces and several at once. It reads
``Content-Length`` and chunked bodies, the latter with trailers, because aws-lambda-go always
sends its responses that way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: Bytes of body above which the rest is read and thrown away: Lambda's limit on a response.
MAX_BODY_BYTES = 6 * 1024 * 1024 + 100
_MAX_HEAD_BYTES = 64 * 1024


class BadRequest(Exception):
    """Bytes that are not HTTP/1.1; the connection is of no further use."""


@dataclass(slots=True)
class Request:
    """One request. Header and trailer names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    trailers: dict[str, str]
    #: Size of the body as sent; more than ``len(body)`` if it was over the limit.
    body_bytes: int

    @property
    def too_large(self) -> bool:
        """Whether the body was over the limit, and ``body`` therefore is not all of it."""
        return self.body_bytes > MAX_BODY_BYTES


_State = Literal["head", "sized", "chunk-size", "chunk", "chunk-end", "trailers"]


class RequestParser:
    """Feed it bytes, take requests out. One per connection."""

    __slots__ = ("_body", "_body_bytes", "_buffer", "_left", "_request", "_state", "_trailers")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._state: _State = "head"
        self._request: Request | None = None
        self._body = bytearray()
        self._body_bytes = 0
        self._left = 0
        self._trailers: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        """Add what has been received."""
        self._buffer += data

    @property
    def wants_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body."""
        request = self._request
        return (
            request is not None
            and not self._buffer
            and self._body_bytes == 0
            and request.headers.get("expect", "").lower() == "100-continue"
        )

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
                    done = self._read_sized()
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

    def _read_head(self) -> Request | bool:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: tolerate an empty line before a request
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > _MAX_HEAD_BYTES:
                raise BadRequest(f"request head above {_MAX_HEAD_BYTES} bytes")
            return False
        head = buffer[:end].decode("latin-1").split("\r\n")
        del buffer[: end + 4]
        method, path = _request_line(head[0])
        headers = _fields(head[1:])
        request = Request(method, path, headers, b"", {}, 0)
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise BadRequest(f"transfer encoding {headers['transfer-encoding']!r}")
            self._begin(request, "chunk-size", 0)
            return True
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit() and len(length) <= 18):
            raise BadRequest(f"content length {length!r}")
        if length == "0":
            return request
        self._begin(request, "sized", int(length))
        return True

    def _begin(self, request: Request, state: _State, left: int) -> None:
        self._request = request
        self._state = state
        self._left = left
        self._body = bytearray()
        self._body_bytes = 0
        self._trailers = {}

    def _take(self) -> bool:
        """Move up to ``_left`` bytes from the buffer to the body; whether none are left to move."""
        take = min(self._left, len(self._buffer))
        if take:
            room = MAX_BODY_BYTES - len(self._body)
            if room > 0:
                self._body += self._buffer[: min(take, room)]
            self._body_bytes += take
            self._left -= take
            del self._buffer[:take]
        return self._left == 0

    def _read_sized(self) -> Request | bool:
        return self._complete() if self._take() else False

    def _read_chunk_size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        digits = line.partition(";")[0].strip()
        try:
            size = int(digits, 16)
        except ValueError:
            raise BadRequest(f"chunk size {digits[:40]!r}") from None
        if size < 0 or digits[:1] in "+-" or len(digits) > 16:
            raise BadRequest(f"chunk size {digits[:40]!r}")
        self._left = size
        self._state = "chunk" if size else "trailers"
        return True

    def _read_chunk(self) -> bool:
        if not self._take():
            return False
        self._state = "chunk-end"
        return True

    def _read_chunk_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise BadRequest("a chunk does not end where its size says")
        del self._buffer[:2]
        self._state = "chunk-size"
        return True

    def _read_trailers(self) -> Request | bool:
        line = self._line()
        if line is None:
            return False
        if line == "":
            return self._complete()
        self._trailers.update(_fields([line]))
        if len(self._trailers) > 64:
            raise BadRequest("more than 64 trailer fields")
        return True

    def _line(self) -> str | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > 2 * _MAX_HEAD_BYTES:
                raise BadRequest("a line without an end")
            return None
        line = self._buffer[:end].decode("latin-1")
        del self._buffer[: end + 2]
        return line

    def _complete(self) -> Request:
        request = self._request
        assert request is not None
        request.body = bytes(self._body)
        request.body_bytes = self._body_bytes
        request.trailers = self._trailers
        self._request = None
        self._body = bytearray()
        self._state = "head"
        return request


def _request_line(line: str) -> tuple[str, str]:
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or not parts[2].startswith("HTTP/1."):
        raise BadRequest(f"request line {line[:80]!r}")
    return parts[0], parts[1]


def _fields(lines: list[str]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(f"header line {line[:80]!r}")
        fields[name.lower()] = value.strip()
    return fields
