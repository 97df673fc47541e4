"""The whole endpoint: the front, moto behind it, and the environments that run functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from moto.core.exceptions import JsonRESTError

from bench.build import BuildCache
from bench.serve.asynchronous import AsyncQueue
from bench.serve.clients import Clients
from bench.serve.concurrency_api import ConcurrencyApi
from bench.serve.control_plane import ServedLambda
from bench.serve.destinations import Destinations
from bench.serve.environments import IDLE_LIMIT, Environments
from bench.serve.errors import ServiceError
from bench.serve.event_sink import Sink
from bench.serve.faults import Faults
from bench.serve.front import Front
from bench.serve.function_urls import PREFIX as URL_PREFIX
from bench.serve.function_urls import FunctionUrls
from bench.serve.invoker import Invoker
from bench.serve.lambda_api import LambdaApi
from bench.serve.mappings import Mappings
from bench.serve.messages import HttpRequest, HttpResponse
from bench.serve.moto_app import MotoApp, place_of
from bench.serve.own_directory import claimed, own_directory
from bench.serve.packages import PackageStore
from bench.serve.runtimes import Runtimes
from bench.serve.services import Services, Target
from bench.serve.state import State
from bench.subjects import CpuMode

_CODE_PATH = "/_coldbench/code/"
_FUNCTION_CALL = re.compile(r"/\d{4}-\d\d-\d\d/(functions|layers|tags)\b.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOptions:
    """How the endpoint differs from AWS, and where it is."""

    #: Packages, scratch space and Python runtimes are kept below it.
    cache: Path
    host: str = "127.0.0.1"
    #: 0 chooses a free port.
    port: int = 0
    #: How long Pending and InProgress last.
    settle_s: float = 0.1
    #: Concurrent executions per account and region; AWS gives 1,000, new accounts 10.
    concurrency: int = 1_000
    #: After how long without an event an environment ends.
    idle_s: float = 300.0
    #: How many may be idle; beyond it the least recently used end.
    idle_limit: int = IDLE_LIMIT
    #: Delays before the two retries of a failed asynchronous invoke; AWS waits 60 and 120 s.
    retry_delays_s: tuple[float, ...] = (1.0, 2.0)
    cpu_mode: CpuMode = "on-demand"
    #: Where functions are kept over restarts; None = nowhere.
    state: Path | None = None


class Endpoint:
    """A local AWS endpoint. Use it as a context manager, one at a time in a process.

    Args:
        options: see :class:`EndpointOptions`.
        faults: what is done wrong on purpose, for tests of clients.
        warn: is told what a user should know.
    """

    def __init__(
        self,
        options: EndpointOptions,
        *,
        faults: Faults | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._warn = warn
        self._cleanup = ExitStack()
        with ExitStack() as undo:
            undo.callback(self._cleanup.close)
            self._build(options, faults, warn)
            undo.pop_all()

    def _build(
        self, options: EndpointOptions, faults: Faults | None, warn: Callable[[str], None]
    ) -> None:
        if options.state is not None:
            self._cleanup.enter_context(claimed(options.state))
        scratch = self._cleanup.enter_context(own_directory(options.cache / "serve"))
        self._packages = PackageStore((options.state or scratch) / "packages")
        environments = Environments(
            work_directory=scratch / "environments",
            endpoint_url=lambda: self.url,
            account_limit=options.concurrency,
            idle_s=options.idle_s,
            idle_limit=options.idle_limit,
            cpu_mode=options.cpu_mode,
        )
        self._cleanup.callback(environments.close)
        services = Services(
            packages=self._packages,
            runtimes=Runtimes(BuildCache(options.cache), warn),
            environments=environments,
            endpoint_url=lambda: self.url,
            settle_s=options.settle_s,
        )
        self._moto = MotoApp(services)
        self._cleanup.callback(self._moto.close)
        self._state = (
            State(options.state, self._packages, self._moto, warn) if options.state else None
        )
        self._invoker = Invoker(environments, self._moto.write_log)
        # What the endpoint itself calls does not pass the faults that are meant for clients.
        self._inner = Front("127.0.0.1", 0, self._answer)
        self._cleanup.callback(self._inner.close)
        queue = self._events(services, Clients(f"http://127.0.0.1:{self._inner.port}"), options)
        self._lambda = LambdaApi(
            self._plane, self._invoker, queue.submit, ConcurrencyApi(self._plane, environments)
        )
        self._urls = FunctionUrls(self._moto.find_url, self._invoker.invoke)
        self._front = Front(options.host, options.port, self._answer, faults)
        self._cleanup.callback(self._front.close)
        host = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._front.port}"
        if self._state is not None:
            self._state.restore()

    def _events(self, services: Services, clients: Clients, options: EndpointOptions) -> AsyncQueue:
        destinations = Destinations(clients)
        queue = AsyncQueue(
            self._resolve,
            self._invoker.invoke,
            destinations,
            options.retry_delays_s,
            self._warn,
        )
        mappings = Mappings(clients, self._resolve, self._invoker.invoke, destinations, self._warn)
        services.sink = Sink(queue, mappings)
        self._cleanup.callback(mappings.close)
        self._cleanup.callback(queue.close)
        return queue

    def __enter__(self) -> Endpoint:
        self._inner.start()
        self._front.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything; nothing is left behind."""
        self._cleanup.close()

    def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            if request.path.startswith(_CODE_PATH):
                return self._code(request)
            if request.path.startswith(URL_PREFIX):
                return self._urls.answer(request)
            response = self._lambda.answer(request)
            if response is None:
                response = self._moto.handle(request)
                if self._state is not None and _changes_functions(request):
                    self._state.save()
            return response
        except ServiceError as error:
            return error.response()
        except JsonRESTError as error:  # what moto refuses where it is not asked over HTTP
            return ServiceError(error.code, error.error_type, error.message).response()
        except Exception as error:
            text = f"{request.method} {request.path}: {type(error).__name__}: {error}"
            self._warn(f"internal failure of the endpoint: {text}")
            return ServiceError(500, "InternalFailure", text).response()

    def _code(self, request: HttpRequest) -> HttpResponse:
        """A deployment package: where ``Code.Location`` of GetFunction points to."""
        digest = request.path.removeprefix(_CODE_PATH).removesuffix(".zip")
        archive = self._packages.archive(digest)
        if archive is None:
            raise ServiceError(404, "ResourceNotFoundException", "there is no such package")
        return HttpResponse(200, [("Content-Type", "application/zip")], archive)

    def _resolve(self, arn: str) -> Target:
        _, _, _, region, account, *_ = arn.split(":")
        return self._moto.control_plane(account, region).target(arn, None)

    def _plane(self, request: HttpRequest) -> ServedLambda:
        account, region = place_of(request)
        try:
            return self._moto.control_plane(account, region)
        except KeyError:
            raise ServiceError(
                403,
                "UnrecognizedClientException",
                f"The security token included in the request is invalid: no region `{region}`",
            ) from None


def _changes_functions(request: HttpRequest) -> bool:
    return request.method != "GET" and _FUNCTION_CALL.fullmatch(request.path) is not None
