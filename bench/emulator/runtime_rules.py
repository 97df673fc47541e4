"""The resources of the Runtime API, and what it answers to requests that it does not take."""

from __future__ import annotations

from bench.emulator.http1_head import RESPONSE_MODE_HEADER, Request
from bench.emulator.runtime_api import ACCEPTED, error_body, response_bytes

VERSION = "/2018-06-01"
API = f"{VERSION}/runtime"
NEXT = f"{API}/invocation/next"
RESTORE_NEXT = f"{API}/restore/next"
INIT_ERROR = f"{API}/init/error"
RESTORE_ERROR = f"{API}/restore/error"
ACCEPTED_RESPONSE = response_bytes(202, ACCEPTED)
_PING = f"{VERSION}/ping"
_GETS = (NEXT, RESTORE_NEXT, _PING)
_POSTS = (INIT_ERROR, RESTORE_ERROR)
_MODES = ("buffered", "streaming")


def refusal(status: int, kind: str, text: str) -> bytes:
    """An answer that says what was wrong with the request."""
    return response_bytes(status, error_body(kind, text))


def refusal_or_pong(method: str, path: str, request_id: str, state: str) -> bytes:
    """The answer to a request that does nothing in this state, with this current request."""
    if method == "GET" and path == _PING:
        return response_bytes(200, b"pong", content_type="text/plain")
    call = path.rpartition("/")[2]
    of_invocation = path.startswith(f"{API}/invocation/") and call in ("response", "error")
    if not (of_invocation or path in _GETS or path in _POSTS):
        return refusal(404, "NotFound", f"no such resource: {path[:200]}")
    if method != ("GET" if path in _GETS else "POST"):
        return refusal(405, "MethodNotAllowed", f"{method[:20]} is not for {path[:200]}")
    if of_invocation and path != f"{API}/invocation/{request_id}/{call}":
        return refusal(400, "InvalidRequestID", "Invalid request ID")
    text = f"{method} {path[:200]} is not allowed in state {state}"
    return refusal(403, "InvalidStateTransition", text)


def judged(request: Request) -> tuple[bytes, str, str]:
    """What to answer to a response, and the type and text of what is wrong with it, if any is."""
    mode = request.headers.get(RESPONSE_MODE_HEADER, "")
    if mode and mode.lower() not in _MODES:
        text = f"Invalid response mode header: {mode[:200]}"
        answer = refusal(400, "InvalidResponseModeHeader", text)
        return answer, "Runtime.InvalidResponseModeHeader", text
    if request.truncated:
        text = f"the response ended after {request.body_bytes} bytes, before its end"
        return refusal(400, "TruncatedResponse", text), "Runtime.TruncatedResponse", text
    if request.too_large:
        text = (
            f"Response payload size ({request.body_bytes} bytes) exceeded maximum allowed payload"
            f" size ({request.limit_bytes} bytes)."
        )
        answer = refusal(413, "RequestEntityTooLarge", text)
        return answer, "Function.ResponseSizeTooLarge", text
    return ACCEPTED_RESPONSE, "", ""
