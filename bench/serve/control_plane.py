"""moto's Lambda, made to run code: its backend with our functions instead of Docker's.

The class goes into ``moto.awslambda.models.lambda_backends``: what moto's other services ask for
Lambda by.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from moto.awslambda.models import EventInvokeConfig, EventSourceMapping, LambdaAlias

from bench.serve.control_function import ServedFunction
from bench.serve.errors import ServiceError
from bench.serve.function_plane import FunctionPlane
from bench.serve.mapping_requirements import check_batch_size, check_mapping
from bench.serve.requirements import check_alias, invalid, split_name
from bench.serve.services import Services


class ServedLambda(FunctionPlane):
    """Lambda in one account and region. Bound to its services by :func:`bound`."""

    # --- aliases and permissions ---------------------------------------------------------

    def create_alias(
        self,
        name: str,
        function_name: str,
        function_version: str,
        description: str,
        routing_config: Any,
    ) -> LambdaAlias:
        """Create an alias.

        Raises:
            ServiceError: 400, it cannot be; 409, there is one.
        """
        check_alias(name, function_version, routing_config)
        function = self.get_function(function_name)
        if any(alias.name == name for alias in self.list_aliases(function.function_name)):
            arn = self.arn_of(function.function_name, name)
            raise ServiceError(409, "ResourceConflictException", f"Alias already exists: {arn}")
        return super().create_alias(
            name, function_name, function_version, description, routing_config
        )

    def update_alias(
        self,
        name: str,
        function_name: str,
        function_version: Any,
        description: Any,
        routing_config: Any,
    ) -> LambdaAlias:
        """Change the members that are given."""
        present = self.get_alias(name, function_name)
        version = function_version or present.function_version
        routing: Any = present.routing_config if routing_config is None else routing_config
        check_alias(name, version, routing)
        return super().update_alias(name, function_name, version, description, routing)

    def add_permission(self, function_name: str, qualifier: Any, raw: str) -> dict[str, Any]:
        """Add a statement to a policy; of one qualifier, each has a name of its own."""
        wanted = json.loads(raw).get("StatementId")
        function = self.get_function(function_name, qualifier)
        end = f":{qualifier or function.function_name}"
        for statement in function.policy.statements:
            if statement.get("Sid") == wanted and statement["Resource"].endswith(end):
                raise ServiceError(
                    409,
                    "ResourceConflictException",
                    f"The statement id ({wanted}) provided already exists. Please provide a new "
                    "statement id, or remove the existing statement.",
                )
        return super().add_permission(function_name, qualifier, raw)

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
            raise invalid(
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
        """Create a mapping that polls, as Lambda does, in place of moto's call at each write.

        Raises:
            ServiceError: 400, it cannot be; 409, there is one.
        """
        name, qualifier = split_name(spec.get("FunctionName", ""))
        function = self.get_function(name, qualifier)
        arn = self.arn_of(name, qualifier)
        check_mapping(spec, function, arn, self._event_source_mappings.values())
        mapping = super().create_event_source_mapping(
            {**spec, "FunctionName": f"{name}:{qualifier}" if qualifier else name}
        )
        _take_off_source(mapping)
        mapping.function_arn = arn
        mapping.function_name = name
        if self.services.sink is not None:
            self.services.sink.attach(mapping)
        return mapping

    def update_event_source_mapping(
        self, uuid: str, spec: dict[str, Any]
    ) -> EventSourceMapping | None:
        """Change the members that are given."""
        mapping = self.get_event_source_mapping(uuid)
        if mapping is not None:
            check_batch_size(
                mapping.event_source_arn,
                spec,
                size=mapping.batch_size,
                window_s=mapping.max_batch_window,
            )
        return super().update_event_source_mapping(uuid, spec)

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

    def _submit(self, name: str, qualifier: str | None, body: str | bytes) -> None:
        if self.services.sink is not None:
            event = body.encode() if isinstance(body, str) else body
            self.services.sink.submit(self.arn_of(name, qualifier), event)


def bound(given: Services) -> type[ServedLambda]:
    """The backend class for these services: moto makes its instances, by account and region."""

    class BoundLambda(ServedLambda):
        services = given

    return BoundLambda


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
