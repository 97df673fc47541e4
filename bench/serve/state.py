"""What survives a restart with ``--state DIR``: functions, their versions and aliases, and layers.

Not what other services hold, logs, mappings, function URLs, permissions or environments. The file
is written after each call that changes something, aside and renamed; packages are named by digest.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaAlias, Layer, LayerVersion
from moto.core.exceptions import JsonRESTError
from moto.iam.models import iam_backends

from bench.errors import UsageError
from bench.serve.control_function import ServedFunction
from bench.serve.control_plane import ServedLambda
from bench.serve.errors import ServiceError
from bench.serve.moto_app import MotoApp
from bench.serve.packages import PackageStore

_SCHEMA = "coldbench-serve/1"
_ASSUME = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


class State:
    """The state file of a directory. Thread-safe.

    Args:
        directory: ``packages`` in it holds the archives.
        packages: the store in that directory.
        moto: where functions are read from and restored to.
        warn: is told that the file could not be written.
    """

    def __init__(
        self,
        directory: Path,
        packages: PackageStore,
        moto: MotoApp,
        warn: Callable[[str], None],
    ) -> None:
        self._path = directory / "state.json"
        self._packages = packages
        self._moto = moto
        self._warn = warn
        self._lock = threading.Lock()

    def restore(self) -> None:
        """Make what the file has.

        Raises:
            UsageError: the file is damaged, or no state of ours.
        """
        if not self._path.exists():
            return
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
            if document["schema"] != _SCHEMA:
                raise ValueError(f"its schema is {document['schema']!r}")
            for place in document["places"]:
                self._restore(self._moto.control_plane(place["account"], place["region"]), place)
        except (ValueError, KeyError, TypeError, ServiceError, JsonRESTError) as error:
            raise UsageError(
                f"{self._path} cannot be restored: {type(error).__name__}: {error}",
                hint="name another directory, or delete this one to begin anew",
            ) from error

    def save(self) -> None:
        """Write the file; nobody ever sees half of it.

        What has changed has been carried out by now: a file that cannot be written is a warning.
        """
        with self._lock:
            partial = self._path.with_suffix(".partial")
            try:
                self._write(partial)
            except OSError as error:
                partial.unlink(missing_ok=True)
                self._warn(
                    f"{self._path} cannot be written ({error.strerror}): what has changed since "
                    "the last time is lost with this endpoint, unless a later change is written"
                )

    def _write(self, partial: Path) -> None:
        places = [_place(plane) for plane in self._moto.control_planes()]
        kept = [p for p in places if p["functions"] or p["layers"]]
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"schema": _SCHEMA, "places": kept}, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self._path)

    def _restore(self, plane: ServedLambda, place: dict[str, Any]) -> None:
        for layer in place["layers"]:
            self._restore_layer(plane, layer)
        for arn, digest in place.get("layer_packages", {}).items():
            plane.keep_layer(arn, base64.b64decode(self._archive(digest)))
        for group in place["functions"]:
            self._restore_role(plane, group["latest"]["spec"]["Role"])
            latest = self._function(plane, group["latest"])
            latest.published = group["published"]
            latest.published_as = group["published_as"] and tuple(group["published_as"])
            plane.restore(latest, [self._function(plane, v) for v in group["versions"]])
            for alias in group["aliases"]:
                _restore_alias(plane, latest, alias)
            if latest.reserved_concurrency is not None:
                plane.put_function_concurrency(latest.function_name, latest.reserved_concurrency)

    def _function(self, plane: ServedLambda, saved: dict[str, Any]) -> ServedFunction:
        # moto knows no layer that was deleted since.
        code = {"ZipFile": self._archive(saved["code"])}
        spec = {**saved["spec"], "Code": code, "Layers": []}
        function: ServedFunction = ServedFunction(  # type: ignore[abstract]
            plane.account_id, spec, plane.region_name
        )
        function.layers = plane.layer_data(saved["spec"]["Layers"])
        function.reserved_concurrency = saved["reserved"]
        function.version = saved["version"]
        if saved["version"] != "$LATEST":
            function.set_version(int(saved["version"]))
        for config in saved["asynchronous"]:
            function.event_invoke_config = []
            plane.set_event_invoke_config(function, config)
        return function

    def _restore_layer(self, plane: ServedLambda, saved: dict[str, Any]) -> None:
        spec = {**saved["spec"], "Content": {"ZipFile": self._archive(saved["code"])}}
        version = LayerVersion(  # type: ignore[abstract]
            spec, plane.account_id, plane.region_name
        )
        layers = plane._layers._layers
        layer = layers.setdefault(version.name, Layer(version))
        layer._latest_version = saved["version"] - 1
        layer.attach_version(version)

    def _archive(self, digest: str) -> str:
        archive = self._packages.archive(digest)
        if archive is None:
            raise ValueError(f"the package {digest} is missing")
        return base64.b64encode(archive).decode()

    def _restore_role(self, plane: ServedLambda, arn: str) -> None:
        """Lambda refuses a function whose role does not exist, and IAM is not kept."""
        backend = iam_backends[plane.account_id][plane.partition]
        path, _, name = arn.partition(":role")[2].rpartition("/")
        if not any(role.name == name for role in backend.roles.values()):
            backend.create_role(name, _ASSUME, f"{path}/", None, "", [], None)


def _place(plane: ServedLambda) -> dict[str, Any]:
    return {
        "account": plane.account_id,
        "region": plane.region_name,
        "functions": [_group(plane, f) for f in _served(plane.list_functions())],
        "layers": [
            _layer(version)
            for layer in list(plane._layers._layers.values())
            for version in list(layer.layer_versions.values())
        ],
        "layer_packages": plane.layer_packages(),
    }


def _group(plane: ServedLambda, latest: ServedFunction) -> dict[str, Any]:
    # Another thread may delete the function meanwhile; that call writes the file once more.
    group = plane._lambdas._functions.get(latest.function_name, {"versions": []})
    aliases = list(plane._lambdas._aliases.get(latest.function_arn, {}).values())
    return {
        "latest": _saved(latest),
        "versions": [_saved(v) for v in list(group["versions"])],
        "aliases": [alias.to_json() for alias in aliases],
        "published": latest.published,
        "published_as": latest.published_as,
    }


def _saved(function: ServedFunction) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "FunctionName": function.function_name,
        "Runtime": function.run_time,
        "Handler": function.handler,
        "Role": function.role,
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory_size,
        "Environment": {"Variables": function.environment_vars},
        "Architectures": function.architectures,
        "EphemeralStorage": {"Size": function.ephemeral_storage},
        "Layers": [layer["Arn"] for layer in function.layers],
        "TracingConfig": function.tracing_config,
        "Tags": dict(function.tags),
        **function.kept,
    }
    return {
        "spec": spec,
        "version": str(function.version),
        "code": sha256(function.code_bytes).hexdigest(),
        "reserved": function.reserved_concurrency,
        "asynchronous": [config.config for config in function.event_invoke_config],
    }


def _layer(version: LayerVersion) -> dict[str, Any]:
    spec = {
        "LayerName": version.name,
        "Description": version.description,
        "CompatibleArchitectures": version.compatible_architectures,
        "CompatibleRuntimes": version.compatible_runtimes,
        "LicenseInfo": version.license_info,
    }
    digest = sha256(version.code_bytes).hexdigest()
    return {"spec": spec, "version": version.version, "code": digest}


def _restore_alias(plane: ServedLambda, latest: ServedFunction, saved: dict[str, Any]) -> None:
    alias: LambdaAlias = plane._lambdas.put_alias(
        saved["Name"],
        latest.function_name,
        saved["FunctionVersion"],
        saved["Description"],
        saved["RoutingConfig"],
    )
    alias.revision_id = saved["RevisionId"]


def _served(functions: Iterable[Any]) -> list[ServedFunction]:
    return [f for f in functions if isinstance(f, ServedFunction)]
