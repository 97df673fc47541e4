"""How a function, its runtime or one of its extensions failed, in Lambda's words."""

from __future__ import annotations

import base64
import binascii
import json
import re

from bench.emulator.http1_head import Request

ERROR_TYPE_HEADER = "lambda-runtime-function-error-type"
_ERROR_BODY_TRAILER = "lambda-runtime-function-error-body"
#: What Lambda passes on as the type of an error; others become unknown.
_known_type = re.compile(r"(?:Runtime|Function)\.[A-Z][a-zA-Z]+").fullmatch
_MAX_MESSAGE_BYTES = 2_000
#: The beginning of a member of an error document that cannot be read as a whole.
_member = re.compile(
    rb'"(errorType|errorMessage)"\s*:\s*"((?:[^"\\]|\\.){0,%d})' % _MAX_MESSAGE_BYTES, re.DOTALL
)


class FunctionFault(Exception):
    """The function failed, in Lambda's words: an error type and a message.

    ``payload`` is what the caller of the function gets: the runtime's own JSON where it sent one.
    ``reported_type`` is what the runtime gave as the category of its error, if it gave one.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        payload: bytes | None = None,
        *,
        reported_type: str | None = None,
    ) -> None:
        super().__init__(message)
        # JSON may hold half a surrogate pair, which no file can.
        self.kind = kind.encode(errors="replace").decode()
        self.message = message.encode(errors="replace").decode()
        error = {"errorType": self.kind, "errorMessage": self.message}
        self.payload = payload or json.dumps(error).encode()
        self._reported_type = self.kind if reported_type is None else reported_type

    @property
    def platform_type(self) -> str:
        """The error type in platform lines, where a function's own class names have no place."""
        return normalised_type(self._reported_type)


def normalised_type(kind: str) -> str:
    """``Runtime.SomeReason`` and ``Function.SomeReason`` as they are, else one of the unknown.

    The rule of AWS's runtime interface emulator; its own types, ``Sandbox.…`` and
    ``Extension.…``, do not come from a runtime and stay.
    """
    if _known_type(kind) or kind.startswith(("Sandbox.", "Extension.")):
        return kind
    return "Runtime.Unknown" if kind.startswith("Runtime.") else "Function.Unknown"


def reported(request: Request) -> FunctionFault:
    """The error that a runtime posted about its function.

    The caller gets the document as it was posted, unless not all of it came or was kept: then one
    of its type and the beginning of its message.
    """
    body = request.body
    header = request.headers.get(ERROR_TYPE_HEADER)
    if request.too_large or request.truncated:
        return _reported_in_part(body, header)
    try:
        error = json.loads(body)
        kind, message = str(error["errorType"]), str(error["errorMessage"])
    except (ValueError, KeyError, TypeError, RecursionError):
        kind = normalised_type(header or "")
        message = body[:_MAX_MESSAGE_BYTES].decode(errors="replace")
    return FunctionFault(kind, message, body, reported_type=header)


def _reported_in_part(body: bytes, header: str | None) -> FunctionFault:
    said: dict[bytes, str] = {}
    for name, text in _member.findall(body):
        said.setdefault(name, _unescaped(text))
    kind = said.get(b"errorType") or normalised_type(header or "")
    start = body[:_MAX_MESSAGE_BYTES].decode(errors="replace")
    return FunctionFault(kind, said.get(b"errorMessage", start), reported_type=header)


def _unescaped(text: bytes) -> str:
    """The string that a JSON literal begins with; as it stands where an escape has been cut."""
    try:
        return str(json.loads(b'"%s"' % text, strict=False))
    except ValueError:
        return text.decode(errors="replace")


def mid_stream_error(request: Request) -> FunctionFault | None:
    """The error that a runtime reports in the trailers of a response it had begun to stream."""
    kind = request.trailers.get(ERROR_TYPE_HEADER)
    if not kind:
        return None
    try:
        payload = base64.b64decode(request.trailers.get(_ERROR_BODY_TRAILER, ""), validate=True)
        message = str(json.loads(payload)["errorMessage"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        return FunctionFault(kind, "the runtime reported an error in mid-stream")
    return FunctionFault(kind, message, payload)
