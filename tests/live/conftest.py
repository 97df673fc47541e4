"""A local Lambda for live tests, and a runner of single trials."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.backends import TrialOrder
from bench.backends.local import LocalBackend
from bench.model import Cell, Function, Trial

#: A minimal runtime in Python on a raw socket; `handle(event, request_id, post)` is the function.
RUNTIME = """\
#!{python} -S
import os, socket, sys, time
server = socket.create_connection(os.environ["AWS_LAMBDA_RUNTIME_API"].split(":"))
def exchange(data):
    server.sendall(data)
    head = b""
    while b"\\r\\n\\r\\n" not in head:
        piece = server.recv(65536)
        if not piece:
            sys.exit(9)
        head += piece
    head, _, body = head.partition(b"\\r\\n\\r\\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\\r\\n")[0])
    while len(body) < length:
        body += server.recv(65536)
    return head.decode(), body
def post(path, body):
    head = "POST /2018-06-01/runtime/%s HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n"
    return exchange((head % (path, len(body))).encode() + body)
{init}
while True:
    head, event = exchange(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")
    request_id = head.split("Request-Id: ")[1].split("\\r\\n")[0]
{handler}
"""

ANSWER = 'post("invocation/" + request_id + "/response", b"{}")'


@pytest.fixture(name="backend")
def _backend(tmp_path: Path) -> Iterator[LocalBackend]:
    work, logs = tmp_path / "work", tmp_path / "logs"
    work.mkdir()
    logs.mkdir()
    backend = LocalBackend(work_directory=work, log_directory=logs, python=None, warm_invokes=2)
    yield backend
    backend.close()


def write_bootstrap(directory: Path, *, handler: str = ANSWER, init: str = "") -> Path:
    """Write a function whose handler and init are Python statements."""
    directory.mkdir(exist_ok=True)
    bootstrap = directory / "bootstrap"
    text = RUNTIME.format(
        python=sys.executable, init=init, handler=textwrap.indent(textwrap.dedent(handler), "    ")
    )
    bootstrap.write_text(text)
    bootstrap.chmod(0o755)
    return directory


def order_of(
    tree: Path, *, memory_mb: int = 1769, timeout_s: float = 5.0, event: bytes = b"{}"
) -> TrialOrder:
    """Order one trial of the function in ``tree``."""
    function = Function(
        id=f"custom/{tree.name}",
        runtime="custom",
        directory=tree,
        handler="bootstrap",
        events=(),
        timeout_s=timeout_s,
    )
    return TrialOrder(
        cell=Cell(function=function.id, variant="default", memory_mb=memory_mb, event="e"),
        arm="variant",
        round=0,
        position=0,
        slot=0,
        discarded=False,
        function=function,
        handler="bootstrap",
        tree=tree,
        event=event,
    )


@pytest.fixture(name="trial")
def _trial(backend: LocalBackend, tmp_path: Path) -> Callable[..., Trial]:
    """Run one trial of a bootstrap made from Python statements."""

    def run(*, handler: str = ANSWER, init: str = "", **order: object) -> Trial:
        tree = write_bootstrap(tmp_path / "function", handler=handler, init=init)
        return backend.run(order_of(tree, **order))  # type: ignore[arg-type]

    return run
