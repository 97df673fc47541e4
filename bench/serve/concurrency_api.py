"""Provisioned concurrency, runtime management and account settings: moto has none of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from bench.serve.control_function import ServedFunction
from bench.serve.control_plane import ServedLambda
from bench.serve.environments import Environments
from bench.serve.errors import ServiceError
from bench.serve.messages import HttpRequest, HttpResponse
from bench.serve.requirements import split_name

_JSON = ("Content-Type", "application/json")
_UPDATES = ("Auto", "FunctionUpdate", "Manual")

Planes = Callable[[HttpRequest], ServedLambda]


class ConcurrencyApi:
    """Answers these calls.

    Args:
        planes: gives the control plane that a request is for.
        environments: where provisioned environments are made.
    """

    def __init__(self, planes: Planes, environments: Environments) -> None:
        self._planes = planes
        self._environments = environments

    def put(self, request: HttpRequest, name: str) -> HttpResponse:
        """PutProvisionedConcurrencyConfig; the environments are ready when it returns."""
        plane, function, qualifier = self._qualified(request, name)
        wanted = int(json.loads(request.body)["ProvisionedConcurrentExecutions"])
        if wanted < 1:
            raise _invalid("ProvisionedConcurrentExecutions must be at least 1")
        assert function.deployed is not None, "a published version is deployed at once"
        self._environments.provision(function.deployed, wanted)
        plane.provisioned[(function.function_name, qualifier)] = wanted
        return _answer(202, _config(function, qualifier, wanted))

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        """GetProvisionedConcurrencyConfig, or the list of them with ``List=ALL``."""
        plane = self._planes(request)
        if "List" in parse_qs(request.query):
            bare = split_name(unquote(name))[0]
            found = [
                _config(plane.get_function(bare, qualifier), qualifier, wanted)
                for (function, qualifier), wanted in plane.provisioned.items()
                if function == bare
            ]
            return _answer(200, {"ProvisionedConcurrencyConfigs": found})
        plane, function, qualifier = self._qualified(request, name)
        wanted = plane.provisioned.get((function.function_name, qualifier))
        if wanted is None:
            raise ServiceError(
                404,
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
            )
        return _answer(200, _config(function, qualifier, wanted))

    def delete(self, request: HttpRequest, name: str) -> HttpResponse:
        """DeleteProvisionedConcurrencyConfig."""
        plane, function, qualifier = self._qualified(request, name)
        plane.provisioned.pop((function.function_name, qualifier), None)
        if function.deployed is not None:
            self._environments.provision(function.deployed, 0)
        return HttpResponse(204)

    def put_runtime(self, request: HttpRequest, name: str) -> HttpResponse:
        """PutRuntimeManagementConfig: kept and told again; runtimes here never update themselves.

        Raises:
            ServiceError: ``Manual`` names another runtime version than the one there is.
        """
        plane = self._planes(request)
        function = plane.get_function(unquote(name), _qualifier(request))
        body = json.loads(request.body)
        if body.get("UpdateRuntimeOn") not in _UPDATES:
            raise _invalid(f"UpdateRuntimeOn must be one of {', '.join(_UPDATES)}")
        present = _runtime_arn(function)
        wanted = body.get("RuntimeVersionArn")
        if wanted and wanted != present:
            raise _invalid(f"Runtime version {wanted} is not on this endpoint, which has {present}")
        kept = {"UpdateRuntimeOn": body["UpdateRuntimeOn"], "RuntimeVersionArn": wanted}
        plane.runtime_management[function.function_arn] = kept
        return _answer(200, {**kept, "FunctionArn": function.function_arn})

    def get_runtime(self, request: HttpRequest, name: str) -> HttpResponse:
        """GetRuntimeManagementConfig."""
        plane = self._planes(request)
        function = plane.get_function(unquote(name), _qualifier(request))
        kept = plane.runtime_management.get(function.function_arn, {"UpdateRuntimeOn": "Auto"})
        return _answer(200, {**kept, "FunctionArn": function.function_arn})

    def account(self, request: HttpRequest, _: str) -> HttpResponse:
        """GetAccountSettings."""
        plane = self._planes(request)
        functions: list[Any] = list(plane.list_functions())
        reserved = sum(int(f.reserved_concurrency or 0) for f in functions)
        limit = self._environments.account_limit
        limits = {
            "TotalCodeSize": 322_122_547_200,
            "CodeSizeUnzipped": 262_144_000,
            "CodeSizeZipped": 52_428_800,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit - reserved,
        }
        usage = {
            "TotalCodeSize": sum(f.code_size for f in functions),
            "FunctionCount": len(functions),
        }
        return _answer(200, {"AccountLimit": limits, "AccountUsage": usage})

    def _qualified(
        self, request: HttpRequest, name: str
    ) -> tuple[ServedLambda, ServedFunction, str]:
        plane = self._planes(request)
        bare, inner = split_name(unquote(name))
        qualifier = inner or _qualifier(request)
        if not qualifier or qualifier == "$LATEST":
            raise _invalid("Provisioned Concurrency needs a published version or an alias")
        return plane, plane.get_function(bare, qualifier), qualifier


def _qualifier(request: HttpRequest) -> str | None:
    return parse_qs(request.query).get("Qualifier", [None])[0]


def _config(function: ServedFunction, qualifier: str, wanted: int) -> dict[str, Any]:
    arn = function.function_arn.rpartition(f":{function.version}")[0] or function.function_arn
    return {
        "FunctionArn": f"{arn}:{qualifier}",
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": wanted,
        "AllocatedProvisionedConcurrentExecutions": wanted,
        "Status": "READY",
        "LastModified": time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime()),
    }


def _runtime_arn(function: ServedFunction) -> str:
    config = function.get_configuration().get("RuntimeVersionConfig", {})
    return str(config.get("RuntimeVersionArn", ""))


def _answer(status: int, document: dict[str, Any]) -> HttpResponse:
    return HttpResponse(status, [_JSON], json.dumps(document).encode())


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameterValueException", message)
