"""moto's Lambda, made to run code: its backend with our functions instead of Docker's.

Extension points used: the class in ``moto.awslambda.models.lambda_backends`` (what moto's other
services ask for Lambda by), and the methods of ``LambdaBackend`` and ``LambdaFunction``.
"""

from __future__ import annotations

import copy
import json
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

from moto.awslambda import urls
from moto.awslambda.exceptions import UnknownAliasException
from moto.awslambda.models import EventInvokeConfig, EventSourceMapping, LambdaBackend
from moto.core.exceptions import JsonRESTError

from bench.emulator.instance import Configuration
from bench.emulator.variables import MAX_USER_BYTES
from bench.model import MEMORY_MAX_MB, MEMORY_MIN_MB
from bench.serve.control_function import ServedFunction
from bench.serve.environments import Environments
from bench.serve.errors import ServiceError
from bench.serve.packages import PackageStore
from bench.serve.revision import Revision
from bench.serve.runtimes import Runtimes, check_architecture

_TIMEOUT_MAX_S = 900
#: Lambda's default size of /tmp.
_TMP_MB = 512
_ARN = re.compile(
    r"(?:arn:[\w-]+:lambda:(?P<region>[\w-]+):)?(?:(?P<account>\d{12}):function:|function:)?"
    r"(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an invoke meets: a revision, and the ARN it was called by."""

    revision: Revision
    arn: str
    function: ServedFunction


class EventSink(Protocol):
    """Where moto's services leave events for functions."""

    def submit(self, target: Target, event: bytes) -> None:
        """Invoke asynchronously, as S3, SNS and EventBridge do."""

    def attach(self, mapping: EventSourceMapping) -> None:
        """Begin to poll the source of a mapping."""

    def detach(self, mapping_id: str) -> None:
        """Stop polling it."""


@dataclass(slots=True, kw_only=True)
class Services:
    """What the control plane works with."""

    packages: PackageStore
    runtimes: Runtimes
    environments: Environments
    endpoint_url: Callable[[], str]
    settle_s: float
    sink: EventSink | None = None


class ServedLambda(LambdaBackend):
    """Lambda in one account and region. Bound to its services by :func:`bound`."""

    services: ClassVar[Services]
    _serials: ClassVar[count[int]] = count(1)
    _settling: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._layer_trees: dict[str, Path] = {}
        self.provisioned: dict[tuple[str, str], int] = {}
        self.runtime_management: dict[str, dict[str, Any]] = {}

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    # --- finding functions ---------------------------------------------------------------

    def get_function(
        self, function_name_or_arn: str, qualifier: str | None = None
    ) -> ServedFunction:
        """A function or a version of it, with its states brought up to date."""
        name, inner = split_name(function_name_or_arn)
        found = super().get_function(name, inner or qualifier)
        return self._settled(cast(ServedFunction, found))

    def target(self, name_or_arn: str, qualifier: str | None) -> Target:
        """What an invoke of this name meets; aliases choose by their weights.

        Raises:
            ServiceError: the function is not ready for invokes.
        """
        name, inner = split_name(name_or_arn)
        qualifier = inner or qualifier
        arn = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{name}"
        version = qualifier
        if qualifier and qualifier != "$LATEST" and not qualifier.isdigit():
            with suppress(UnknownAliasException):
                alias = self.get_alias(qualifier, name)
                version = _weighted(alias.function_version, alias.routing_config)
        try:
            function = self.get_function(name, version)
        except JsonRESTError as error:
            raise ServiceError(error.code, error.error_type, error.message) from None
        if function.deployed is None:
            function.refuse_while_busy()
        assert function.deployed is not None, "a function is either staged or deployed"
        return Target(
            revision=function.deployed,
            arn=f"{arn}:{qualifier}" if qualifier else arn,
            function=function,
        )

    def list_functions(self, func_version: str | None = None) -> Iterable[Any]:
        """All functions, or all their versions."""
        for latest in self._lambdas.latest():
            self._settled(cast(ServedFunction, latest))
        return super().list_functions(func_version)

    def _settled(self, function: ServedFunction) -> ServedFunction:
        with self._settling:
            replaced = function.settle()
        if replaced is not None:
            self.services.environments.retire(replaced.serial)
        return function

    # --- code and configuration ----------------------------------------------------------

    def create_function(self, spec: dict[str, Any]) -> ServedFunction:
        """Create a function in state Pending; its package is unpacked at once."""
        _check_spec(spec)
        function = ServedFunction(self.account_id, spec, self.region_name)  # type: ignore[abstract]
        revision = self._revision(function, "$LATEST")
        self._lambdas.put_function(function)
        function.stage(revision, self.services.settle_s)
        if not spec.get("Publish"):
            return function
        return self._publish(function, "")

    def update_function_code(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Stage new code; with ``Publish`` also publish it."""
        function = self.get_function(function_name, qualifier)
        function.refuse_while_busy()
        _check_revision(function, body)
        check_architecture(body.get("Architectures", function.architectures))
        _refuse_image(body)
        if body.get("DryRun"):
            return function.get_configuration()
        function.update_function_code(body)
        function.stage(self._revision(function, "$LATEST"), self.services.settle_s)
        if body.get("Publish"):
            return self._publish(function, "").get_configuration()
        return function.get_configuration()

    def update_function_configuration(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Stage a new configuration."""
        function = self.get_function(function_name, qualifier)
        function.refuse_while_busy()
        _check_revision(function, body)
        _check_values(body)
        function.update_configuration(body)
        function.stage(self._revision(function, "$LATEST"), self.services.settle_s)
        return function.get_configuration()

    def publish_version(self, function_name: str, description: str = "") -> ServedFunction:
        """Publish what ``$LATEST`` is; the last version if nothing has changed since."""
        function = self.get_function(function_name)
        function.refuse_while_busy()
        return self._publish(function, description)

    def _publish(self, function: ServedFunction, description: str) -> ServedFunction:
        name = function.function_name
        fingerprint = function.fingerprint
        if function.published_as is not None and function.published_as[0] == fingerprint:
            with suppress(JsonRESTError):  # it has been deleted since
                return self.get_function(name, function.published_as[1])
        function.published += 1
        version = copy.copy(function)
        version.kept = dict(function.kept)
        version.tags = {}
        version.event_invoke_config = []
        version.url_config = None
        version.set_version(function.published)
        if description:
            version.description = description
        number = str(function.published)
        version.deployed = None
        version.stage(self._revision(version, number), 0.0)
        version.settle()
        self._lambdas._functions[name]["versions"].append(version)
        self._lambdas._arns[version.function_arn] = version
        function.published_as = (fingerprint, number)
        return version

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a version, or the function with all of them; their environments end."""
        name, inner = split_name(function_name)
        qualifier = inner or qualifier
        if qualifier == "$LATEST":
            raise _invalid("$LATEST version cannot be deleted without deleting the function.")
        gone = [self.get_function(name, qualifier)]
        if qualifier is None:
            gone += self._lambdas._functions[name]["versions"]
            self.services.environments.reserve((self.account_id, self.region_name, name), None)
        elif any(a.function_version == qualifier for a in self.list_aliases(name)):
            raise ServiceError(
                409, "ResourceConflictException", f"An alias points to version {qualifier}"
            )
        super().delete_function(name, qualifier)
        for version in gone:
            for revision in (version.deployed, version.staged):
                if revision is not None:
                    self.services.environments.retire(revision.serial)
        for key in [k for k in self.provisioned if k[0] == name and qualifier in (None, k[1])]:
            del self.provisioned[key]

    def restore(self, latest: ServedFunction, versions: Iterable[ServedFunction]) -> None:
        """Take over a function and its versions as they were; all are Active."""
        self._lambdas.put_function(latest)
        for function in (latest, *versions):
            function.stage(self._revision(function, str(function.version)), 0.0)
            function.settle()
            if function is not latest:
                self._lambdas._functions[latest.function_name]["versions"].append(function)
                self._lambdas._arns[function.function_arn] = function

    def _revision(self, function: ServedFunction, version: str) -> Revision:
        services = self.services
        logging = function.kept.get("LoggingConfig", {})
        tree = services.packages.add(function.code_bytes)
        digest = sha256(function.code_bytes).hexdigest()
        function.endpoint_url = services.endpoint_url()
        function.code_url = f"{function.endpoint_url}/_coldbench/code/{digest}.zip"
        return Revision(
            serial=next(self._serials),
            account=self.account_id,
            region=self.region_name,
            name=function.function_name,
            version=version,
            handler=function.handler or "bootstrap",
            engine=services.runtimes.engine(function.run_time),
            memory_mb=int(function.memory_size),
            timeout_s=float(function.timeout),
            tree=tree,
            environment=dict(function.environment_vars),
            layers=tuple(self._layer_tree(layer["Arn"]) for layer in function.layers),
            log_group=logging.get("LogGroup") or f"/aws/lambda/{function.function_name}",
            log_format=logging.get("LogFormat") or "Text",
            traced=function.tracing_config.get("Mode") == "Active",
            ephemeral_storage_mb=(
                None if function.ephemeral_storage == _TMP_MB else function.ephemeral_storage
            ),
            configuration=_configuration(function, version, logging),
        )

    def _layer_tree(self, arn: str) -> Path:
        """A layer, unpacked; one that a function has stays usable after its deletion."""
        if arn not in self._layer_trees:
            layer = self.layers_versions_by_arn(arn)
            if layer is None:
                raise _invalid(f"Layer version {arn} does not exist.")
            self._layer_trees[arn] = self.services.packages.add(layer.code_bytes)
        return self._layer_trees[arn]

    # --- concurrency and asynchronous invokes --------------------------------------------

    def put_function_concurrency(self, function_name: str, reserved_concurrency: Any) -> Any:
        """Reserve concurrency; a tenth of the account's, at most 100, stays unreserved."""
        wanted = int(reserved_concurrency)
        limit = self.services.environments.account_limit
        floor = min(100, limit // 10)
        others = sum(
            int(f.reserved_concurrency or 0)
            for f in self.list_functions()
            if f.function_name != split_name(function_name)[0]
        )
        if wanted and limit - others - wanted < floor:
            raise _invalid(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{floor}]."
            )
        function = self.get_function(function_name)
        function.reserved_concurrency = wanted
        self._reserve(function, wanted)
        return wanted

    def delete_function_concurrency(self, function_name: str) -> Any:
        """Lift the reservation."""
        self._reserve(self.get_function(function_name), None)
        return super().delete_function_concurrency(function_name)

    def _reserve(self, function: ServedFunction, concurrency: int | None) -> None:
        key = (self.account_id, self.region_name, function.function_name)
        self.services.environments.reserve(key, concurrency)

    def put_function_event_invoke_config(
        self, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace the configuration of asynchronous invokes; moto only ever adds to them."""
        return self.set_event_invoke_config(self.get_function(function_name), config)

    def set_event_invoke_config(
        self, function: ServedFunction, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace the configuration of asynchronous invokes of a function or version."""
        made = EventInvokeConfig(function.function_arn, time.time(), config)  # type: ignore[arg-type]
        function.event_invoke_config = [made]
        return made.response()

    def update_function_event_invoke_config(
        self, function_name: str, config: dict[str, Any]
    ) -> dict[str, Any]:
        """Change the members that are given."""
        existing = self.get_function(function_name).event_invoke_config
        before = existing[0].config if existing else {}
        return self.put_function_event_invoke_config(function_name, {**before, **config})

    # --- events of other services --------------------------------------------------------

    def create_event_source_mapping(self, spec: dict[str, Any]) -> EventSourceMapping:
        """Create a mapping that polls, as Lambda does, in place of moto's call at each write."""
        name, qualifier = split_name(spec.get("FunctionName", ""))
        mapping = super().create_event_source_mapping(
            {**spec, "FunctionName": f"{name}:{qualifier}" if qualifier else name}
        )
        _take_off_source(mapping)
        arn = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{name}"
        mapping.function_arn = f"{arn}:{qualifier}" if qualifier else arn
        mapping.function_name = name
        if self.services.sink is not None:
            self.services.sink.attach(mapping)
        return mapping

    def list_event_source_mappings(
        self, event_source_arn: str, function_name: str
    ) -> Iterable[EventSourceMapping]:
        """The mappings of a source, a function, or all."""
        name = split_name(function_name)[0] if function_name else function_name
        return super().list_event_source_mappings(event_source_arn, name)

    def delete_event_source_mapping(self, uuid: str) -> EventSourceMapping | None:
        """Delete a mapping and stop its poller."""
        if self.services.sink is not None:
            self.services.sink.detach(uuid)
        return super().delete_event_source_mapping(uuid)

    def invoke(
        self,
        function_name: str,
        qualifier: str | None,
        body: Any,
        headers: Any,
        response_headers: Any,
    ) -> bytes:
        """What other services of moto call: EventBridge, S3, logs; all invoke asynchronously."""
        self._submit(function_name, qualifier, body)
        return b""

    def send_sns_message(
        self,
        function_name: str,
        message: str,
        subject: str | None = None,
        qualifier: str | None = None,
    ) -> None:
        """Invoke with the record of a notification.

        moto hands on neither topic nor attributes: the topic is that whose subscription has the
        function's ARN, and the attributes are empty.
        """
        arn = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{function_name}"
        endpoint = f"{arn}:{qualifier}" if qualifier else arn
        subscription, topic = _subscription(self.account_id, self.region_name, endpoint)
        notification: dict[str, Any] = {
            "Type": "Notification",
            "MessageId": str(uuid.uuid4()),
            "TopicArn": topic,
            "Subject": subject,
            "Message": message,
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "SignatureVersion": "1",
            "Signature": "none",
            "SigningCertUrl": "",
            "UnsubscribeUrl": "",
            "MessageAttributes": {},
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "Sns": notification,
        }
        self._submit(function_name, qualifier, json.dumps({"Records": [record]}))

    def _submit(self, name: str, qualifier: str | None, body: str | bytes) -> None:
        if self.services.sink is not None:
            event = body.encode() if isinstance(body, str) else body
            self.services.sink.submit(self.target(name, qualifier), event)


def bound(given: Services) -> type[ServedLambda]:
    """The backend class for these services: moto makes its instances, by account and region."""

    class BoundLambda(ServedLambda):
        services = given

    return BoundLambda


def split_name(name_or_arn: str) -> tuple[str, str | None]:
    """Name and qualifier of any form in which the API takes a function.

    Raises:
        ServiceError: it is none.
    """
    found = _ARN.fullmatch(name_or_arn)
    if found is None:
        raise ServiceError(
            400, "ValidationException", f"`{name_or_arn}` is neither a function's name nor its ARN"
        )
    return found["name"], found["qualifier"]


def _configuration(
    function: ServedFunction, version: str, logging: dict[str, Any]
) -> Configuration:
    """SnapStart is of published versions, and here of Python only."""
    wanted = function.kept.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    managed = (function.run_time or "").startswith("python")
    return Configuration(
        snap_start=wanted and managed and version != "$LATEST",
        application_level=logging.get("ApplicationLogLevel") or "INFO",
        system_level=logging.get("SystemLogLevel") or "INFO",
    )


def _weighted(version: str, routing: Any) -> str:
    """The version for one invoke of an alias: another one with the probability of its weight."""
    dice = random.random()
    for other, weight in ((routing or {}).get("AdditionalVersionWeights") or {}).items():
        if dice < weight:
            return str(other)
        dice -= weight
    return version


def _check_spec(spec: dict[str, Any]) -> None:
    if not spec.get("FunctionName"):
        raise _invalid("Missing FunctionName")
    _refuse_image(spec.get("Code", {}))
    check_architecture(spec.get("Architectures", ["x86_64"]))
    if not spec.get("Handler") or not spec.get("Runtime"):
        raise _invalid("Runtime and Handler are mandatory parameters for functions in zip archives")
    _check_values(spec)


def _check_values(values: dict[str, Any]) -> None:
    memory = values.get("MemorySize", MEMORY_MIN_MB)
    if not MEMORY_MIN_MB <= memory <= MEMORY_MAX_MB:
        raise _invalid(f"'MemorySize' value {memory} is not in [{MEMORY_MIN_MB}, {MEMORY_MAX_MB}]")
    timeout = values.get("Timeout", 3)
    if not 1 <= timeout <= _TIMEOUT_MAX_S:
        raise _invalid(f"'Timeout' value {timeout} is not in [1, {_TIMEOUT_MAX_S}]")
    variables = values.get("Environment", {}).get("Variables", {})
    if sum(len(k.encode()) + len(v.encode()) for k, v in variables.items()) > MAX_USER_BYTES:
        raise _invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit."
        )


def _check_revision(function: ServedFunction, body: dict[str, Any]) -> None:
    wanted = body.get("RevisionId")
    if wanted and wanted != function.revision_id:
        raise ServiceError(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id.",
        )


def _refuse_image(code: dict[str, Any]) -> None:
    if "ImageUri" in code:
        raise _invalid("Container images do not run on this endpoint; deploy a zip archive here")


def _take_off_source(mapping: EventSourceMapping) -> None:
    """Keep moto from calling the function itself, inside the request that writes an event."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.kinesis.models import kinesis_backends
    from moto.sqs.models import sqs_backends

    account, region = mapping.account_id, mapping.region
    sources: list[Any] = [*sqs_backends[account][region].queues.values()]
    sources += dynamodb_backends[account][region].tables.values()
    sources += kinesis_backends[account][region].streams.values()
    for source in sources:
        attached = source.lambda_event_source_mappings
        for key in [k for k, m in attached.items() if m is mapping]:
            del attached[key]


def _subscription(account: str, region: str, endpoint: str) -> tuple[str, str]:
    """ARNs of the subscription of a function and of its topic; empty if there is none."""
    from moto.sns.models import sns_backends

    for subscription in list(sns_backends[account][region].subscriptions.values()):
        if subscription.endpoint == endpoint:
            return subscription.arn, subscription.topic.arn
    return "", ""


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameterValueException", message)
