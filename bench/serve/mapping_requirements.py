"""What Lambda refuses of an event source mapping."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from bench.serve.control_function import ServedFunction
from bench.serve.errors import ServiceError
from bench.serve.requirements import invalid

_ARN_PARTS = 6
_SOURCES = ("sqs", "kinesis", "dynamodb")
_BATCH_MAX = 10_000
#: Of FIFO queues, and of standard queues without a batch window.
_QUEUE_BATCH_MAX = 10


def check_mapping(
    spec: dict[str, Any],
    function: ServedFunction,
    arn: str,
    present: Iterable[EventSourceMapping],
) -> None:
    """Check what CreateEventSourceMapping is asked for.

    Args:
        spec: the request.
        function: that the mapping is for.
        arn: of the function as it was named, with its qualifier.
        present: the mappings that there are.

    Raises:
        ServiceError: 400, with the value; 409, there is such a mapping.
    """
    source = spec.get("EventSourceArn", "")
    check_batch_size(source, spec)
    _check_source(source, function)
    for mapping in list(present):
        if (mapping.event_source_arn, mapping.function_arn) == (source, arn):
            raise ServiceError(
                409,
                "ResourceConflictException",
                f'The event source arn ("{source}") and function ("{arn}") provided mapping '
                f"already exists. Please update or delete the existing mapping with UUID "
                f"{mapping.uuid}",
            )


def check_batch_size(
    source: str,
    spec: dict[str, Any],
    *,
    size: int | None = None,
    window_s: int | None = None,
) -> None:
    """Check the batch size of a source; ``size`` and ``window_s`` hold where ``spec`` has none.

    Raises:
        ServiceError: 400, with the size.
    """
    size = spec.get("BatchSize", size)
    if size is None:
        return
    if not isinstance(size, int):
        raise invalid(f"BatchSize {size!r} is not a number")
    fifo = source.endswith(".fifo")
    largest = _QUEUE_BATCH_MAX if fifo else _BATCH_MAX
    if not 1 <= size <= largest:
        raise invalid(f"BatchSize {size} is not in [1, {largest}]")
    window_s = spec.get("MaximumBatchingWindowInSeconds", window_s)
    if _service(source) == "sqs" and size > _QUEUE_BATCH_MAX and not window_s:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {_QUEUE_BATCH_MAX}"
        )


def _service(source: str) -> str:
    parts = source.split(":")
    if len(parts) < _ARN_PARTS or parts[2] not in _SOURCES:
        raise invalid(f"Unrecognized event source: `{source}`; there are {', '.join(_SOURCES)}")
    return parts[2]


def _check_source(source: str, function: ServedFunction) -> None:
    service, account, region = _service(source), function.account_id, function.region
    if service == "sqs":
        _check_queue(source, function)
        return
    if service == "kinesis":
        known = [stream.arn for stream in list(kinesis_backends[account][region].streams.values())]
    else:
        streams = dynamodbstreams_backends[account][region].list_streams()
        known = [stream["StreamArn"] for stream in streams]
    if source not in known:
        raise invalid(f"Stream not found: {source}")


def _check_queue(source: str, function: ServedFunction) -> None:
    queues: list[Any] = list(sqs_backends[function.account_id][function.region].queues.values())
    queue = next((q for q in queues if q.queue_arn == source), None)
    if queue is None:
        raise invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: "
            "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
            f"not exist: {source}"
        )
    visible_s, timeout_s = int(queue.visibility_timeout), int(function.timeout)
    if visible_s < timeout_s:
        raise invalid(
            f"Queue visibility timeout: {visible_s} seconds is less than Function timeout: "
            f"{timeout_s} seconds"
        )
