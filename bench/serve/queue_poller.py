"""The poller of a mapping whose source is an SQS queue."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from moto.awslambda.models import EventSourceMapping

from bench.serve.batch import BatchCall
from bench.serve.event_filters import Filter

_WAIT_S = 0.1
_RECEIVE_MAX = 10
#: How many batches of a queue Lambda begins to handle at once.
_QUEUE_BATCHES = 5


class QueuePoller:
    """SQS: batches are deleted when the function succeeded, and become visible again otherwise."""

    def __init__(self, mapping: EventSourceMapping, sqs: Any, call: BatchCall) -> None:
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
