"""A deployed function: code and configuration as its environments are made from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.emulator.deployment import Deployment
from bench.emulator.instance import Configuration
from bench.emulator.processes import ProcessOrder
from bench.serve.runtimes import Engine
from bench.subjects import CpuMode, Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One state of one version of a function. A new one means new environments: cold starts."""

    #: Unique in the life of the endpoint.
    serial: int
    account: str
    region: str
    name: str
    #: ``$LATEST`` or a number.
    version: str
    handler: str
    engine: Engine
    memory_mb: int
    timeout_s: float
    tree: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    #: The unpacked layers in their order.
    layers: tuple[Path, ...] = ()
    log_group: str = ""
    #: ``Text`` or ``JSON``.
    log_format: str = "Text"
    #: Whether X-Ray tracing is active: REPORT has a trace id then.
    traced: bool = False
    #: The size of ``/tmp`` where it is not Lambda's default, which is not enforced here.
    ephemeral_storage_mb: int | None = None
    configuration: Configuration = field(default_factory=Configuration)

    @property
    def function_key(self) -> tuple[str, str, str]:
        """What concurrency is counted by: the function, whatever its version."""
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        """Without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def runtime_arn(self) -> str:
        """What is told as the ARN of the runtime version; it names what really runs."""
        return f"arn:aws:lambda:{self.region}::runtime:{self.engine.version.replace(':', '-')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedDeployment(Deployment):
    """A deployment that knows account, region and version, and where AWS is: this endpoint."""

    revision: Revision
    endpoint_url: str
    log_stream: str

    def process_order(self, *args: Any, **places: Any) -> ProcessOrder:
        """The process of a new environment; see :class:`Deployment`."""
        order = Deployment.process_order(self, *args, **places)
        revision = self.revision
        own = {
            "AWS_REGION": revision.region,
            "AWS_DEFAULT_REGION": revision.region,
            "AWS_LAMBDA_FUNCTION_VERSION": revision.version,
            "AWS_LAMBDA_LOG_GROUP_NAME": revision.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
        }
        # A function may point its own SDK elsewhere, as on Lambda.
        environment = {"AWS_ENDPOINT_URL": self.endpoint_url, **order.environment, **own}
        return replace(order, environment=environment)


def deployment_of(
    revision: Revision, *, endpoint_url: str, log_stream: str, cpu_mode: CpuMode
) -> ServedDeployment:
    """What one environment of ``revision`` is made from."""
    return ServedDeployment(
        function=Function(
            id=f"{revision.engine.kind}/{revision.name}",
            runtime=revision.engine.kind,
            directory=revision.tree,
            handler=revision.handler,
            events=(),
            memory_mb=revision.memory_mb,
            timeout_s=revision.timeout_s,
            environment=revision.environment,
        ),
        handler=revision.handler,
        tree=revision.tree,
        memory_mb=revision.memory_mb,
        cpu_mode=cpu_mode,
        python=revision.engine.python,
        log_format=revision.log_format,
        layers=revision.layers,
        ephemeral_storage_mb=revision.ephemeral_storage_mb,
        revision=revision,
        endpoint_url=endpoint_url,
        log_stream=log_stream,
    )
