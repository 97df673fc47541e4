"""The poller of a mapping whose source is a Kinesis or DynamoDB stream."""

from __future__ import annotations

import threading
import time
from typing import Any

from moto.awslambda.models import EventSourceMapping

from bench.serve.batch import BatchCall
from bench.serve.destinations import Destinations
from bench.serve.event_filters import Filter
from bench.serve.stream_records import StreamReader

_WAIT_S = 0.1
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MAX_S = 6.0


class StreamPoller:
    """Kinesis and DynamoDB: records in their order; a batch that fails holds up its shard."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        reader: StreamReader,
        call: BatchCall,
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
                stop.wait(_WAIT_S)

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
            if self._mapping.bisect_on_error and failed is None and len(records) > 1:
                # On AWS too, splitting does not count as a retry.
                middle = len(records) // 2
                self._deliver(shard, records[:middle], stop)
                self._deliver(shard, records[middle:], stop)
                return
            attempts += 1
            if limit is not None and 0 <= limit < attempts:
                self._give_up(shard, records, attempts)
                return
            stop.wait(min(_BACKOFF_FIRST_S * 2 ** (attempts - 1), _BACKOFF_MAX_S))

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
        self._destinations.deliver(
            arn,
            record,
            detail="Lambda Event Source Mapping Result",
            folder=f"{self._mapping.uuid}/{shard}",
        )
