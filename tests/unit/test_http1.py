from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.emulator.http1 import RequestParser
from bench.emulator.http1_head import MAX_BODY_BYTES, BadRequest, Request

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
SIZED = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Why\r\n\r\n"
    b"3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nX-Why: nothing\r\n\r\n"
)


def _parse(*pieces: bytes) -> list[Request]:
    parser = RequestParser()
    requests = []
    for piece in pieces:
        parser.feed(piece)
        while (request := parser.next()) is not None:
            requests.append(request)
    return requests


def test_a_request_without_a_body() -> None:
    """What every runtime sends first."""
    (request,) = _parse(NEXT)

    assert (request.method, request.path) == ("GET", "/2018-06-01/runtime/invocation/next")
    assert request.headers == {"host": "x"}
    assert request.body == b""


def test_a_body_with_a_length() -> None:
    """What awslambdaric sends."""
    assert [r.body for r in _parse(SIZED)] == [b"hello"]


def test_a_chunked_body_with_trailers() -> None:
    """What aws-lambda-go sends."""
    (request,) = _parse(CHUNKED)

    assert request.body == b"abc0123456789"
    assert request.trailers == {"x-why": "nothing"}


@given(st.lists(st.sampled_from([NEXT, SIZED, CHUNKED]), max_size=6), st.data())
def test_the_way_bytes_are_cut_into_pieces_does_not_matter(
    requests: list[bytes], data: st.DataObject
) -> None:
    """Pipelined, or byte by byte: the same requests come out."""
    stream = b"".join(requests)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=40)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]

    assert _parse(*pieces) == _parse(stream)
    assert len(_parse(stream)) == len(requests)


@given(st.binary(max_size=400))
def test_random_bytes_are_refused_or_wait_for_more(stream: bytes) -> None:
    """No input makes the parser fail in any other way than it says."""
    with contextlib.suppress(BadRequest):
        assert isinstance(_parse(stream), list)


@pytest.mark.parametrize(
    "stream",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /next\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
        b"GET / HTTP/1.1\r\nno colon here\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x" * 1_200_000,
    ],
)
def test_malformed_requests_are_refused(stream: bytes) -> None:
    """Each of these is not HTTP/1.1."""
    with pytest.raises(BadRequest):
        _parse(stream)


def test_a_body_above_the_limit_is_read_to_its_end_and_not_kept() -> None:
    """The client gets its answer after it has sent all; the memory stays bounded."""
    size = MAX_BODY_BYTES + 1_000_000
    head = f"POST /big HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode()

    (big, after) = _parse(head, b"x" * size, NEXT)

    assert big.too_large
    assert big.body_bytes == size
    assert len(big.body) == MAX_BODY_BYTES
    assert not after.too_large


def test_a_client_that_waits_for_continue_is_noticed() -> None:
    """Before any of the body has come, and only then."""
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")

    assert parser.next() is None
    assert parser.take_continue()

    parser.feed(b"ok")

    assert parser.next() is not None
    assert not parser.take_continue()


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_body_can_be_received_where_it_stays(size: int) -> None:
    """A long body of known length has room for its bytes, which then need no copy."""
    body = bytes(i % 251 for i in range(size))
    parser = RequestParser()
    parser.feed(f"POST / HTTP/1.1\r\nContent-Length: {size}\r\n\r\n".encode() + body[:5])
    assert parser.next() is None
    room = parser.room()

    if room is None:
        parser.feed(body[5:])
    else:
        room[:] = body[5:]
        parser.filled(len(room))

    request = parser.next()
    assert (room is None) == (size < 65_536)
    assert request is not None
    assert request.body == body


def test_a_body_can_go_to_a_sink() -> None:
    """Piece by piece as it comes; nothing of it is kept."""
    pieces: list[bytes] = []
    parser = RequestParser(lambda request: pieces.append)
    parser.feed(CHUNKED)

    request = parser.next()

    assert pieces == [b"abc", b"0123456789"]
    assert request is not None
    assert (request.body, request.body_bytes) == (b"", 13)


def test_a_body_that_is_cut_off() -> None:
    """The client went away: what has come is there, and marked."""
    parser = RequestParser()
    parser.feed(SIZED[:-2])
    assert parser.next() is None

    request = parser.cut_off()

    assert request is not None
    assert (request.body, request.truncated) == (b"hel", True)
    assert parser.cut_off() is None


def test_many_small_pieces_take_little_memory() -> None:
    """A body in chunks of one byte is held in about as many bytes."""
    parser = RequestParser()
    parser.feed(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(10_000):
        parser.feed(b"1\r\nx\r\n")
        assert parser.next() is None

    assert parser.held_bytes < 20_000


def test_repeated_header_fields_are_one_list() -> None:
    """As RFC 9110 says; a repeated Content-Length is refused for that."""
    (request,) = _parse(b"GET / HTTP/1.1\r\nA: 1\r\na: 2\r\n\r\n")

    assert request.headers == {"a": "1, 2"}
