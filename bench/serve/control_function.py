"""A function as moto's control plane keeps it, with the states that moto leaves out.

While ``State`` is ``Pending``, or ``LastUpdateStatus`` is ``InProgress``, the new revision is
*staged*: invokes still meet the old one. The states follow the clock at each look; nothing runs
in the background.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from moto.awslambda.exceptions import UnknownLayerVersionException
from moto.awslambda.models import FunctionUrlConfig, LambdaFunction
from moto.awslambda.utils import get_backend

from bench.serve.errors import ServiceError
from bench.serve.revision import Revision

#: What a published version is compared by: everything of a configuration but its identity.
_IDENTITY = {
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RevisionId",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
}
#: Members of a configuration that moto drops, kept as they were given.
_KEPT = ("DeadLetterConfig", "FileSystemConfigs", "LoggingConfig", "SnapStart", "KMSKeyArn")


class ServedFunction(LambdaFunction):
    """A function, or one version of it, and the revision that its invokes meet."""

    def __init__(
        self, account_id: str, spec: dict[str, Any], region: str, version: str | int = "$LATEST"
    ) -> None:
        super().__init__(account_id, spec, region, version)
        self.kept: dict[str, Any] = {name: spec[name] for name in _KEPT if name in spec}
        self.revision_id = str(uuid.uuid4())
        self.last_modified = _now()
        self.deployed: Revision | None = None
        self.staged: Revision | None = None
        self.ready_at = 0.0
        self.code_url = ""
        self.endpoint_url = ""
        #: What the last published version was made from, and how many were published so far.
        self.published_as: tuple[str, str] | None = None
        self.published = 0

    def stage(self, revision: Revision, settle_s: float) -> None:
        """Have ``revision`` take effect after ``settle_s`` seconds."""
        self.staged = revision
        self.ready_at = time.monotonic() + settle_s
        self.revision_id = str(uuid.uuid4())

    def settle(self) -> Revision | None:
        """Let a staged revision take effect if it is time; returns the one that it replaces."""
        if self.staged is None or time.monotonic() < self.ready_at:
            return None
        before, self.deployed, self.staged = self.deployed, self.staged, None
        return before

    def refuse_while_busy(self) -> None:
        """Refuse what Lambda does not allow before an earlier change has taken effect.

        Raises:
            ServiceError: 409.
        """
        if self.staged is None:
            return
        arn = self.function_arn
        if self.deployed is None:
            text = "The function is currently in the following state: Pending"
        else:
            text = f"An update is in progress for resource: {arn}"
        raise ServiceError(
            409,
            "ResourceConflictException",
            f"The operation cannot be performed at this time. {text}",
        )

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """The configuration with its states and what moto leaves out."""
        config = dict(super().get_configuration(on_create))
        config |= self.kept
        if "SnapStart" in self.kept:
            snapped = self.deployed is not None and self.deployed.configuration.snap_start
            status = "On" if snapped else "Off"
            config["SnapStart"] = {**self.kept["SnapStart"], "OptimizationStatus": status}
        config["RevisionId"] = self.revision_id
        config["LoggingConfig"] = {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{self.function_name}",
            **self.kept.get("LoggingConfig", {}),
        }
        active = self.deployed is not None
        config["State"] = "Active" if active else "Pending"
        if not active:
            config["StateReason"] = "The function is being created."
            config["StateReasonCode"] = "Creating"
        updating = active and self.staged is not None
        config["LastUpdateStatus"] = "InProgress" if updating else "Successful"
        if updating:
            config["LastUpdateStatusReason"] = "The function is being created."
            config["LastUpdateStatusReasonCode"] = "Creating"
        shown = self.deployed or self.staged
        if shown is not None:
            config["RuntimeVersionConfig"] = {"RuntimeVersionArn": shown.runtime_arn}
        return {name: value for name, value in config.items() if value is not None}

    def get_code(self) -> dict[str, Any]:
        """The answer to GetFunction; the code can be downloaded from this endpoint."""
        answer: dict[str, Any] = super().get_code()
        answer["Code"] = {"RepositoryType": "S3", "Location": self.code_url}
        if self.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return answer

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Take over new values, also of members that moto passes over."""
        super().update_configuration(config_updates)
        self.kept |= {name: config_updates[name] for name in _KEPT if name in config_updates}
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        if "TracingConfig" in config_updates:
            self.tracing_config = config_updates["TracingConfig"]
        self.last_modified = _now()
        return self.get_configuration()

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """Take over new code."""
        if "Architectures" in updated_spec:
            self.architectures = updated_spec["Architectures"]
        super().update_function_code(updated_spec)
        self.last_modified = _now()
        return self.get_configuration()

    def invoke(self, body: str, request_headers: Any, response_headers: Any) -> bytes:
        """What S3's notifications and subscriptions to logs call: invoke asynchronously."""
        version = str(self.version)
        get_backend(self.account_id, self.region).invoke(
            self.function_name, version, body, request_headers, response_headers
        )
        return b""

    def _get_layers_data(self, layers_versions_arns: list[str]) -> list[Any]:
        try:
            found: list[Any] = super()._get_layers_data(layers_versions_arns)
        except UnknownLayerVersionException:
            raise ServiceError(
                400,
                "InvalidParameterValueException",
                f"A layer version does not exist: {', '.join(layers_versions_arns)}",
            ) from None
        return found

    def create_url_config(self, config: dict[str, Any]) -> FunctionUrlConfig:
        """A function URL; it is a path of this endpoint.

        Raises:
            ServiceError: 409, there is one.
        """
        if self.url_config is not None:
            raise ServiceError(
                409,
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {self.function_arn}]. "
                "Error message: FunctionUrlConfig exists for this Lambda function",
            )
        made = super().create_url_config(config)
        made.config.setdefault("InvokeMode", "BUFFERED")
        made.url = f"{self.endpoint_url}/lambda-url/{uuid.uuid4().hex}/"
        return made

    @property
    def fingerprint(self) -> str:
        """Equal for two states of a function between which nothing to publish has changed."""
        config = self.get_configuration()
        return json.dumps({k: v for k, v in config.items() if k not in _IDENTITY}, sort_keys=True)


def _now() -> str:
    seconds, ns = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{ns // 1_000_000:03}+0000", time.gmtime(seconds))
