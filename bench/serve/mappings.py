"""Event source mappings: a poller for each, which invokes with batches, as Lambda's does.

moto by itself calls a function inside the request that writes a message, one message at a time.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from moto.awslambda.models import EventSourceMapping

from bench.serve.clients import Clients
from bench.serve.control_plane import Target
from bench.serve.destinations import Destinations
from bench.serve.environments import Invoked
from bench.serve.errors import ServiceError
from bench.serve.event_filters import Filter
from bench.serve.stream_records import StreamReader, stream_reader

_WAIT_S = 0.1
_STREAM_WAIT_S = 0.1
_RECEIVE_MAX = 10
#: How many batches of a queue Lambda begins to handle at once.
_QUEUE_BATCHES = 5
_BACKOFF_S = 1.0

Invoke = Callable[[Target, bytes], Invoked]
Resolve = Callable[[str], Target]


class Poller(Protocol):
    """Polls one source until it is told to stop."""

    def run(self, stop: threading.Event) -> None:
        """Poll; returns soon after ``stop`` is set."""


class Mappings:
    """The pollers of all mappings. Thread-safe.

    Args:
        clients: of this endpoint.
        resolve: finds a function by its ARN.
        invoke: runs an event and waits for it.
        destinations: for records of streams that are given up.
        warn: is told what nobody else is.
    """

    def __init__(
        self,
        clients: Clients,
        resolve: Resolve,
        invoke: Invoke,
        destinations: Destinations,
        warn: Callable[[str], None],
    ) -> None:
        self._clients = clients
        self._resolve = resolve
        self._invoke = invoke
        self._destinations = destinations
        self._warn = warn
        self._running: dict[str, tuple[threading.Thread, threading.Event]] = {}
        self._lock = threading.Lock()

    def attach(self, mapping: EventSourceMapping) -> None:
        """Begin to poll."""
        stop = threading.Event()
        thread = threading.Thread(
            target=self._poll, args=(self._poller(mapping), mapping, stop), daemon=True
        )
        with self._lock:
            self._running[mapping.uuid] = (thread, stop)
        thread.start()

    def detach(self, mapping_id: str) -> None:
        """Have the poller of a mapping stop; it may still be inside an invoke."""
        with self._lock:
            found = self._running.pop(mapping_id, None)
        if found is not None:
            found[1].set()

    def close(self) -> None:
        """Stop all pollers; they are daemons, and what they run ends with the environments."""
        with self._lock:
            running, self._running = dict(self._running), {}
        for _, stop in running.values():
            stop.set()

    def _poller(self, mapping: EventSourceMapping) -> Poller:
        call = _Call(mapping, self._resolve, self._invoke)
        service = mapping.event_source_arn.split(":")[2]
        if service == "sqs":
            sqs = self._clients.get("sqs", mapping.account_id, mapping.region)
            return QueuePoller(mapping, sqs, call)
        reader = stream_reader(mapping, self._clients)
        return StreamPoller(mapping, reader, call, self._destinations)

    def _poll(self, poller: Poller, mapping: EventSourceMapping, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                poller.run(stop)
            except Exception as error:
                if not stop.is_set():
                    text = f"{type(error).__name__}: {error}"
                    self._warn(f"polling {mapping.event_source_arn}: {text}")
                stop.wait(_BACKOFF_S)


class _Call:
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


class QueuePoller:
    """SQS: batches are deleted when the function succeeded, and become visible again otherwise."""

    def __init__(self, mapping: EventSourceMapping, sqs: Any, call: _Call) -> None:
        self._mapping = mapping
        self._sqs = sqs
        self._call = call
        self._url = ""

    def run(self, stop: threading.Event) -> None:
        """Receive and hand over until ``stop`` is set."""
        queue = self._mapping.event_source_arn.rpartition(":")[2]
        self._url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        limit = 1 if queue.endswith(".fifo") else self._concurrency()
        places = threading.Semaphore(limit)
        with ThreadPoolExecutor(limit, thread_name_prefix="queue") as workers:
            while not stop.is_set():
                if not self._mapping.enabled:
                    stop.wait(_WAIT_S)
                    continue
                places.acquire()
                batch = self._batch(stop)
                if not batch:
                    places.release()
                    continue
                done = workers.submit(self._handle, batch)
                done.add_done_callback(lambda _: places.release())

    def _concurrency(self) -> int:
        scaling = self._mapping.scaling_config or {}
        return int(scaling.get("MaximumConcurrency", _QUEUE_BATCHES))

    def _batch(self, stop: threading.Event) -> list[dict[str, Any]]:
        """Messages until the batch is full or its window is over."""
        window_s = float(self._mapping.max_batch_window or 0)
        messages: list[dict[str, Any]] = []
        until = 0.0
        while len(messages) < self._mapping.batch_size and not stop.is_set():
            if messages and time.monotonic() >= until:
                break
            answer = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(_RECEIVE_MAX, self._mapping.batch_size - len(messages)),
                WaitTimeSeconds=0 if messages and not window_s else 1,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            received = answer.get("Messages", [])
            if received and not messages:
                until = time.monotonic() + window_s
            messages += received
            if not messages:
                break
        return messages

    def _handle(self, messages: list[dict[str, Any]]) -> None:
        matching = Filter(self._mapping.filter_criteria)
        records = [self._record(message) for message in messages]
        wanted = [record for record in records if matching(record, "body")]
        failed = self._call(wanted) if wanted else set()
        if failed is None:
            failed = {record["messageId"] for record in wanted}
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        attributes = {
            name: {
                "stringValue": value.get("StringValue"),
                "dataType": value["DataType"],
                "stringListValues": [],
                "binaryListValues": [],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        }
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": attributes,
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._mapping.event_source_arn,
            "awsRegion": self._mapping.region,
        }


class StreamPoller:
    """Kinesis and DynamoDB: records in their order; a batch that fails holds up its shard."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        reader: StreamReader,
        call: _Call,
        destinations: Destinations,
    ) -> None:
        self._mapping = mapping
        self._reader = reader
        self._call = call
        self._destinations = destinations

    def run(self, stop: threading.Event) -> None:
        """Read all shards in turn until ``stop`` is set."""
        while not stop.is_set():
            found = False
            if self._mapping.enabled:
                for shard, records in self._reader.read(self._mapping.batch_size):
                    found = True
                    matching = Filter(self._mapping.filter_criteria)
                    wanted = [r for r in records if matching(r, "")]
                    if wanted:
                        self._deliver(shard, wanted, stop)
            if not found:
                stop.wait(_STREAM_WAIT_S)

    def _deliver(self, shard: str, records: list[dict[str, Any]], stop: threading.Event) -> None:
        limit = self._mapping.max_retry_attempts
        attempts = 0
        while not stop.is_set():
            failed = self._call(records)
            if failed is not None and not failed:
                return
            if failed:  # everything before the first failure has been handled
                first = next(
                    (i for i, r in enumerate(records) if self._reader.sequence(r) in failed), 0
                )
                records = records[first:]
            attempts += 1
            if limit is not None and 0 <= limit < attempts:
                self._give_up(shard, records, attempts)
                return
            if self._mapping.bisect_on_error and failed is None and len(records) > 1:
                middle = len(records) // 2
                self._deliver(shard, records[:middle], stop)
                self._deliver(shard, records[middle:], stop)
                return
            stop.wait(min(_BACKOFF_S * 2 ** (attempts - 1), 60.0) * _WAIT_S)

    def _give_up(self, shard: str, records: list[dict[str, Any]], attempts: int) -> None:
        config = self._mapping.destination_config or {}
        arn = config.get("OnFailure", {}).get("Destination")
        if not arn:
            return
        record = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "requestContext": {
                "requestId": self._mapping.uuid,
                "functionArn": self._mapping.function_arn,
                "condition": "RetryAttemptsExhausted",
                "approximateInvokeCount": attempts,
            },
            self._reader.batch_name: {
                "shardId": shard,
                "startSequenceNumber": self._reader.sequence(records[0]),
                "endSequenceNumber": self._reader.sequence(records[-1]),
                "batchSize": len(records),
                "streamArn": self._mapping.event_source_arn,
            },
        }
        self._destinations.deliver(arn, record, detail="Lambda Event Source Mapping Result")
