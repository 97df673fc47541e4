"""A 6 MB response: through the Runtime API, and through a bare socket into a buffer."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.emulator.environment import ExecutionEnvironment
from bench.emulator.processes import Launcher, ProcessOrder

SIZE_BYTES = 6 * 1024 * 1024
_RUNTIME = f"""
import os, socket
host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
body = bytes({SIZE_BYTES})
connection = socket.create_connection((host, int(port)))
def receive():
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        data += connection.recv(65536)
    return data
prefix = "/2018-06-01/runtime/invocation/"
while True:
    connection.sendall(f"GET {{prefix}}next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n".encode())
    head = receive().decode()
    name = "Lambda-Runtime-Aws-Request-Id: "
    request_id = head[head.index(name) + len(name):].partition("\\r")[0]
    path = f"POST {{prefix}}{{request_id}}/response HTTP/1.1"
    head = f"{{path}}\\r\\nHost: x\\r\\nContent-Length: {{len(body)}}\\r\\n\\r\\n"
    connection.sendall(head.encode())
    connection.sendall(body)
    receive()
"""
_SENDER = f"""
import socket, sys
body = bytes({SIZE_BYTES})
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while connection.recv(1):
    connection.sendall(body)
"""


class OurLargeResponse:
    """A raw-socket runtime that answers every event with 6 MB."""

    def __init__(self, scratch: Path) -> None:
        self._launcher = Launcher()
        self._environment = ExecutionEnvironment(
            self._launcher, function_name="large", timeout_s=30.0, cgroup=None
        )
        self._environment.start(
            ProcessOrder(
                argv=[sys.executable, "-I", "-S", "-c", _RUNTIME],
                environment={"AWS_LAMBDA_RUNTIME_API": self._environment.api_address},
                directory=scratch,
                log_path=scratch / "log",
            )
        )
        self._environment.init()

    def invoke_ns(self) -> int:
        """From the release of an event to the last byte of its response."""
        self._environment.settle()
        invocation = self._environment.invoke(b"{}")
        assert len(invocation.body) == SIZE_BYTES
        return invocation.received_ns - invocation.released_ns

    def close(self) -> None:
        """End runtime and launcher."""
        self._environment.end()
        self._launcher.close()


class BareLargeResponse:
    """The floor: as many bytes from another process, received into one buffer."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(SIZE_BYTES))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            argv = [sys.executable, "-I", "-S", "-c", _SENDER, str(port)]
            self._process = subprocess.Popen(argv)
            self._connection, _ = listener.accept()

    def invoke_ns(self) -> int:
        """From a request of one byte to the last byte in the buffer."""
        time.sleep(0.001)
        begin_ns = time.monotonic_ns()
        self._connection.sendall(b"x")
        received = 0
        while received < SIZE_BYTES:
            received += self._connection.recv_into(self._buffer[received:])
        return time.monotonic_ns() - begin_ns

    def close(self) -> None:
        """End the sender."""
        self._connection.close()
        self._process.wait()
