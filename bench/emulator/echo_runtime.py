"""The thinnest runtime there is: answers each event with itself, over one raw connection.

Run as ``python -I -S echo_runtime.py`` with ``AWS_LAMBDA_RUNTIME_API`` set, by
:mod:`bench.emulator.round_trip`. It knows exactly what the emulator sends, and no more of HTTP.
"""

from __future__ import annotations

import os
import socket

_PREFIX = "/2018-06-01/runtime/invocation/"


def _received(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(_header(head, b"content-length"))
    while len(body) < length:
        body += _more(connection)
    return head, body


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise SystemExit
    return data


def _header(head: bytes, name: bytes) -> bytes:
    lowered = head.lower()
    start = lowered.index(b"\r\n" + name + b":") + len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : len(head) if end < 0 else end].strip()


def main() -> None:
    """Serve until the emulator closes the connection."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    connection = socket.create_connection((host, int(port)))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wanted = f"GET {_PREFIX}next HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    while True:
        connection.sendall(wanted)
        head, body = _received(connection)
        request_id = _header(head, b"lambda-runtime-aws-request-id").decode()
        answer = (
            f"POST {_PREFIX}{request_id}/response HTTP/1.1\r\nHost: {host}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(answer.encode() + body)
        _received(connection)


if __name__ == "__main__":
    main()
