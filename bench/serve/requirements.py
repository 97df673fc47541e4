"""What Lambda refuses of a request, and the names by which requests mean functions."""

from __future__ import annotations

import re
from typing import Any

from bench.emulator.variables import (
    MAX_USER_BYTES,
    impossible_names,
    reserved_names,
    size_bytes,
)
from bench.serve.control_function import ServedFunction
from bench.serve.errors import ServiceError
from bench.serve.runtimes import check_architecture, check_runtime, check_snap_start
from bench.subjects import MEMORY_MAX_MB, MEMORY_MIN_MB

_TIMEOUT_MAX_S = 900
_NAME_MAX = 64
#: As Lambda words what :func:`impossible_names` checks.
_VARIABLE_WORDS = "[a-zA-Z]([a-zA-Z0-9_])+"
_ALIAS = re.compile("(?!^[0-9]+$)[a-zA-Z0-9-_]{1,128}")
_ARN = re.compile(
    r"(?:arn:[\w-]+:lambda:(?P<region>[\w-]+):)?(?:(?P<account>\d{12}):function:|function:)?"
    r"(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


def split_name(name_or_arn: str) -> tuple[str, str | None]:
    """Name and qualifier of any form in which the API takes a function.

    Raises:
        ServiceError: it is none.
    """
    found = _ARN.fullmatch(name_or_arn)
    if found is None:
        raise unfit(f"`{name_or_arn}` is neither a function's name nor its ARN")
    if len(found["name"]) > _NAME_MAX:
        raise unfit(
            f"Value '{found['name']}' at 'functionName' failed to satisfy constraint: Member must "
            f"have length less than or equal to {_NAME_MAX}"
        )
    return found["name"], found["qualifier"]


def split_qualified(name_or_arn: str, qualifier: str | None) -> tuple[str, str | None]:
    """Name and qualifier, where the qualifier may be part of the name, or given apart.

    Raises:
        ServiceError: it is both, and they differ.
    """
    name, inner = split_name(name_or_arn)
    if inner and qualifier and inner != qualifier:
        raise invalid(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return name, inner or qualifier


def check_spec(spec: dict[str, Any]) -> None:
    """Check what CreateFunction is asked for.

    Raises:
        ServiceError: 400, with the value.
    """
    if not spec.get("FunctionName"):
        raise invalid("Missing FunctionName")
    split_name(spec["FunctionName"])
    refuse_image(spec.get("Code", {}))
    check_architecture(spec.get("Architectures", ["x86_64"]))
    if not spec.get("Handler") or not spec.get("Runtime"):
        raise invalid("Runtime and Handler are mandatory parameters for functions in zip archives")
    check_runtime(spec["Runtime"])
    check_snap_start(spec["Runtime"], spec.get("SnapStart"))
    check_values(spec)


def check_update(function: ServedFunction, body: dict[str, Any]) -> None:
    """Check what UpdateFunctionConfiguration is asked for.

    Raises:
        ServiceError: 400, with the value; 412, another revision.
    """
    check_revision(function, body)
    runtime = body.get("Runtime") or function.run_time or ""
    if body.get("Runtime"):
        check_runtime(runtime)
    check_snap_start(runtime, body.get("SnapStart", function.kept.get("SnapStart")))
    check_values(body)


def check_values(values: dict[str, Any]) -> None:
    """Check what can be configured: memory, timeout and variables.

    Raises:
        ServiceError: 400, with the value.
    """
    memory = values.get("MemorySize", MEMORY_MIN_MB)
    if not MEMORY_MIN_MB <= memory <= MEMORY_MAX_MB:
        raise invalid(f"'MemorySize' value {memory} is not in [{MEMORY_MIN_MB}, {MEMORY_MAX_MB}]")
    timeout = values.get("Timeout", 3)
    if not 1 <= timeout <= _TIMEOUT_MAX_S:
        raise invalid(f"'Timeout' value {timeout} is not in [1, {_TIMEOUT_MAX_S}]")
    check_variables(values.get("Environment", {}).get("Variables", {}))


def check_variables(variables: dict[str, str]) -> None:
    """Check names and size of environment variables.

    Raises:
        ServiceError: 400, with the names.
    """
    trouble = "Lambda was unable to configure your environment variables because the environment "
    if size_bytes(variables) > MAX_USER_BYTES:
        raise invalid(f"{trouble}variables you have provided exceeded the 4KB limit.")
    reserved = reserved_names(variables)
    if reserved:
        raise invalid(
            f"{trouble}variables you have provided contains reserved keys that are currently not "
            f"supported for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    impossible = impossible_names(variables)
    if impossible:
        raise unfit(
            f"{', '.join(impossible)} at 'environment.variables' failed to satisfy constraint: Map "
            f"keys must satisfy regular expression pattern: {_VARIABLE_WORDS}"
        )


def check_alias(name: str, version: str, routing: dict[str, Any] | None) -> None:
    """Check the name of an alias, and that only published versions share its invokes.

    Raises:
        ServiceError: 400, with the value.
    """
    if not _ALIAS.fullmatch(name):
        raise unfit(
            f"Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular "
            f"expression pattern: {_ALIAS.pattern}"
        )
    weights: dict[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if weights and "$LATEST" in (version, *weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if version in weights:
        raise invalid(f"Function version {version} is already included in routing configuration.")
    if any(not 0 <= weight <= 1 for weight in weights.values()):
        raise unfit(f"{weights} at 'additionalVersionWeights' is not within [0, 1]")


def check_revision(function: ServedFunction, body: dict[str, Any]) -> None:
    """Refuse a change of another revision than the caller has seen.

    Raises:
        ServiceError: 412.
    """
    wanted = body.get("RevisionId")
    if wanted and wanted != function.revision_id:
        raise ServiceError(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id.",
        )


def refuse_image(code: dict[str, Any]) -> None:
    """Refuse container images.

    Raises:
        ServiceError: 400.
    """
    if "ImageUri" in code:
        raise invalid("Container images do not run on this endpoint; deploy a zip archive here")


def unfit(message: str) -> ServiceError:
    """What Lambda answers to a value that its model of the API excludes."""
    return ServiceError(400, "ValidationException", f"1 validation error detected: {message}")


def invalid(message: str) -> ServiceError:
    """What Lambda answers to a value that it cannot use."""
    return ServiceError(400, "InvalidParameterValueException", message)
