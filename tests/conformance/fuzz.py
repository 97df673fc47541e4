"""Wrong input for the Runtime API: random bytes, broken HTTP, requests that no state allows.

A conversation runs in a thread as in real life, on a real socket; this side plays a runtime that
lost its mind. Between the nonsense whole invokes are played correctly, which must work as ever.
"""

from __future__ import annotations

import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bench.emulator.conversation import Conversation
from bench.emulator.extensions import Extensions
from bench.emulator.registration import FunctionIdentity
from bench.emulator.runtime_api import RuntimeApi, response_bytes
from bench.emulator.telemetry import Telemetry
from bench.errors import Interrupted
from tests.findings import Row, Section

_NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
_EVENT = response_bytes(200, b'{"a": 1}', headers=(("Lambda-Runtime-Aws-Request-Id", _REQUEST_ID),))
_ANSWER_LIMIT_S = 5.0
#: What no fuzzing may add to the memory of the process.
MAX_GROWTH_BYTES = 256 * 1024 * 1024
_PER_CONNECTION = 50


@dataclass(slots=True)
class Tally:
    """What has been answered how often, and how much memory it took."""

    requests: int = 0
    invokes: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    growth_bytes: int = 0

    def add(self, status: int) -> None:
        """Count one answered request; 0 is a connection closed without an answer."""
        self.requests += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1


class _Server:
    """The emulator's side: invokes for ever, each answered by whoever sends a good response."""

    def __init__(self) -> None:
        self._stopped, self._stop = socket.socketpair()
        self.api = RuntimeApi(stop_fd=self._stopped.fileno())
        telemetry = Telemetry(json_logs=False)
        identity = FunctionIdentity(name="f", version="1", handler="h", account="0")
        extensions = Extensions(identity, lambda pid: None)
        telemetry.extensions = extensions
        self.conversation = Conversation(self.api, lambda: None, extensions, (telemetry.answer,))
        # Extensions that come and do not go on would end the conversation by the rules.
        extensions.registration_open = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        never_ns = time.monotonic_ns() + 10**15
        try:
            while True:
                self.conversation.await_next(never_ns, "")
                self.conversation.release(_REQUEST_ID, _EVENT)
                self.conversation.await_response(never_ns, "")
        except Interrupted:
            return
        except BaseException as error:  # told to the caller by check()
            self.error = error

    def check(self) -> None:
        """Raise what has ended the thread."""
        if self.error is not None:
            raise AssertionError("the Runtime API failed") from self.error
        assert self._thread.is_alive()

    def close(self) -> None:
        self._stop.close()
        self._thread.join(_ANSWER_LIMIT_S)
        self.api.close()
        self._stopped.close()


def fuzz(requests: int, seed: int) -> Tally:
    """Send that many requests, from good to garbage.

    Raises:
        AssertionError: no answer in time, an answer that the rules do not have, a failure of the
            emulator, or memory that grows.
    """
    choose = random.Random(seed)
    server = _Server()
    tally = Tally()
    host, _, port = server.api.address.partition(":")
    address = (host, int(port))
    before_kb = _peak_kb()
    try:
        while tally.requests < requests:
            choose.choice(_PLAYS)(address, choose, tally)
            server.check()
        _invoke(address, choose, tally)
    finally:
        server.close()
    tally.growth_bytes = (_peak_kb() - before_kb) * 1024
    assert tally.growth_bytes < MAX_GROWTH_BYTES, f"memory grew by {tally.growth_bytes} bytes"
    return tally


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _invoke(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """A whole invoke as a good runtime plays it."""
    with _connected(address) as client:
        client.sendall(_NEXT)
        status, body = _answer(client)
        assert (status, body) == (200, b'{"a": 1}'), (status, body)
        tally.add(status)
        client.sendall(_post("response", b"x" * choose.randrange(200_000)))
        status, body = _answer(client)
        assert status == 202, (status, body)
        tally.add(status)
    tally.invokes += 1


def _states(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """Well-formed requests to all sorts of resources, with the status that the table says."""
    with _connected(address) as client:
        for _ in range(_PER_CONNECTION):
            data, allowed = choose.choice(_WELL_FORMED)
            client.sendall(data)
            status, body = _answer(client)
            assert status in allowed, (data[:100], status, body)
            tally.add(status)


def _pieces(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """Pipelined requests, cut anywhere."""
    wanted = [choose.choice(_WELL_FORMED) for _ in range(_PER_CONNECTION)]
    data = b"".join(request for request, _ in wanted)
    with _connected(address) as client:
        for piece in _cut(data, choose):
            client.sendall(piece)
        for request, allowed in wanted:
            status, body = _answer(client)
            assert status in allowed, (request[:100], status, body)
            tally.add(status)


def _garbage(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """Random bytes: 400, or an end without an answer when they never were a request."""
    with _connected(address) as client:
        data = choose.randbytes(choose.randrange(1, 2_000))
        if choose.random() < 0.5:
            data = (
                choose.choice((b"GET ", b"POST /2018-06-01/", b"\r\n\r\n", b"PRI * HTTP/2")) + data
            )
        _send_all(client, data)
        _refused_or_nothing(client, tally)


def _mutated(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """A good request in which some bytes are others."""
    data = bytearray(choose.choice(_MUTABLE))
    for _ in range(choose.randrange(1, 4)):
        data[choose.randrange(len(data))] = choose.randrange(256)
    with _connected(address) as client:
        _send_all(client, bytes(data))
        _whatever(client, tally)


def _abandoned(address: tuple[str, int], choose: random.Random, tally: Tally) -> None:
    """Clients that leave in the middle, with and without a good-bye."""
    with _connected(address) as client:
        data = choose.choice(_MUTABLE)
        _send_all(client, data[: choose.randrange(len(data))])
        if choose.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    tally.add(0)


def _cut(data: bytes, choose: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = choose.choice((1, 7, 100, 5_000))
        yield data[at : at + size]
        at += size


def _connected(address: tuple[str, int]) -> socket.socket:
    client = socket.create_connection(address, _ANSWER_LIMIT_S)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def _send_all(client: socket.socket, data: bytes) -> None:
    """Send; the other side may have refused the beginning and closed."""
    try:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _refused_or_nothing(client: socket.socket, tally: Tally) -> None:
    answers = _until_closed(client)
    assert all(status in (400, 404, 405) for status in answers), answers
    tally.add(answers[-1] if answers else 0)


def _whatever(client: socket.socket, tally: Tally) -> None:
    answers = _until_closed(client)
    assert all(status in (200, 202, 400, 403, 404, 405, 413) for status in answers), answers
    tally.add(answers[-1] if answers else 0)


def _until_closed(client: socket.socket) -> list[int]:
    data = b""
    try:
        while piece := client.recv(65_536):
            data += piece
    except ConnectionResetError:
        return []
    return _statuses(data)


def _statuses(data: bytes) -> list[int]:
    """The statuses of whole answers; what they quote of a request may look like another one."""
    found = []
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), f"not an answer: {data[:200]!r}"
        assert end, f"not a whole answer: {data[:200]!r}"
        status = int(head[9:12])
        _, _, length = head.lower().partition(b"content-length: ")
        data = rest[int(length.split(b"\r\n")[0]) if length else 0 :]
        if status != 100:
            found.append(status)
    return found


def _answer(client: socket.socket) -> tuple[int, bytes]:
    """The next answer on a connection, and no byte of the one after it."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        piece = client.recv(1)
        assert piece, f"closed after {bytes(head)!r}"
        head += piece
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += client.recv(length - len(body))
    return int(head.split()[1]), body


def _post(call: str, body: bytes, head: str = "", request_id: str = _REQUEST_ID) -> bytes:
    text = (
        f"POST /2018-06-01/runtime/invocation/{request_id}/{call} HTTP/1.1\r\n"
        f"Content-Length: {len(body)}\r\n{head}\r\n"
    )
    return text.encode() + body


def _plain(method: str, path: str, body: bytes = b"", head: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


_CHUNKED = (
    f"POST /2018-06-01/runtime/invocation/{_REQUEST_ID}/response HTTP/1.1\r\n"
    "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n4\r\nabcd\r\n0\r\nX: y\r\n\r\n"
).encode()
_EXTENSION = "/2020-01-01/extension"
#: Requests, and the statuses that the rules have for them in the states of a running function.
_WELL_FORMED: tuple[tuple[bytes, tuple[int, ...]], ...] = (
    (_plain("GET", "/2018-06-01/ping"), (200,)),
    (_plain("GET", "/"), (404,)),
    (_plain("GET", "/2018-06-01/runtime/nothing"), (404,)),
    (_plain("DELETE", "/2018-06-01/runtime/invocation/next"), (405,)),
    (_plain("GET", "/2018-06-01/runtime/restore/next"), (403,)),
    (_plain("POST", "/2018-06-01/runtime/restore/error", b"{}"), (403,)),
    (_post("response", b"{}", request_id="another"), (400,)),
    (_post("error", b"{}", request_id="../../x"), (400, 404)),
    (_plain("POST", f"{_EXTENSION}/register", b'{"events": []}'), (403,)),
    (
        _plain("POST", f"{_EXTENSION}/register", b"[]", "Lambda-Extension-Name: x\r\n"),
        (403,),
    ),
    (_plain("GET", f"{_EXTENSION}/event/next"), (403,)),
    (_plain("POST", f"{_EXTENSION}/exit/error", b"{}"), (403,)),
    (_plain("PATCH", f"{_EXTENSION}/register"), (405,)),
    (_plain("PUT", "/2022-07-01/telemetry", b"{}"), (403,)),
    (_plain("POST", "/2020-08-15/logs", b"{}"), (405,)),
)
_MUTABLE = (
    _plain("GET", "/2018-06-01/ping"),
    _post("response", b"x" * 300, request_id="another"),
    _post("error", b'{"errorType": "A", "errorMessage": "b"}', request_id="another"),
    _CHUNKED.replace(_REQUEST_ID.encode(), b"another"),
    _plain(
        "POST", f"{_EXTENSION}/register", b'{"events": ["INVOKE"]}', "Lambda-Extension-Name: x\r\n"
    ),
)
_PLAYS: tuple[Callable[[tuple[str, int], random.Random, Tally], None], ...] = (
    _invoke,
    _states,
    _pieces,
    _garbage,
    _mutated,
    _abandoned,
)


def check(requests: int, seed: int = 1) -> Section:
    """Fuzz, and say what was answered."""
    began = time.monotonic()
    failure = ""
    tally = Tally()
    try:
        tally = fuzz(requests, seed)
    except AssertionError as error:
        failure = f"{error} {error.__cause__ or ''}".strip()
    took_s = time.monotonic() - began
    answers = ", ".join(f"{n} × {s or 'closed'}" for s, n in sorted(tally.statuses.items()))
    return Section(
        title="Wrong input",
        method=(
            "Random bytes, broken and cut HTTP, and requests that no state allows, sent to the "
            f"Runtime API's socket between whole invokes; seed {seed}."
        ),
        rows=(
            Row(
                what="every request is answered as the table says, without a hang or a failure",
                expected=f"{requests} requests",
                measured=failure or f"{tally.requests} in {took_s:.0f} s: {answers}",
                ok=not failure,
            ),
            Row(
                what="whole invokes between them",
                expected="all right",
                measured=str(tally.invokes),
                ok=not failure and tally.invokes > 0,
            ),
            Row(
                what="memory more than before",
                expected=f"≤ {MAX_GROWTH_BYTES / 1e6:.0f} MB",
                measured=f"{tally.growth_bytes / 1e6:.1f} MB",
                ok=not failure,
            ),
        ),
    )
