"""The known-shift control where there is no Go toolchain: the same program as a Python bootstrap.

Packaged with two lines in front, by :mod:`bench.controls.program`: which interpreter, and
``PERCENT``, how much more work to do. It imports nothing that takes time and answers every event
with null.
"""

import os
import socket
import time

#: Some 8 ms on a processor of our days.
ITERATIONS = 200_000
PREFIX = "/2018-06-01/runtime/invocation/"


def spin(count: int) -> int:
    """Do so much work."""
    state = 1
    for _ in range(count):
        state = (state * 69069 + 12345) & 0xFFFFFFFF
    return state


def work(percent: int) -> None:
    """Do the work; what came before it counts too, so that the whole is shifted and not a part."""
    before = time.process_time_ns()
    spin(ITERATIONS)
    after = time.process_time_ns()
    whole = ITERATIONS * after / (after - before)
    spin(int(whole * percent / 100))


def exchange(server: socket.socket, request: str) -> str:
    """Send a request; the head of its response, whose body is read and dropped."""
    server.sendall(request.encode())
    response = b""
    while True:
        piece = server.recv(16_384)
        if not piece:
            raise SystemExit(7)
        response += piece
        head, found, body = response.partition(b"\r\n\r\n")
        if found and len(body) >= int(header(head.decode(), "content-length") or 0):
            return head.decode()


def header(head: str, name: str) -> str:
    """The value of a header; empty without."""
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return ""


def main(percent: int) -> None:
    """Be the function until it is ended."""
    work(percent)
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].partition(":")
    server = socket.create_connection((host, int(port)))
    while True:
        head = exchange(server, f"GET {PREFIX}next HTTP/1.1\r\nHost: runtime\r\n\r\n")
        request_id = header(head, "lambda-runtime-aws-request-id")
        exchange(
            server,
            f"POST {PREFIX}{request_id}/response HTTP/1.1\r\nHost: runtime\r\n"
            "Content-Type: application/json\r\nContent-Length: 4\r\n\r\nnull",
        )


if __name__ == "__main__":
    main(globals()["PERCENT"])
