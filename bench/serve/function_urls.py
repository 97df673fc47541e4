"""Function URLs: an HTTP request becomes an event of format 2.0, the answer an HTTP response.

Without DNS for ``*.on.aws`` the URL is a path of this endpoint, ``/lambda-url/ID/``, which is not
part of the path that the function sees.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Callable
from itertools import chain
from typing import Any, Protocol
from urllib.parse import parse_qs, unquote

from bench.emulator.conversation import ResponseSink
from bench.serve.environment import Invoked
from bench.serve.errors import ServiceError
from bench.serve.messages import Headers, HttpRequest, HttpResponse
from bench.serve.services import Target
from bench.serve.streaming import StreamedInvoke

PREFIX = "/lambda-url/"
_PATH = re.compile(r"/lambda-url/(\w+)(/.*)?")
_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|x-www-form-urlencoded)(;.*)?")

Find = Callable[[str], "tuple[Target, dict[str, Any]] | None"]
#: Ends the head of a streamed response of the integration type.
_HEAD_END = b"\0" * 8
_INTEGRATION = "application/vnd.awslambda.http-integration-response"


class Invoke(Protocol):
    """Runs an event and waits for it."""

    def __call__(
        self, target: Target, event: bytes, *, stream_to: ResponseSink | None = None
    ) -> Invoked:
        """Invoke; a streamed response goes to ``stream_to``."""


class FunctionUrls:
    """Answers requests to function URLs.

    Args:
        find: the target and the configuration of a URL's id; None if there is none.
        invoke: runs an event and waits for it.
    """

    def __init__(self, find: Find, invoke: Invoke) -> None:
        self._find = find
        self._invoke = invoke

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Invoke the function of a URL."""
        matched = _PATH.fullmatch(request.path)
        found = None if matched is None else self._find(matched[1])
        if matched is None or found is None:
            return _problem(404, "there is no function URL here")
        target, config = found
        if config.get("AuthType") == "AWS_IAM" and not request.header("authorization"):
            return _problem(403, "Forbidden")
        cors = _cors(request, config.get("Cors") or {})
        if request.method == "OPTIONS" and config.get("Cors"):
            return HttpResponse(200, cors)
        event = json.dumps(event_of(request, matched[1], matched[2] or "/")).encode()
        answer = self._streamed if config.get("InvokeMode") == "RESPONSE_STREAM" else self._buffered
        try:
            response = answer(target, event)
        except ServiceError as error:
            return _problem(error.status if error.status == 429 else 502, error.message)
        response.headers += cors
        return response

    def _buffered(self, target: Target, event: bytes) -> HttpResponse:
        invoked = self._invoke(target, event)
        if invoked.answer.function_error is not None:
            return _problem(502, "Internal Server Error")
        response = response_of(invoked.answer.payload)
        response.headers.append(("x-amzn-RequestId", invoked.answer.report.request_id))
        return response

    def _streamed(self, target: Target, event: bytes) -> HttpResponse:
        streamed = StreamedInvoke(lambda sink: self._invoke(target, event, stream_to=sink))
        pieces = streamed.pieces()
        if streamed.content_type != _INTEGRATION:
            return HttpResponse(200, [("Content-Type", streamed.content_type)], pieces)
        head = b""
        for piece in pieces:
            head += piece
            if _HEAD_END in head:
                break
        described, _, rest = head.partition(_HEAD_END)
        response = response_of(described)
        response.body = chain([rest], pieces)
        return response


def event_of(request: HttpRequest, url_id: str, path: str) -> dict[str, Any]:
    """The event of payload format 2.0 (AWS, "Invoking Lambda function URLs")."""
    now = time.time()
    headers: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    cookies = headers.pop("cookie", "")
    parameters = parse_qs(request.query, keep_blank_values=True)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "anonymous",
            "apiId": url_id,
            "domainName": request.header("host"),
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": unquote(path),
                "protocol": request.version,
                "sourceIp": "127.0.0.1",
                "userAgent": request.header("user-agent"),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = [part.strip() for part in cookies.split(";")]
    if parameters:
        event["queryStringParameters"] = {k: ",".join(v) for k, v in parameters.items()}
    if request.body:
        binary = not _TEXT.fullmatch(headers.get("content-type", "").lower())
        event["isBase64Encoded"] = binary
        event["body"] = (
            base64.b64encode(request.body).decode()
            if binary
            else request.body.decode(errors="replace")
        )
    return event


def response_of(payload: bytes) -> HttpResponse:
    """The response that a function's answer means; anything without ``statusCode`` is a body."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return HttpResponse(200, [("Content-Type", "application/octet-stream")], payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return HttpResponse(200, [("Content-Type", "application/json")], text.encode())
    headers: Headers = [(str(k), str(v)) for k, v in (answer.get("headers") or {}).items()]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    headers += [("Set-Cookie", str(cookie)) for cookie in answer.get("cookies") or ()]
    body = answer.get("body") or ""
    text = body if isinstance(body, str) else json.dumps(body)
    data = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    return HttpResponse(int(answer["statusCode"]), headers, data)


def _cors(request: HttpRequest, cors: dict[str, Any]) -> Headers:
    origin = request.header("origin")
    allowed = cors.get("AllowOrigins") or []
    if not origin or not ("*" in allowed or origin in allowed):
        return []
    headers = [("Access-Control-Allow-Origin", "*" if "*" in allowed else origin)]
    for name, member in (("Methods", "AllowMethods"), ("Headers", "AllowHeaders")):
        if cors.get(member):
            headers.append((f"Access-Control-Allow-{name}", ",".join(cors[member])))
    return headers


def _problem(status: int, message: str) -> HttpResponse:
    body = json.dumps({"Message": message}).encode()
    return HttpResponse(status, [("Content-Type", "application/json")], body)
