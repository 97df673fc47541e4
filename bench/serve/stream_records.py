"""Records of Kinesis and DynamoDB streams, shard by shard, in the form that functions get."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from moto.awslambda.models import EventSourceMapping

from bench.serve.clients import Clients

Batch = tuple[str, list[dict[str, Any]]]


class StreamReader(Protocol):
    """Reads a stream from where a mapping begins."""

    #: What a batch is called in the record of a failure.
    batch_name: str

    def read(self, limit: int) -> Iterator[Batch]:
        """The next records of each shard that has some."""

    def sequence(self, record: dict[str, Any]) -> str:
        """The sequence number of a record."""


def stream_reader(mapping: EventSourceMapping, clients: Clients) -> StreamReader:
    """The reader for the source of a mapping."""
    account, region = mapping.account_id, mapping.region
    if mapping.event_source_arn.split(":")[2] == "kinesis":
        return KinesisReader(mapping, clients.get("kinesis", account, region))
    return TableReader(mapping, clients.get("dynamodbstreams", account, region))


class KinesisReader:
    """Records of a Kinesis data stream."""

    batch_name = "KinesisBatchInfo"

    def __init__(self, mapping: EventSourceMapping, client: Any) -> None:
        self._mapping = mapping
        self._client = client
        self._iterators: dict[str, str] = {}

    def read(self, limit: int) -> Iterator[Batch]:
        """The next records of each shard that has some."""
        arn = self._mapping.event_source_arn
        for shard in self._client.list_shards(StreamARN=arn)["Shards"]:
            name = shard["ShardId"]
            if name not in self._iterators:
                self._iterators[name] = self._iterator(name)
            answer = self._records(name, limit)
            self._iterators[name] = answer["NextShardIterator"]
            if answer["Records"]:
                yield name, [self._record(name, r) for r in answer["Records"]]

    def _records(self, shard: str, limit: int) -> Any:
        return self._client.get_records(
            StreamARN=self._mapping.event_source_arn,
            ShardIterator=self._iterators[shard],
            Limit=limit,
        )

    def sequence(self, record: dict[str, Any]) -> str:
        """The sequence number of a record."""
        return str(record["kinesis"]["sequenceNumber"])

    def _iterator(self, shard: str) -> str:
        position: dict[str, Any] = {"ShardIteratorType": self._mapping.starting_position}
        if self._mapping.starting_position == "AT_TIMESTAMP":
            position["Timestamp"] = self._mapping.starting_position_timestamp
        arn = self._mapping.event_source_arn
        answer = self._client.get_shard_iterator(StreamARN=arn, ShardId=shard, **position)
        return str(answer["ShardIterator"])

    def _record(self, shard: str, record: dict[str, Any]) -> dict[str, Any]:
        number = record["SequenceNumber"]
        return {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": number,
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "",
            "awsRegion": self._mapping.region,
            "eventSourceARN": self._mapping.event_source_arn,
        }


class TableReader:
    """Records of the stream of a DynamoDB table."""

    batch_name = "DDBStreamBatchInfo"

    def __init__(self, mapping: EventSourceMapping, client: Any) -> None:
        self._mapping = mapping
        self._client = client
        self._iterators: dict[str, str] = {}

    def read(self, limit: int) -> Iterator[Batch]:
        """The next records of each shard that has some."""
        arn = self._mapping.event_source_arn
        for shard in self._client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            name = shard["ShardId"]
            if name not in self._iterators:
                self._iterators[name] = self._client.get_shard_iterator(
                    StreamArn=arn, ShardId=name, ShardIteratorType=self._mapping.starting_position
                )["ShardIterator"]
            answer = self._client.get_records(ShardIterator=self._iterators[name], Limit=limit)
            self._iterators[name] = answer["NextShardIterator"]
            if answer["Records"]:
                yield name, [self._record(r) for r in answer["Records"]]

    def sequence(self, record: dict[str, Any]) -> str:
        """The sequence number of a record."""
        return str(record["dynamodb"]["SequenceNumber"])

    def _record(self, record: dict[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(json.dumps(record, default=_plain))
        plain["eventSourceARN"] = self._mapping.event_source_arn
        return plain


def _plain(value: object) -> Any:
    """Times as seconds, binary values in base64: as DynamoDB itself sends them."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
