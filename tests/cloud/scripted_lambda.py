"""AWS on the loopback interface: moto's control plane, and invokes that answer by a script.

No code runs: what an invoke says is made up, with the states that matter to a client. An
environment belongs to one version and one configuration, its first invoke is cold, those after it
are warm. Real code runs in the tests against ``coldbench serve``.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from bench.serve.errors import ServiceError
from bench.serve.faults import Faults
from bench.serve.front import Front
from bench.serve.messages import HttpRequest, HttpResponse
from bench.serve.wsgi import call

ACCOUNT = "123456789012"
_INVOKE = re.compile(r"/[^/]+/functions/([^/]+)/invocations/?")
_GET_FUNCTION = re.compile(r"/[^/]+/functions/[^/]+")
_CODE_PATH = "/_code/"
RUNTIME_ARN = "arn:aws:lambda:us-east-1::runtime:0123456789abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoke:
    """What a script knows about one invoke."""

    name: str
    version: str
    memory_mb: int
    #: 1 is the first of its environment.
    count: int
    #: How many invokes there were in all.
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an invoke says; times in ms."""

    init_ms: float | None = 2.0
    duration_ms: float = 1.0
    #: How long the caller waits; None is as long as it must be.
    wait_ms: float | None = None
    payload: bytes = b"{}"
    function_error: str | None = None
    printed: str = ""
    runtime_arn: str = RUNTIME_ARN
    #: An answer of AWS instead of the function's.
    refusal: ServiceError | None = None


Script = Callable[[Invoke], Answer]


def ordinary(invoke: Invoke) -> Answer:
    """Cold once, then warm."""
    return Answer(init_ms=2.0 if invoke.count == 1 else None)


@dataclass
class ScriptedLambda:
    """The endpoint. Use it as a context manager; moto allows one at a time in a process."""

    script: Script = ordinary
    faults: Faults | None = None
    #: Invokes carried out, by function name and version.
    invokes: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: Every call by method and path without names: for the tests of the plan's calls.
    calls: Counter[str] = field(default_factory=Counter)
    #: The environment variables of each invoke's function.
    environments: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        BackendDict.reset()
        lambda_backends.clear()
        lambda_backends.backend = LambdaBackend
        self._application = DomainDispatcherApplication(create_backend_app)
        self._environments: Counter[tuple[int, str, str]] = Counter()
        self._made: dict[int, object] = {}
        self._lock = threading.Lock()
        self._front = Front("127.0.0.1", 0, self._answer, self.faults)
        self.url = f"http://127.0.0.1:{self._front.port}"

    def __enter__(self) -> ScriptedLambda:
        self._front.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._front.close()
        BackendDict.reset()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        found = _INVOKE.fullmatch(request.path)
        try:
            if request.path.startswith(_CODE_PATH):
                name = request.path.removeprefix(_CODE_PATH)
                backend = lambda_backends[ACCOUNT][request.query]
                return HttpResponse(200, [], backend.get_function(name).code_bytes)
            if found is None or request.method != "POST":
                with self._lock:
                    self.calls[f"{request.method} {request.path.rpartition('/')[2]}"] += 1
                    answer = call(self._application, request, lambda *_: None)
                    return self._with_location(request, answer)
            return self._invoke(request, unquote(found[1]))
        except ServiceError as error:
            return error.response()
        except KeyError as error:  # moto looks its backends up by region
            return ServiceError(500, "InternalFailure", f"no region {error}").response()

    def _with_location(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        """GetFunction says where the package is: here, and not in Amazon S3."""
        if request.method != "GET" or not _GET_FUNCTION.fullmatch(request.path):
            return answer
        content = json.loads(answer.body)
        if "Code" in content:
            name = content["Configuration"]["FunctionName"]
            region = request.header("authorization").split("/")[2]
            content["Code"]["Location"] = f"{self.url}{_CODE_PATH}{name}?{region}"
        return HttpResponse(answer.status, answer.headers, json.dumps(content).encode())

    def _invoke(self, request: HttpRequest, name: str) -> HttpResponse:
        qualifier = parse_qs(request.query).get("Qualifier", [None])[0]
        region = request.header("authorization").split("/")[2]
        with self._lock:
            try:
                function = lambda_backends[ACCOUNT][region].get_function(name, qualifier)
            except Exception:
                text = f"Function not found: {name}"
                raise ServiceError(404, "ResourceNotFoundException", text) from None
            version = str(function.version)
            self.environments.append(dict(function.environment_vars))
            state = str(sorted(function.environment_vars.items()))
            self.invokes[name, version] += 1
            self._made[id(function)] = function  # so that no other one gets its id
            place = (id(function), version, state)
            self._environments[place] += 1
            invoke = Invoke(
                name=name,
                version=version,
                memory_mb=int(function.memory_size),
                count=self._environments[place],
                number=self.invokes.total(),
            )
            answer = self.script(invoke)
        if answer.refusal is not None:
            raise answer.refusal
        needed_ms = (answer.init_ms or 0.0) + answer.duration_ms
        time.sleep((needed_ms if answer.wait_ms is None else answer.wait_ms) / 1_000)
        return _response(invoke, answer)


def _response(invoke: Invoke, answer: Answer) -> HttpResponse:
    request_id = str(uuid.uuid4())
    log = _log(invoke, answer, request_id)
    headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-RequestId", request_id),
        ("X-Amz-Executed-Version", invoke.version),
        ("X-Amz-Log-Result", base64.b64encode(log.encode()[-4096:]).decode()),
    ]
    if answer.function_error:
        headers.append(("X-Amz-Function-Error", answer.function_error))
    return HttpResponse(200, headers, answer.payload)


def _log(invoke: Invoke, answer: Answer, request_id: str) -> str:
    cold = answer.init_ms is not None
    billed = int(-(-((answer.init_ms or 0.0) + answer.duration_ms) // 1))
    opening = (
        f"INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: {answer.runtime_arn}\n"
    )
    init = f"Init Duration: {answer.init_ms:.2f} ms\t" if cold else ""
    return (
        f"{opening if cold else ''}START RequestId: {request_id} Version: {invoke.version}\n"
        f"{answer.printed}END RequestId: {request_id}\n"
        f"REPORT RequestId: {request_id}\tDuration: {answer.duration_ms:.2f} ms\t"
        f"Billed Duration: {billed} ms\tMemory Size: {invoke.memory_mb} MB\t"
        f"Max Memory Used: 40 MB\t{init}\n"
    )
