"""What Lambda's control plane works with, and what an invoke meets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from moto.awslambda.models import EventSourceMapping

from bench.serve.control_function import ServedFunction
from bench.serve.environments import Environments
from bench.serve.packages import PackageStore
from bench.serve.revision import Revision
from bench.serve.runtimes import Runtimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an invoke meets: a revision, and the ARN it was called by."""

    revision: Revision
    arn: str
    function: ServedFunction


class EventSink(Protocol):
    """Where moto's services leave events for functions."""

    def submit(self, arn: str, event: bytes) -> None:
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
