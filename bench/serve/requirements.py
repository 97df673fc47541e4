"""What Lambda refuses of a request, and the names by which requests mean functions."""

from __future__ import annotations

import re
from typing import Any

from bench.emulator.variables import MAX_USER_BYTES
from bench.serve.control_function import ServedFunction
from bench.serve.errors import ServiceError
from bench.serve.runtimes import check_architecture
from bench.subjects import MEMORY_MAX_MB, MEMORY_MIN_MB

_TIMEOUT_MAX_S = 900
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
        raise ServiceError(
            400, "ValidationException", f"`{name_or_arn}` is neither a function's name nor its ARN"
        )
    return found["name"], found["qualifier"]


def check_spec(spec: dict[str, Any]) -> None:
    """Check what CreateFunction is asked for.

    Raises:
        ServiceError: 400, with the value.
    """
    if not spec.get("FunctionName"):
        raise invalid("Missing FunctionName")
    refuse_image(spec.get("Code", {}))
    check_architecture(spec.get("Architectures", ["x86_64"]))
    if not spec.get("Handler") or not spec.get("Runtime"):
        raise invalid("Runtime and Handler are mandatory parameters for functions in zip archives")
    check_values(spec)


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
    variables = values.get("Environment", {}).get("Variables", {})
    if sum(len(k.encode()) + len(v.encode()) for k, v in variables.items()) > MAX_USER_BYTES:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit."
        )


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


def invalid(message: str) -> ServiceError:
    """What Lambda answers to a value that it cannot use."""
    return ServiceError(400, "InvalidParameterValueException", message)
