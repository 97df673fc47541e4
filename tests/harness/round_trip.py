"""Round trip: a warm invoke of one Go function through us, and the floor under it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from bench.emulator import echo_runtime, variables
from bench.emulator.environment import ExecutionEnvironment
from bench.emulator.processes import Launcher, ProcessOrder

#: Roughly what the headers of an event add to it.
_HEADERS_BYTES = 350
_IDLE_S = 0.001
_ECHO = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while data := connection.recv(65536):
    connection.sendall(data)
"""


class OurFunction:
    """The function in our emulator."""

    def __init__(self, tree: Path, scratch: Path) -> None:
        self._launcher = Launcher()
        self._environment = ExecutionEnvironment(
            self._launcher, function_name="hello", timeout_s=30.0, cgroup=None
        )
        environment = variables.of_function(
            name="hello",
            handler="bootstrap",
            memory_mb=1769,
            runtime_api=self._environment.api_address,
            task_root=tree,
            runtime_directory=tree,
            initialization_type="on-demand",
            log_stream="harness",
            user={},
            managed={},
        )
        self._environment.start(
            ProcessOrder(
                argv=[str(tree / "bootstrap")],
                environment=environment,
                directory=tree,
                log_path=scratch / "log",
            )
        )
        self._environment.init()
        self._environment.settle()

    def invoke_ns(self, event: bytes) -> int:
        """One invoke, from the event's release to the received response."""
        invocation = self._environment.invoke(event)
        self._environment.settle()
        return invocation.received_ns - invocation.released_ns

    def close(self) -> None:
        """End function and launcher."""
        self._environment.end()
        self._launcher.close()


class OurEcho:
    """The thinnest runtime in our emulator."""

    def __init__(self, scratch: Path) -> None:
        self._launcher = Launcher()
        self._environment = ExecutionEnvironment(
            self._launcher, function_name="echo", timeout_s=30.0, cgroup=None
        )
        self._environment.start(
            ProcessOrder(
                argv=[sys.executable, "-I", "-S", str(Path(echo_runtime.__file__))],
                environment={"AWS_LAMBDA_RUNTIME_API": self._environment.api_address},
                directory=scratch,
                log_path=scratch / "echo.log",
            )
        )
        self._environment.init()
        self._environment.settle()

    def invoke_ns(self, event: bytes) -> int:
        """One invoke, from the event's release to the received response."""
        invocation = self._environment.invoke(event)
        self._environment.settle()
        return invocation.received_ns - invocation.released_ns

    def close(self) -> None:
        """End runtime and launcher."""
        self._environment.end()
        self._launcher.close()


class RawPythonEcho:
    """The floor under it: as many bytes there and back through another Python, without HTTP."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self._process = subprocess.Popen([sys.executable, "-I", "-S", "-c", _ECHO, str(port)])
            self._connection, _ = listener.accept()
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def invoke_ns(self, event: bytes) -> int:
        """One round trip of as many bytes as an event and its response with their headers have."""
        data = event + b" " * _HEADERS_BYTES
        time.sleep(_IDLE_S)
        released_ns = time.monotonic_ns()
        self._connection.sendall(data)
        left = len(data)
        while left:
            left -= len(self._connection.recv(65536))
        return time.monotonic_ns() - released_ns

    def close(self) -> None:
        """End the other Python."""
        self._connection.close()
        self._process.wait()


class RawEcho:
    """The floor: the same bytes through a raw socket to a C program and back."""

    def __init__(self, program: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self._process = subprocess.Popen([str(program), str(port)])
            self._connection, _ = listener.accept()
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def invoke_ns(self, event: bytes) -> int:
        """One round trip of as many bytes as an event with its headers has."""
        data = event + b" " * _HEADERS_BYTES
        time.sleep(_IDLE_S)
        released_ns = time.monotonic_ns()
        self._connection.sendall(data)
        left = len(data)
        while left:
            left -= len(self._connection.recv(65536))
        return time.monotonic_ns() - released_ns

    def close(self) -> None:
        """End the program."""
        self._connection.close()
        self._process.wait()
