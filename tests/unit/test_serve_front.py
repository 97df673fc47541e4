"""The HTTP front and its faults, over real sockets and without moto."""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from bench.serve.errors import ServiceError
from bench.serve.faults import Fault, Faults, Rule, SeededFaults
from bench.serve.front import Front
from bench.serve.messages import BadMessage, HttpRequest, HttpResponse, read_request


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(200, [("X-Path", request.path)], request.body)


@contextmanager
def front(
    handle: Callable[[HttpRequest], HttpResponse], faults: Faults | None = None
) -> Iterator[http.client.HTTPConnection]:
    served = Front("127.0.0.1", 0, handle, faults)
    served.start()
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    try:
        yield connection
    finally:
        connection.close()
        served.close()


def ask(connection: http.client.HTTPConnection, body: bytes = b"") -> tuple[int, bytes]:
    connection.request("POST", "/path?x=1", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_requests_share_a_connection() -> None:
    """Two requests over one socket, without a new connection."""
    with front(echo) as connection:
        first = ask(connection, b"one")
        socket = connection.sock
        second = ask(connection, b"two")

        assert (first, second) == ((200, b"one"), (200, b"two"))
        assert connection.sock is socket


def test_a_chunked_body_arrives_whole() -> None:
    """What a client sends in pieces is one body."""
    with front(echo) as connection:
        connection.request("PUT", "/", iter([b"a", b"bc"]), encode_chunked=True)

        assert connection.getresponse().read() == b"abc"


def test_a_body_in_pieces_is_sent_in_chunks() -> None:
    """A response whose body is an iterator comes whole, with its end."""
    with front(lambda _: HttpResponse(200, body=iter([b"a", b"", b"b"]))) as connection:
        assert ask(connection) == (200, b"ab")


def test_bytes_that_are_no_request_are_refused() -> None:
    """A message that cannot be read says what it began with."""
    stream = io.BytesIO(b"nonsense\r\n\r\n")

    with pytest.raises(BadMessage, match="nonsense"):
        read_request(stream, stream)


class Counting:
    """A handler that counts."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.count += 1
        return HttpResponse(200)


@pytest.mark.parametrize(
    ("fault", "status", "carried_out"),
    [("throttle", 400, 0), ("error", 500, 0), ("error-after", 500, 1), ("skew", 403, 0)],
)
def test_a_fault_is_an_answer_with_or_without_an_effect(
    fault: Fault, status: int, carried_out: int
) -> None:
    """The status of the fault; the call is carried out only with `-after`."""
    handle = Counting()
    with front(handle, SeededFaults(1, [Rule({fault: 1.0})])) as connection:
        answered, _ = ask(connection)

    assert (answered, handle.count) == (status, carried_out)


@pytest.mark.parametrize(
    ("fault", "carried_out"), [("reset", 0), ("reset-after", 1), ("hang-after", 1)]
)
def test_a_reset_is_no_answer(fault: Fault, carried_out: int) -> None:
    """The client sees its connection break."""
    handle = Counting()
    faults = SeededFaults(1, [Rule({fault: 1.0})], hang_s=0.05)
    with front(handle, faults) as connection, pytest.raises(ConnectionError):
        ask(connection)

    assert handle.count == carried_out


def test_the_same_seed_makes_the_same_faults() -> None:
    """The sequence of decisions depends on seed and calls alone."""
    weights: dict[Fault, float] = {"error": 0.3, "throttle": 0.3}
    made = []
    for _ in range(2):
        faults = SeededFaults(7, [Rule(weights)])
        with front(echo, faults) as connection:
            made.append([ask(connection)[0] for _ in range(30)])

    assert made[0] == made[1]
    assert set(made[0]) == {200, 400, 500}


def test_a_rule_is_for_the_calls_that_it_matches_and_has_a_limit() -> None:
    """Other calls pass, and after its limit the rule makes no more faults."""
    faults = SeededFaults(1, [Rule({"error": 1.0}, matches=r"^POST /path", limit=2)])
    with front(echo, faults) as connection:
        statuses = [ask(connection)[0] for _ in range(4)]
        connection.request("GET", "/other")
        other = connection.getresponse().status

    assert statuses == [500, 500, 200, 200]
    assert other == 200
    assert [fault.path for fault in faults.injected] == ["/path", "/path"]


def test_lambda_is_throttled_in_its_own_words() -> None:
    """429 TooManyRequestsException with a reason, by the service that the call is signed for."""
    signed = {"Authorization": "AWS4 Credential=a/20261121/us-east-1/lambda/aws4_request, b"}
    with front(echo, SeededFaults(1, [Rule({"throttle": 1.0})])) as connection:
        connection.request("POST", "/", headers=signed)
        answer = connection.getresponse()

        assert answer.status == 429
        assert answer.headers["x-amzn-ErrorType"] == "TooManyRequestsException"
        assert b"CallerRateLimitExceeded" in answer.read()


def test_an_error_in_xml_is_escaped() -> None:
    """Words of a user do not become markup."""
    response = ServiceError(400, "Bad", "<a> & b").response("xml")

    assert b"&lt;a&gt; &amp; b" in bytes(response.body)  # type: ignore[arg-type]
