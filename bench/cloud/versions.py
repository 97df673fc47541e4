"""What makes the next invoke of a copy a cold start: a new version, or a new environment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bench.cloud.control import CONFLICTS, ControlPlane, is_presence
from bench.cloud.copies import Copy
from bench.cloud.faults import stopped

Method = Literal["version", "environment"]

#: Versions that have been sampled are deleted when together they have this much code: the quota
#: is 75 GB or more, and is shared with everything else in the region.
CODE_KEPT_BYTES = 8_000_000_000
_LATEST = "$LATEST"
#: The variable that the environment method changes; the function need not look at it.
MARKER_VARIABLE = "COLDBENCH_SAMPLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """Something that nobody has invoked yet."""

    copy: Copy
    #: What to invoke: an alias, or None for ``$LATEST``.
    qualifier: str | None
    #: The version that must have executed it.
    version: str


class Versions:
    """Prepares fresh versions of one copy at a time; a copy's calls are never concurrent."""

    def __init__(self, plane: ControlPlane, method: Method = "version") -> None:
        self._plane = plane
        self._method = method
        self._lock = threading.Lock()
        self._locks: dict[str, threading.RLock] = {}
        self._current: list[Fresh] = []
        self._used: list[Fresh] = []
        self._kept_bytes = 0

    def lock(self, copy: Copy) -> threading.RLock:
        """Held by whoever changes a copy's configuration."""
        with self._lock:
            return self._locks.setdefault(copy.name, threading.RLock())

    def prepare(self, copy: Copy, label: str) -> Fresh:
        """Make the next invoke a cold start. ``label`` is unique in the run and a valid alias.

        Raises:
            Stopped: Lambda does not do it.
        """
        with self.lock(copy):
            if self._method == "environment":
                return self._changed(copy, label)
            return self._version(copy, label)

    def _version(self, copy: Copy, label: str) -> Fresh:
        self._configure(copy, Description=f"sample {label}")
        published = self._publish(copy)
        version = str(published["Version"])
        fresh = Fresh(copy=copy, qualifier=label, version=version)
        with self._lock:
            self._current.append(fresh)
            self._kept_bytes += int(published.get("CodeSize", 0))
        self._plane.wait("function_active_v2", FunctionName=copy.name, Qualifier=version)
        self._alias(copy, label, version)
        if copy.provisioned:
            self._provision(copy, label)
        return fresh

    def retire(self, fresh: Fresh) -> None:
        """Say that a version is not needed any more; it goes when room is needed."""
        if fresh.copy.provisioned:
            self._plane.call(
                "lambda",
                "delete_provisioned_concurrency_config",
                absent_ok=True,
                FunctionName=fresh.copy.name,
                Qualifier=fresh.qualifier,
            )

    def end_round(self) -> None:
        """Say that all versions so far have been sampled; when they are many, they go."""
        with self._lock:
            self._used += self._current
            self._current = []
        if self._kept_bytes > CODE_KEPT_BYTES:
            self.remove_used()

    def remove_used(self) -> None:
        """Delete the versions of earlier rounds, which frees their code storage."""
        with self._lock:
            used, self._used, self._kept_bytes = self._used, [], 0
        call: Callable[..., Any] = self._plane.call
        for fresh in used:
            function = {"FunctionName": fresh.copy.name}
            call("lambda", "delete_alias", absent_ok=True, Name=fresh.qualifier, **function)
            call("lambda", "delete_function", absent_ok=True, Qualifier=fresh.version, **function)

    def _changed(self, copy: Copy, label: str) -> Fresh:
        variables = {**copy.environment, MARKER_VARIABLE: label}
        self._configure(copy, Environment={"Variables": variables})
        return Fresh(copy=copy, qualifier=None, version=_LATEST)

    def _configure(self, copy: Copy, **changes: Any) -> None:
        self._plane.call(
            "lambda", "update_function_configuration", FunctionName=copy.name, **changes
        )
        self._plane.wait("function_updated_v2", FunctionName=copy.name)

    def _publish(self, copy: Copy) -> dict[str, Any]:
        """Publish; a repeated call gives the same version, as nothing has changed since.

        Raises:
            Stopped: among others, when the code storage is full without our old versions too.
        """
        from botocore.exceptions import ClientError

        full = ("CodeStorageExceededException",)
        try:
            published = self._plane.call(
                "lambda", "publish_version", final=full, FunctionName=copy.name
            )
        except ClientError:
            self.remove_used()
            published = self._plane.call("lambda", "publish_version", FunctionName=copy.name)
        assert published is not None, "only absence gives None, and it was not allowed"
        return published

    def _alias(self, copy: Copy, name: str, version: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self._plane.call(
                "lambda",
                "create_alias",
                final=CONFLICTS,
                FunctionName=copy.name,
                Name=name,
                FunctionVersion=version,
            )
        except ClientError as error:
            if not is_presence(error):
                raise stopped(error, f"alias {name}", self._plane.account.redact) from None
            self._plane.call(
                "lambda",
                "update_alias",
                FunctionName=copy.name,
                Name=name,
                FunctionVersion=version,
            )

    def _provision(self, copy: Copy, alias: str) -> None:
        self._plane.call(
            "lambda",
            "put_provisioned_concurrency_config",
            FunctionName=copy.name,
            Qualifier=alias,
            ProvisionedConcurrentExecutions=1,
        )
        self._plane.wait("provisioned_concurrency_ready", FunctionName=copy.name, Qualifier=alias)
