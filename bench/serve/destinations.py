"""Where asynchronous invokes and streams leave records: queue, topic, function, bus, bucket."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.serve.clients import Clients
from bench.serve.environment import Invoked
from bench.serve.services import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an asynchronous invoke ended for good."""

    request_id: str
    event: bytes
    #: ``Success``, ``RetriesExhausted``, ``EventAgeExceeded`` or ``ZeroReservedConcurrency``.
    condition: str
    attempts: int
    #: None if the function never ran.
    invoked: Invoked | None


class Destinations:
    """Delivers records by the clients of this endpoint."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def settle(self, target: Target, outcome: Outcome) -> None:
        """Deliver to what the function has for this outcome: dead-letter queue and destination.

        Raises:
            Exception: whatever a service says against it.
        """
        function = target.function
        success = outcome.condition == "Success"
        dead_letter = function.kept.get("DeadLetterConfig", {}).get("TargetArn")
        if not success and dead_letter:
            self._dead_letter(dead_letter, outcome)
        configs = function.event_invoke_config
        config = configs[0].config if configs else {}
        on = "OnSuccess" if success else "OnFailure"
        arn = (config.get("DestinationConfig") or {}).get(on, {}).get("Destination")
        if arn:
            self.deliver(
                arn,
                record_of(target, outcome),
                detail="Lambda Function Invocation Result",
                folder=f"async/{target.revision.name}",
            )

    def deliver(self, arn: str, record: Mapping[str, Any], *, detail: str, folder: str) -> None:
        """Leave a record at a destination.

        Args:
            arn: of the destination.
            record: what is left there.
            detail: the beginning of the detail type, for a bus.
            folder: below ``aws/lambda`` in a bucket.
        """
        _, _, service, region, account, *rest = arn.split(":")
        text = json.dumps(record)
        if service == "sqs":
            self._send(arn, text, {})
        elif service == "sns":
            sns = self._clients.get("sns", account, region)
            sns.publish(TopicArn=arn, Message=text)
        elif service == "lambda":
            client = self._clients.get("lambda", account, region)
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=text)
        elif service == "events":
            success = record["requestContext"]["condition"] == "Success"
            entry = {
                "Source": "lambda",
                "DetailType": f"{detail} - {'Success' if success else 'Failure'}",
                "Detail": text,
                "EventBusName": rest[0].partition("/")[2],
            }
            self._clients.get("events", account, region).put_events(Entries=[entry])
        elif service == "s3":
            moment = time.strftime("%Y/%m/%d/%Y-%m-%dT%H.%M.%S", time.gmtime())
            key = f"aws/lambda/{folder}/{moment}-{uuid.uuid4()}"
            s3 = self._clients.get("s3", account or "123456789012", region or "us-east-1")
            s3.put_object(Bucket=rest[0], Key=key, Body=text.encode())

    def _dead_letter(self, arn: str, outcome: Outcome) -> None:
        """The event itself, and why it is here in attributes."""
        message = _error_message(outcome)
        attributes = {
            "RequestID": {"DataType": "String", "StringValue": outcome.request_id},
            "ErrorCode": {"DataType": "Number", "StringValue": "200"},
            "ErrorMessage": {"DataType": "String", "StringValue": message[:1024] or "none"},
        }
        _, _, service, region, account, *_ = arn.split(":")
        if service == "sns":
            sns = self._clients.get("sns", account, region)
            sns.publish(TopicArn=arn, Message=outcome.event.decode(), MessageAttributes=attributes)
        else:
            self._send(arn, outcome.event.decode(), attributes)

    def _send(self, arn: str, body: str, attributes: Mapping[str, Any]) -> None:
        *_, region, account, queue = arn.split(":")
        sqs = self._clients.get("sqs", account, region)
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def record_of(target: Target, outcome: Outcome) -> dict[str, Any]:
    """The record that a destination gets: form of AWS, "Adding a destination", version 1.0."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "requestContext": {
            "requestId": outcome.request_id,
            "functionArn": f"{target.revision.arn}:{target.revision.version}",
            "condition": outcome.condition,
            "approximateInvokeCount": outcome.attempts,
        },
        "requestPayload": json.loads(outcome.event),
    }
    if outcome.invoked is not None:
        context = {"statusCode": 200, "executedVersion": target.revision.version}
        if outcome.invoked.answer.function_error is not None:
            context["functionError"] = outcome.invoked.answer.function_error
        record["responseContext"] = context
        record["responsePayload"] = _payload(outcome.invoked)
    return record


def _payload(invoked: Invoked) -> Any:
    try:
        return json.loads(invoked.answer.payload)
    except ValueError:
        return invoked.answer.payload.decode(errors="replace")


def _error_message(outcome: Outcome) -> str:
    if outcome.invoked is None:
        return outcome.condition
    payload = _payload(outcome.invoked)
    return str(payload.get("errorMessage", payload)) if isinstance(payload, dict) else str(payload)
