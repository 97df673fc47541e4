"""The calls of Lambda's API that moto does not have, or that run code: Invoke above all."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable
from urllib.parse import parse_qs, unquote

from bench.emulator.invocation import Caller
from bench.serve.concurrency_api import ConcurrencyApi
from bench.serve.control_plane import ServedLambda
from bench.serve.environment import Invoked
from bench.serve.errors import ServiceError
from bench.serve.event_stream import complete, encode_stream
from bench.serve.function_list import function_list
from bench.serve.invoker import Invoker
from bench.serve.log_book import log_result
from bench.serve.messages import Headers, HttpRequest, HttpResponse
from bench.serve.services import Target
from bench.serve.streaming import StreamedInvoke

#: Lambda's limits on the payload of a call.
MAX_SYNCHRONOUS_BYTES = 6_291_456
MAX_ASYNCHRONOUS_BYTES = 1_048_576

_PROVISIONED = "functions/([^/]+)/provisioned-concurrency/?"
_VERSIONS = "functions/([^/]+)/versions/?"
_RUNTIME = "functions/([^/]+)/runtime-management-config/?"
_JSON = ("Content-Type", "application/json")

Submit = Callable[[str, bytes], str]
Planes = Callable[[HttpRequest], ServedLambda]
Route = Callable[[HttpRequest, "re.Match[str]"], HttpResponse | None]


class LambdaApi:
    """Answers the requests that one of its routes matches.

    Args:
        planes: gives the control plane that a request is for.
        invoker: runs synchronous invokes.
        submit: takes asynchronous ones; returns their request id.
        concurrency: answers for provisioned concurrency and its neighbours.
    """

    def __init__(
        self, planes: Planes, invoker: Invoker, submit: Submit, concurrency: ConcurrencyApi
    ) -> None:
        self._planes = planes
        self._invoker = invoker
        self._submit = submit
        self._routes: tuple[tuple[str, re.Pattern[str], Route], ...] = (
            ("POST", _path("functions/([^/]+)/invocations/?"), self._invoke),
            ("POST", _path("functions/([^/]+)/response-streaming-invocations/?"), self._stream),
            ("POST", _path("functions/([^/]+)/invoke-async/?"), self._invoke_async),
            ("PUT", _path(_PROVISIONED), _named(concurrency.put)),
            ("GET", _path(_PROVISIONED), _named(concurrency.get)),
            ("DELETE", _path(_PROVISIONED), _named(concurrency.delete)),
            ("PUT", _path(_RUNTIME), _named(concurrency.put_runtime)),
            ("GET", _path(_RUNTIME), _named(concurrency.get_runtime)),
            ("GET", _path("account-settings()/?"), _named(concurrency.account)),
            ("GET", _path("functions/?"), self._list),
            ("POST", _path(_VERSIONS), self._check_publish),
        )

    def answer(self, request: HttpRequest) -> HttpResponse | None:
        """The answer, or None where moto answers.

        Raises:
            ServiceError: the call is refused.
        """
        path = request.path
        if _CONTROL.fullmatch(path):
            self._planes(request)  # moto has no words for a region that does not exist
            _check_json(request)
        for method, pattern, route in self._routes:
            if method == request.method:
                found = pattern.fullmatch(path)
                if found is not None:
                    return route(request, found)
        return None

    def _list(self, request: HttpRequest, _: re.Match[str]) -> HttpResponse:
        listed = function_list(self._planes(request), parse_qs(request.query))
        return HttpResponse(200, [_JSON], json.dumps(listed).encode())

    def _check_publish(self, request: HttpRequest, found: re.Match[str]) -> None:
        """PublishVersion, which moto answers, but for what the caller demands of the code."""
        body = json.loads(request.body or b"{}")
        self._planes(request).check_publish(unquote(found[1]), body)

    def _invoke(self, request: HttpRequest, found: re.Match[str]) -> HttpResponse:
        kind = request.header("x-amz-invocation-type", "RequestResponse")
        target = self._target(request, found)
        if kind == "DryRun":
            return HttpResponse(204)
        event = _event(request, kind)
        if kind == "Event":
            request_id = self._submit(target.arn, event)
            return HttpResponse(202, [("x-amzn-RequestId", request_id)])
        if kind != "RequestResponse":
            raise ServiceError(
                400, "InvalidParameterValueException", f"InvocationType `{kind}` does not exist"
            )
        invoked = self._invoker.invoke(target, event, caller=_caller(request))
        return HttpResponse(200, _headers(request, target, invoked), invoked.answer.payload)

    def _invoke_async(self, request: HttpRequest, found: re.Match[str]) -> HttpResponse:
        """The deprecated InvokeAsync."""
        target = self._target(request, found)
        self._submit(target.arn, _event(request, "Event"))
        return HttpResponse(202, [_JSON], b'{"Status": 202}')

    def _stream(self, request: HttpRequest, found: re.Match[str]) -> HttpResponse:
        target = self._target(request, found)
        event = _event(request, "RequestResponse")
        request_id = str(uuid.uuid4())
        streamed = StreamedInvoke(
            lambda sink: self._invoker.invoke(
                target, event, caller=_caller(request), request_id=request_id, stream_to=sink
            )
        )
        headers = [
            ("Content-Type", "application/vnd.amazon.eventstream"),
            ("x-amzn-RequestId", request_id),
            ("X-Amz-Executed-Version", target.revision.version),
            ("X-Amzn-Remapped-Content-Type", streamed.content_type),
        ]

        def end(invoked: Invoked) -> bytes:
            tail = log_result(target.revision, invoked.events) if _wants_tail(request) else None
            return complete(invoked.answer, tail)

        return HttpResponse(200, headers, encode_stream(streamed, end))

    def _target(self, request: HttpRequest, found: re.Match[str]) -> Target:
        query = parse_qs(request.query)
        qualifier = query.get("Qualifier", [None])[0]
        return self._planes(request).target(unquote(found[1]), qualifier)


def _named(call: Callable[[HttpRequest, str], HttpResponse]) -> Route:
    return lambda request, found: call(request, found[1])


def _path(rest: str) -> re.Pattern[str]:
    return re.compile(rf"/\d{{4}}-\d\d-\d\d/{rest}")


#: The calls of Lambda's API whose bodies are not events.
_CONTROL = _path(
    r"(?!.*/(?:invocations|invoke-async|response-streaming-invocations)/?$)"
    r"(?:functions|layers|tags|event-source-mappings|account-settings)\b.*"
)


def _check_json(request: HttpRequest) -> None:
    """A body is an object of JSON; only PublishVersion may do without one."""
    optional = request.method not in ("POST", "PUT") or _path(_VERSIONS).fullmatch(request.path)
    if not request.body and optional:
        return
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from None
    if not isinstance(document, dict):
        raise _unreadable("it is no object")


def _unreadable(reason: str) -> ServiceError:
    return ServiceError(
        400,
        "InvalidRequestContentException",
        f"Could not parse request body into json: {reason}",
    )


def _event(request: HttpRequest, kind: str) -> bytes:
    """The event of a call; nothing is an empty object, as for the SDKs' Invoke without payload."""
    event = request.body
    limit = MAX_ASYNCHRONOUS_BYTES if kind == "Event" else MAX_SYNCHRONOUS_BYTES
    if len(event) > limit:
        raise ServiceError(
            413,
            "RequestTooLargeException",
            f"{len(event)} byte payload is too large for the {kind} invocation type "
            f"(limit {limit} bytes)",
        )
    if not event:
        return b"{}"
    try:
        json.loads(event)
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from None
    return event


def _caller(request: HttpRequest) -> Caller:
    """What comes along with an event; the client context is JSON in base64."""
    context = request.header("x-amz-client-context")
    try:
        text = base64.b64decode(context, validate=True).decode() if context else None
    except ValueError as error:
        raise ServiceError(
            400, "InvalidRequestContentException", f"The client context is not base64: {error}"
        ) from None
    return Caller(client_context=text, trace_id=request.header("x-amzn-trace-id") or None)


def _wants_tail(request: HttpRequest) -> bool:
    return request.header("x-amz-log-type").lower() == "tail"


def _headers(request: HttpRequest, target: Target, invoked: Invoked) -> Headers:
    answer = invoked.answer
    headers = [
        _JSON,
        ("x-amzn-RequestId", answer.report.request_id),
        ("X-Amz-Executed-Version", target.revision.version),
        ("X-Amzn-Trace-Id", answer.trace_id),
    ]
    if answer.function_error is not None:
        headers.append(("X-Amz-Function-Error", answer.function_error))
    if _wants_tail(request):
        headers.append(("X-Amz-Log-Result", log_result(target.revision, invoked.events)))
    return headers
