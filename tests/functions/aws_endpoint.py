"""The few calls of S3 and DynamoDB that the functions make, answered on the loopback interface."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class AwsEndpoint:
    """Objects by ``bucket/key`` and items by table and id, and whatever else was posted."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.content_types: dict[str, str] = {}
        self.items: dict[tuple[str, str], dict[str, object]] = {}
        self.posted: list[tuple[str, bytes]] = []
        #: Status and code of the answer to every request, to play a refusal.
        self.refusal: tuple[int, str] | None = None
        endpoint = self

        class Handler(_Handler):
            aws = endpoint

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> AwsEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    aws: AwsEndpoint

    def log_message(self, *args: object) -> None:
        pass

    def do_PUT(self) -> None:
        body = self._body()
        if not self._refused_xml():
            self.aws.objects[self._name()] = body
            self.aws.content_types[self._name()] = self.headers["Content-Type"]
            self._answer(200, b"", "application/xml")

    def do_GET(self) -> None:
        if self._refused_xml():
            return
        if self._name() in self.aws.objects:
            self._answer(200, self.aws.objects[self._name()], "application/octet-stream")
        else:
            self._answer(404, _xml("NoSuchKey"), "application/xml")

    def do_POST(self) -> None:
        body = self._body()
        self.aws.posted.append((self.path, body))
        status, answer = 200, {}
        if self.aws.refusal:
            status, answer = self.aws.refusal[0], {"__type": self.aws.refusal[1]}
        elif "X-Amz-Target" in self.headers:
            status, answer = self._dynamodb(json.loads(body))
        self._answer(status, json.dumps(answer).encode(), "application/x-amz-json-1.0")

    def _dynamodb(self, call: dict[str, object]) -> tuple[int, dict[str, object]]:
        if self.headers["X-Amz-Target"].endswith(".GetItem"):
            item = self.aws.items.get((call["TableName"], call["Key"]["id"]["S"]))
            return 200, {"Item": item} if item else {}
        key = (call["TableName"], call["Item"]["id"]["S"])
        if key in self.aws.items and call.get("ConditionExpression"):
            return 400, {"__type": "com.amazonaws#ConditionalCheckFailedException"}
        self.aws.items[key] = call["Item"]
        return 200, {}

    def _name(self) -> str:
        return unquote(self.path.partition("?")[0]).removeprefix("/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refused_xml(self) -> bool:
        if self.aws.refusal:
            status, code = self.aws.refusal
            self._answer(status, _xml(code), "application/xml")
        return self.aws.refusal is not None

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # A client that refuses a large object hangs up in the middle of it.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


def _xml(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>refused</Message></Error>".encode()
