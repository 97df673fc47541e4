"""One batch of an event source mapping: an invoke, and which of its records have failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from moto.awslambda.models import EventSourceMapping

from bench.serve.environment import Invoked
from bench.serve.errors import ServiceError
from bench.serve.services import Target

Invoke = Callable[[Target, bytes], Invoked]
Resolve = Callable[[str], Target]


class BatchCall:
    """Invokes the function of a mapping with records."""

    def __init__(self, mapping: EventSourceMapping, resolve: Resolve, invoke: Invoke) -> None:
        self._mapping = mapping
        self._resolve = resolve
        self._invoke = invoke

    def __call__(self, records: Sequence[dict[str, Any]]) -> set[str] | None:
        """The identifiers of the records that failed; None if the batch failed as a whole."""
        target = self._resolve(self._mapping.function_arn)
        event = json.dumps({"Records": list(records)}).encode()
        try:
            answer = self._invoke(target, event).answer
        except ServiceError as error:
            if error.status < 429:
                raise
            return None

        if answer.function_error is not None:
            return None
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or ()):
            return set()
        return _failed_items(answer.payload)


def _failed_items(payload: bytes) -> set[str] | None:
    """What a function says with ReportBatchItemFailures; nonsense means that all have failed."""
    try:
        answer = json.loads(payload)
        items = (answer or {}).get("batchItemFailures") or []
        return {item["itemIdentifier"] for item in items}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
