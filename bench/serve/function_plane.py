"""Functions in moto's Lambda, made to run: their versions, states and revisions.

Extension points used: the methods of ``LambdaBackend`` and ``LambdaFunction``.
"""

from __future__ import annotations

import copy
import random
import threading
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from itertools import count
from typing import Any, ClassVar, cast

from moto.awslambda.exceptions import FunctionAlreadyExists, UnknownAliasException
from moto.core.exceptions import JsonRESTError

from bench.emulator.instance import Configuration
from bench.serve.control_function import ServedFunction
from bench.serve.errors import ServiceError
from bench.serve.layer_plane import LayerPlane
from bench.serve.requirements import (
    check_revision,
    check_spec,
    check_update,
    invalid,
    refuse_image,
    split_name,
    split_qualified,
)
from bench.serve.revision import Revision
from bench.serve.runtimes import check_architecture
from bench.serve.services import Target

#: Lambda's default size of /tmp.
_TMP_MB = 512


class FunctionPlane(LayerPlane):
    """Functions of one account and region, with their versions and layers."""

    _serials: ClassVar[count[int]] = count(1)
    _settling: ClassVar[threading.Lock] = threading.Lock()
    #: Held while a name or the number of a version is taken, so that only one call gets it.
    _naming: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.provisioned: dict[tuple[str, str], int] = {}
        self.runtime_management: dict[str, dict[str, Any]] = {}

    # --- finding functions ---------------------------------------------------------------

    def get_function(
        self, function_name_or_arn: str, qualifier: str | None = None
    ) -> ServedFunction:
        """A function or a version of it, with its states brought up to date."""
        name, qualifier = split_qualified(function_name_or_arn, qualifier)
        found = super().get_function(name, qualifier)
        return self._settled(cast(ServedFunction, found))

    def target(self, name_or_arn: str, qualifier: str | None) -> Target:
        """What an invoke of this name meets; aliases choose by their weights.

        Raises:
            ServiceError: the function is not ready for invokes.
        """
        name, qualifier = split_qualified(name_or_arn, qualifier)
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
            arn=self.arn_of(name, qualifier),
            function=function,
        )

    def arn_of(self, name_or_arn: str, qualifier: str | None) -> str:
        """The ARN of a function here by any of its names, whether it exists or not."""
        name, inner = split_name(name_or_arn)
        arn = f"arn:aws:lambda:{self.region_name}:{self.account_id}:function:{name}"
        return f"{arn}:{inner or qualifier}" if inner or qualifier else arn

    def list_functions(self, func_version: str | None = None) -> Iterable[Any]:
        """All functions, or all their versions."""
        groups = list(self._lambdas._functions.values())  # others may be made in the meantime
        latest = [self._settled(cast(ServedFunction, group["latest"])) for group in groups]
        return super().list_functions(func_version) if func_version == "ALL" else latest

    def _settled(self, function: ServedFunction) -> ServedFunction:
        with self._settling:
            replaced = function.settle()
        if replaced is not None:
            self.services.environments.retire(replaced.serial)
        return function

    # --- code and configuration ----------------------------------------------------------

    def create_function(self, spec: dict[str, Any]) -> ServedFunction:
        """Create a function in state Pending; its package is unpacked at once."""
        check_spec(spec)
        function = ServedFunction(self.account_id, spec, self.region_name)  # type: ignore[abstract]
        revision = self._revision(function, "$LATEST")
        function.stage(revision, self.services.settle_s)
        with self._naming:
            if function.function_name in self._lambdas._functions:
                raise FunctionAlreadyExists(function.function_name)
            self._lambdas.put_function(function)
        if not spec.get("Publish"):
            return function
        return self._publish(function, "")

    def update_function_code(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any]:
        """Stage new code; with ``Publish`` also publish it."""
        function = self.get_function(function_name, qualifier)
        function.refuse_while_busy()
        check_revision(function, body)
        check_architecture(body.get("Architectures", function.architectures))
        refuse_image(body)
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
        check_update(function, body)
        function.update_configuration(body)
        function.stage(self._revision(function, "$LATEST"), self.services.settle_s)
        return function.get_configuration()

    def check_publish(self, function_name: str, body: dict[str, Any]) -> None:
        """Refuse to publish other code, or another revision, than the caller has seen."""
        function = self.get_function(function_name)
        function.refuse_while_busy()
        check_revision(function, body)
        wanted = body.get("CodeSha256")
        if wanted and wanted != function.code_sha_256:
            raise invalid(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                f"({function.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
            )

    def publish_version(self, function_name: str, description: str = "") -> ServedFunction:
        """Publish what ``$LATEST`` is; the last version if nothing has changed since."""
        function = self.get_function(function_name)
        function.refuse_while_busy()
        return self._publish(function, description)

    def _publish(self, function: ServedFunction, description: str) -> ServedFunction:
        with self._naming:
            return self._published(function, description)

    def _published(self, function: ServedFunction, description: str) -> ServedFunction:
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
        name, qualifier = split_qualified(function_name, qualifier)
        if qualifier == "$LATEST":
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
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
            layers=tuple(self.layer_tree(layer["Arn"]) for layer in function.layers),
            log_group=logging.get("LogGroup") or f"/aws/lambda/{function.function_name}",
            log_format=logging.get("LogFormat") or "Text",
            traced=function.tracing_config.get("Mode") == "Active",
            ephemeral_storage_mb=(
                None if function.ephemeral_storage == _TMP_MB else function.ephemeral_storage
            ),
            configuration=_configuration(function, version, logging),
        )


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
