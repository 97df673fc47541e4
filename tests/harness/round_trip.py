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


class _Ours:
    """A process in our emulator, initialised and waiting for an event."""

    def __init__(self, name: str, argv: list[str], directory: Path, scratch: Path) -> None:
        self._launcher = Launcher()
        self._environment = ExecutionEnvironment(
            self._launcher, function_name=name, timeout_s=30.0, cgroup=None
        )
        self._environment.start(
            ProcessOrder(
                argv=argv,
                environment=self._variables(name, directory),
                directory=directory,
                log_path=scratch / f"{name}.log",
            )
        )
        self._environment.init()
        self._environment.settle()

    def _variables(self, name: str, directory: Path) -> dict[str, str]:
        return variables.of_function(
            name=name,
            handler="bootstrap",
            memory_mb=1769,
            runtime_api=self._environment.api_address,
            task_root=directory,
            runtime_directory=directory,
            initialization_type="on-demand",
            log_stream="harness",
            user={},
            managed={},
        )

    def invoke_ns(self, event: bytes) -> int:
        """One invoke, from the event's release to the received response."""
        invocation = self._environment.invoke(event)
        self._environment.settle()
        return invocation.received_ns - invocation.released_ns

    def close(self) -> None:
        """End process and launcher."""
        self._environment.end()
        self._launcher.close()


class OurFunction(_Ours):
    """The function in our emulator."""

    def __init__(self, tree: Path, scratch: Path) -> None:
        super().__init__("hello", [str(tree / "bootstrap")], tree, scratch)


class OurEcho(_Ours):
    """The thinnest runtime in our emulator."""

    def __init__(self, scratch: Path) -> None:
        program = str(Path(echo_runtime.__file__))
        super().__init__("echo", [sys.executable, "-I", "-S", program], scratch, scratch)


class _Echo:
    """A process that sends back what it gets over a raw socket, given the port as argument."""

    def __init__(self, command: list[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self._process = subprocess.Popen([*command, str(port)])
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
        """End the process."""
        self._connection.close()
        self._process.wait()


class RawPythonEcho(_Echo):
    """The floor: as many bytes there and back through another Python, without HTTP."""

    def __init__(self) -> None:
        super().__init__([sys.executable, "-I", "-S", "-c", _ECHO])


class RawEcho(_Echo):
    """The floor under that: the same through a C program."""

    def __init__(self, program: Path) -> None:
        super().__init__([str(program)])
