"""What becomes of asynchronous invokes: retries, dead-letter queues, destinations."""

from __future__ import annotations

import json

import pytest

from .conftest import Aws
from .events import queue, received, storing

pytestmark = pytest.mark.live


def test_a_failed_event_is_tried_twice_more_and_then_left_where_it_should(aws: Aws) -> None:
    """Three runs; then the event is in the dead-letter queue and a record at the destination."""
    letters, letters_arn = queue(aws, "letters")
    records, records_arn = queue(aws, "records")
    name, bucket = storing(aws, FAIL="1")
    client = aws.client("lambda")
    client.update_function_configuration(
        FunctionName=name, DeadLetterConfig={"TargetArn": letters_arn}
    )
    aws.settle(name)
    client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": records_arn}}
    )

    accepted = client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')
    letter, record = received(aws, letters), json.loads(received(aws, records)["Body"])

    assert accepted["StatusCode"] == 202
    assert len(aws.objects(bucket, 3)) == 3
    assert json.loads(letter["Body"]) == {"n": 1}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "on purpose"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["requestId"] == accepted["ResponseMetadata"]["RequestId"]


def succeed(aws: Aws, destination: str) -> None:
    name = aws.deploy("def handler(e, c): return {'done': True}")
    client = aws.client("lambda")
    client.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": destination}}
    )
    client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 1}')


def test_a_bucket_gets_the_record_of_a_success(aws: Aws) -> None:
    """An object below aws/lambda/async with request and response."""
    bucket = aws.bucket()
    succeed(aws, f"arn:aws:s3:::{bucket}")

    (record,) = map(json.loads, aws.objects(bucket, 1, prefix="aws/lambda/async/f-"))

    assert (record["requestPayload"], record["responsePayload"]) == ({"n": 1}, {"done": True})


def test_a_bus_gets_the_record_of_a_success_as_detail(aws: Aws) -> None:
    """A rule on the bus finds it by the source and detail type that AWS gives."""
    events = aws.client("events")
    bus = events.create_event_bus(Name="results")["EventBusArn"]
    url, arn = queue(aws, "from-the-bus")
    pattern = {"source": ["lambda"], "detail-type": ["Lambda Function Invocation Result - Success"]}
    events.put_rule(Name="results", EventBusName="results", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="results", EventBusName="results", Targets=[{"Id": "1", "Arn": arn}])
    succeed(aws, bus)

    event = json.loads(received(aws, url)["Body"])

    assert event["detail"]["responsePayload"] == {"done": True}
