"""API Gateway's two proxy event formats as one request, and its response format."""

from __future__ import annotations

import base64
import binascii
import json
import os
from typing import TypeGuard

_ORIGIN = os.environ.get("ALLOWED_ORIGIN") or "*"


class ApiError(Exception):
    """A request that gets an error answer: ``status``, a stable ``code``, and words."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []
        self.headers = headers or {}


class ValidationError(ApiError):
    """Fields of the request that cannot be used, all of them at once."""

    def __init__(self, details: list[tuple[str, str]]) -> None:
        super().__init__(400, "validation_failed", "the request is not valid", details=details)


class Request:
    """Method, path without stage, parameters and body, whichever format the event had."""

    def __init__(
        self, method: str, path: str, query: dict[str, str], event: dict[str, object]
    ) -> None:
        self.method = method
        self.path = path
        #: Repeated parameters are joined by commas, as API Gateway does in format 2.0.
        self.query = query
        self.path_parameters = _texts(event.get("pathParameters"))
        self._body = event.get("body")
        self._encoded = event.get("isBase64Encoded") is True

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path; a trailing slash makes no difference."""
        return tuple(self.path.removesuffix("/").split("/")[1:])

    def json_object(self) -> dict[str, object]:
        """Parse the body.

        Raises:
            ApiError: 400; there is no body, or it is not base64, JSON or an object.
        """
        if not _is_text(self._body):
            raise ApiError(400, "missing_body", "a request body is required")
        data = self._decoded(self._body)
        try:
            value = json.loads(data.decode(), parse_constant=_no_constant, parse_int=_integer)
        except (ValueError, RecursionError):
            raise ApiError(400, "invalid_json", "the request body is not valid JSON") from None
        if not isinstance(value, dict):
            raise ApiError(400, "invalid_body", "the request body must be a JSON object")
        return value

    def _decoded(self, body: str) -> bytes:
        if not self._encoded:
            # Half of a surrogate pair is let through here and is no UTF-8 to the parser.
            return body.encode(errors="surrogatepass")
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError):
            raise ApiError(
                400, "invalid_encoding", "the request body is not valid base64"
            ) from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _integer(digits: str) -> int | float:
    # int() refuses more than 4300 digits; a number that long is out of every range anyway.
    return int(digits) if len(digits) <= 20 else float("inf")


def parse_request(event: object) -> Request:
    """Read a REST (format 1.0) or HTTP API (format 2.0) event.

    Raises:
        ApiError: 400; the event is neither.
    """
    if isinstance(event, dict):
        request = _format_2(event) if event.get("version") == "2.0" else _format_1(event)
        if request is not None:
            return request
    raise ApiError(
        400,
        "unsupported_event",
        "the event is neither an API Gateway REST (1.0) nor HTTP API (2.0) request",
    )


def _format_1(event: dict[str, object]) -> Request | None:
    method, path = event.get("httpMethod"), event.get("path")
    if not _is_text(method) or not _is_text(path):
        return None
    query = _texts(event.get("queryStringParameters"))
    for name, values in _mapping(event.get("multiValueQueryStringParameters")).items():
        if isinstance(values, list):
            query[name] = ",".join(str(value) for value in values)
    return Request(method, path, query, event)


def _format_2(event: dict[str, object]) -> Request | None:
    context = _mapping(event.get("requestContext"))
    method, path = _mapping(context.get("http")).get("method"), event.get("rawPath")
    if not _is_text(method) or not _is_text(path):
        return None
    # Unlike format 1.0, the raw path of a stage that is not the default one begins with it.
    stage = f"/{context.get('stage', '$default')}"
    if path == stage or path.startswith(f"{stage}/"):
        path = path[len(stage) :] or "/"
    return Request(method, path, _texts(event.get("queryStringParameters")), event)


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""


def _texts(value: object) -> dict[str, str]:
    return {name: str(text) for name, text in _mapping(value).items() if text is not None}


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def respond(
    status: int, body: object = None, headers: dict[str, str] | None = None
) -> dict[str, object]:
    """Make an answer in the format that both kinds of API accept, with its CORS headers."""
    all_headers = {"Access-Control-Allow-Origin": _ORIGIN, **(headers or {})}
    if _ORIGIN != "*":
        all_headers["Vary"] = "Origin"
    if body is not None:
        all_headers["Content-Type"] = "application/json"
    return {
        "statusCode": status,
        "headers": all_headers,
        "body": "" if body is None else json.dumps(body, separators=(",", ":")),
        "isBase64Encoded": False,
    }


def respond_error(error: ApiError) -> dict[str, object]:
    """Make the answer to a request that failed."""
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if error.details:
        body["details"] = [{"field": field, "message": message} for field, message in error.details]
    return respond(error.status, {"error": body}, error.headers)
