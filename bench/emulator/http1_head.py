"""The head of an HTTP/1.1 request (RFC 9112): its line, its fields, what they say of the body."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes of body above which the rest is read and thrown away: Lambda's limit on a response.
MAX_BODY_BYTES = 6 * 1024 * 1024 + 100
#: The limit on a response that the runtime streams.
MAX_STREAMED_BYTES = 200 * 1024 * 1024
RESPONSE_MODE_HEADER = "lambda-runtime-function-response-mode"


class BadRequest(Exception):
    """Bytes that are not HTTP/1.1; the connection is of no further use."""


@dataclass(slots=True)
class Request:
    """One request. Header and trailer names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    #: Empty if the body went to a sink.
    body: bytes
    trailers: dict[str, str]
    #: Size of the body as sent; more than ``len(body)`` if it was over the limit or streamed.
    body_bytes: int
    #: Whether the client went away before the end of the body.
    truncated: bool = False

    @property
    def streamed(self) -> bool:
        """Whether the runtime says that it streams this response."""
        return self.headers.get(RESPONSE_MODE_HEADER, "").lower() == "streaming"

    @property
    def limit_bytes(self) -> int:
        """How large the body may be."""
        return MAX_STREAMED_BYTES if self.streamed else MAX_BODY_BYTES

    @property
    def too_large(self) -> bool:
        """Whether the body was over the limit, and ``body`` therefore is not all of it."""
        return self.body_bytes > self.limit_bytes


def request_line(line: str) -> tuple[str, str]:
    """Method and path of a request.

    Raises:
        BadRequest: it is no request line of HTTP/1.1.
    """
    parts = line.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(f"request line {line[:80]!r}")
    return parts[0], parts[1]


def fields_of(lines: list[str]) -> dict[str, str]:
    """Header or trailer fields, their names in lower case.

    Raises:
        BadRequest: one of them is no field.
    """
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(f"header line {line[:80]!r}")
        name, value = name.lower(), value.strip()
        if name in fields:  # RFC 9110, 5.3: as if it were one list
            value = f"{fields[name]}, {value}"
        fields[name] = value
    return fields


def body_length(headers: dict[str, str]) -> int | None:
    """Bytes of body that follow the head; None if it comes in chunks.

    Raises:
        BadRequest: what the headers say about it is contradictory or none of HTTP/1.1.
    """
    coding = headers.get("transfer-encoding")
    length = headers.get("content-length")
    if coding is None and length is None:
        return 0
    if coding is not None:
        if length is not None:  # RFC 9112, 6.3: this may be an attempt of request smuggling
            raise BadRequest("both a transfer encoding and a content length")
        if coding.lower() != "chunked":
            raise BadRequest(f"transfer encoding {coding[:40]!r}")
        return None
    assert length is not None
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise BadRequest(f"content length {length[:40]!r}")
    return int(length)
