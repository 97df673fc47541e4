"""A WSGI application (PEP 3333) as a handler of the front."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from bench.serve.messages import Headers, HttpRequest, HttpResponse

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
#: Completes the environment of a request with what an application wants beyond PEP 3333.
Complete = Callable[[dict[str, Any], HttpRequest], None]


def call(application: Application, request: HttpRequest, complete: Complete) -> HttpResponse:
    """Give a request to the application and collect its answer."""
    environ = _environ(request)
    complete(environ, request)
    started: list[tuple[int, Headers]] = []

    def start_response(status: str, headers: Headers, *_: object) -> Callable[[bytes], None]:
        started.append((int(status.split(" ", 1)[0]), headers))
        return lambda _: None

    pieces = application(environ, start_response)
    try:
        body = b"".join(pieces)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()
    status, headers = started[-1]
    kept = [(n, v) for n, v in headers if n.lower() not in ("connection", "transfer-encoding")]
    if request.method != "HEAD":
        kept = [(n, v) for n, v in kept if n.lower() != "content-length"]
    return HttpResponse(status, kept, body)


def _environ(request: HttpRequest) -> dict[str, Any]:
    # The body has been read and decoded, whatever its transfer encoding was.
    host, _, port = request.header("host", "localhost:80").rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.target,
        "REQUEST_URI": request.target,
        "SERVER_NAME": host or "localhost",
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": request.version,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(request.body)),
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING") and "_" not in name:
            key = f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
