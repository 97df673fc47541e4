"""HTTP/1.1 messages of the front: requests read from a blocking stream, responses written to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO

_MAX_LINE_BYTES = 65_536
_MAX_HEADERS = 200
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

#: Names in lower case are what lookups use; ``Headers`` keep what was sent.
Headers = list[tuple[str, str]]


class BadMessage(Exception):
    """Bytes that are not an HTTP/1.1 request; the connection is of no further use."""


@dataclass(slots=True)
class HttpRequest:
    """One request. ``target`` is the path with its query, both still percent-encoded."""

    method: str
    target: str
    version: str
    headers: Headers
    body: bytes = b""
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fields = {name.lower(): value for name, value in self.headers}

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query without its question mark."""
        return self.target.partition("?")[2]

    def header(self, name: str, default: str = "") -> str:
        """A header by its name in lower case."""
        return self.fields.get(name, default)

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to send more on this connection."""
        wanted = self.header("connection").lower()
        return wanted != "close" and (self.version == "HTTP/1.1" or wanted == "keep-alive")


@dataclass(slots=True)
class HttpResponse:
    """One response; a body that comes in pieces is sent in chunks."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes | Iterator[bytes] = b""


def read_request(stream: BinaryIO, reply: BinaryIO) -> HttpRequest | None:
    """The next request of a connection, or None at its end.

    ``reply`` is told ``100 Continue`` where the client waits for it before it sends the body.

    Raises:
        BadMessage: the bytes are no HTTP/1.1 request.
    """
    line = stream.readline(_MAX_LINE_BYTES)
    while line in (b"\r\n", b"\n"):  # RFC 9112, 2.2: tolerate empty lines before a request
        line = stream.readline(_MAX_LINE_BYTES)
    if not line:
        return None
    parts = line.decode("latin-1").rstrip("\r\n").split(" ")
    if len(parts) != 3 or parts[2] not in ("HTTP/1.0", "HTTP/1.1"):
        raise BadMessage(f"request line {line[:80]!r}")
    request = HttpRequest(parts[0], parts[1], parts[2], _read_headers(stream))
    if request.header("expect").lower() == "100-continue":
        reply.write(_CONTINUE)
        reply.flush()
    request.body = _read_body(stream, request)
    return request


def _read_headers(stream: BinaryIO) -> Headers:
    headers: Headers = []
    while True:
        line = stream.readline(_MAX_LINE_BYTES)
        if line in (b"\r\n", b"\n"):
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name or name != name.strip() or len(headers) >= _MAX_HEADERS:
            raise BadMessage(f"header line {line[:80]!r}")
        headers.append((name, value.strip()))


def _read_body(stream: BinaryIO, request: HttpRequest) -> bytes:
    if request.header("transfer-encoding").lower() == "chunked":
        body = b"".join(_chunks(stream))
        request.fields["content-length"] = str(len(body))
        return body
    text = request.header("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadMessage(f"content length {text!r}")
    return _exactly(stream, int(text))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while True:
        digits = stream.readline(_MAX_LINE_BYTES).partition(b";")[0].strip()
        try:
            size = int(digits, 16)
        except ValueError:
            raise BadMessage(f"chunk size {digits[:40]!r}") from None
        if size == 0:
            _read_headers(stream)  # trailers
            return
        yield _exactly(stream, size)
        stream.readline(_MAX_LINE_BYTES)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size) if size else b""
    if len(data) != size:
        raise BadMessage(f"the body ended after {len(data)} of {size} bytes")
    return data


def write_response(reply: BinaryIO, request: HttpRequest, response: HttpResponse) -> None:
    """Write a response in full; pieces of a body go out as they come."""
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    if not request.keep_alive:
        lines.append("Connection: close")
    body = response.body
    bodiless = request.method == "HEAD" or response.status in (204, 304)
    if isinstance(body, bytes):
        named = {name.lower() for name, _ in response.headers}
        if "content-length" not in named and response.status not in (204, 304):
            lines.append(f"Content-Length: {len(body)}")
        reply.write(_head(lines) + (b"" if bodiless else body))
        reply.flush()
        return
    reply.write(_head([*lines, "Transfer-Encoding: chunked"]))
    reply.flush()
    for piece in body:
        if piece:
            reply.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            reply.flush()
    reply.write(b"0\r\n\r\n")
    reply.flush()


def _head(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1", errors="replace")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
