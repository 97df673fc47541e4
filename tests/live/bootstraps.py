"""Functions in any language but the two: a `bootstrap` made from Python statements."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from bench.backends import TrialOrder
from bench.model import Cell
from bench.subjects import Function

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
