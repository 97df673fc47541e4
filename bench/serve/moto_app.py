"""moto as a WSGI application, with our Lambda in it, and CloudWatch Logs to write to.

moto keeps its state in the process: there can be one endpoint at a time.
"""

from __future__ import annotations

from typing import Any, cast

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.events.models import EventsBackend, events_backends
from moto.iam.models import get_account_id_from
from moto.logs.models import LogsBackend, logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import S3Backend, s3_backends
from moto.sns.models import SNSBackend, sns_backends

from bench.serve.control_plane import ServedLambda, bound
from bench.serve.errors import ServiceError
from bench.serve.events_backend import ServedEvents
from bench.serve.log_book import LogEvent
from bench.serve.logs_api import understood
from bench.serve.logs_backend import ServedLogs
from bench.serve.messages import HttpRequest, HttpResponse
from bench.serve.revision import Revision
from bench.serve.s3_backend import ServedS3, encode_keys_as_aws
from bench.serve.services import Services, Target
from bench.serve.sns_backend import ServedSns
from bench.serve.wsgi import call

DEFAULT_REGION = "us-east-1"


class MotoApp:
    """Answers for every service that moto knows."""

    def __init__(self, services: Services) -> None:
        # Every tutorial attaches AWSLambdaBasicExecutionRole to a role.
        default_user_config["iam"] = {"load_aws_managed_policies": True}
        encode_keys_as_aws(True)
        _restart(bound(services), ServedLogs, ServedEvents, ServedSns, ServedS3)
        self._application = DomainDispatcherApplication(_application_of)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Have moto answer."""
        return call(self._application, understood(request), _complete)

    def control_plane(self, account: str, region: str) -> ServedLambda:
        """Lambda in one account and region.

        Raises:
            KeyError: there is no such region.
        """
        backend = lambda_backends[account][region]
        assert isinstance(backend, ServedLambda)
        return backend

    def control_planes(self) -> list[ServedLambda]:
        """Lambda wherever it has been used."""
        # As lists: a call in another thread may use a region for the first time.
        places = [list(regions.values()) for regions in list(lambda_backends.values())]
        return [b for backends in places for b in backends if isinstance(b, ServedLambda)]

    def find_url(self, url_id: str) -> tuple[Target, dict[str, Any]] | None:
        """The target and the configuration of a function URL."""
        for plane in self.control_planes():
            for function in plane.list_functions():
                config = function.url_config
                if config is not None and url_id in config.url:
                    return plane.target(function.function_name, None), config.config
        return None

    def write_log(self, revision: Revision, stream: str, events: list[LogEvent]) -> None:
        """Append to a log stream; it and its group are made where they are missing."""
        backend = logs_backends[revision.account][revision.region]
        backend.ensure_log_group(revision.log_group)
        group = backend.groups[revision.log_group]
        if stream not in group.streams:
            group.create_log_stream(stream)
        group.put_log_events(
            stream, [{"timestamp": e.timestamp_ms, "message": e.message} for e in events]
        )

    def close(self) -> None:
        """Give moto its own backends back, and forget everything."""
        default_user_config["iam"] = {"load_aws_managed_policies": False}
        encode_keys_as_aws(False)
        _restart(LambdaBackend, LogsBackend, EventsBackend, SNSBackend, S3Backend)


def place_of(request: HttpRequest) -> tuple[str, str]:
    """Account and region of a call: from its credential scope, as moto finds them."""
    authorization = request.header("authorization")
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    region = scope[2] if len(scope) == 5 else DEFAULT_REGION
    account = request.header("x-moto-account-id") or get_account_id_from(scope[0])
    return account, region


def _application_of(service: str | None) -> Any:
    """The application of a service.

    Raises:
        ServiceError: moto has no such service.
    """
    if service is None:
        raise ServiceError(
            400, "UnknownOperationException", "this endpoint has no such service, as moto has none"
        )
    return create_backend_app(cast(Any, service))


def _restart(
    lambda_class: type[LambdaBackend],
    logs_class: type[LogsBackend],
    events_class: type[EventsBackend],
    sns_class: type[SNSBackend],
    s3_class: type[S3Backend],
) -> None:
    BackendDict.reset()
    _set_class(lambda_backends, lambda_class)
    _set_class(logs_backends, logs_class)
    _set_class(events_backends, events_class)
    _set_class(sns_backends, sns_class)
    _set_class(s3_backends, s3_class)


def _set_class(backends: Any, made: type[Any]) -> None:
    backends.clear()
    backends.backend = made


def _complete(environ: dict[str, Any], request: HttpRequest) -> None:
    """Metadata of S3 may have underscores, which WSGI cannot tell from dashes: tell moto."""
    names: dict[str, str] = {}
    for name, value in request.headers:
        if should_preserve_original_header_name(name):
            key = environ_key_for_header(name)
            names[key] = name
            environ[key] = value
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = names
