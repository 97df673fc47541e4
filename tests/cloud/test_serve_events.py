"""Events of other services, asynchronous invokes and what becomes of them."""

from __future__ import annotations

import base64
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bench.build import BuildCache, build_matrix
from bench.config import user_cache
from bench.functions import load_function, recipes

from .conftest import Aws

pytestmark = pytest.mark.live

FUNCTIONS = Path(__file__).parents[2] / "py_functions"
ACCOUNT = "123456789012"

#: Stores each event it gets as an object of the bucket OUT.
STORE = """
import boto3, json, os, uuid
s3 = boto3.client("s3")
def handler(event, context):
    s3.put_object(Bucket=os.environ["OUT"], Key=uuid.uuid4().hex, Body=json.dumps(event).encode())
    if os.environ.get("FAIL"):
        raise ValueError("on purpose")
    return {"ok": True}
"""


def storing(aws: Aws, **environment: str) -> tuple[str, str]:
    """A function that stores its events, and the bucket where."""
    bucket = aws.bucket()
    variables = {"OUT": bucket, **environment}
    return aws.deploy(STORE, Environment={"Variables": variables}), bucket


def arn_of(name: str) -> str:
    return f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"


def queue(aws: Aws, name: str) -> tuple[str, str]:
    url = aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def received(aws: Aws, url: str) -> dict[str, Any]:
    answer = aws.client("sqs").receive_message(
        QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"]
    )
    message: dict[str, Any] = answer["Messages"][0]
    return message


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


def test_sns_invokes_with_its_record(aws: Aws) -> None:
    """A message published to a topic reaches the function that is subscribed."""
    name, bucket = storing(aws)
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of(name))
    sns.publish(TopicArn=topic, Message="hello", Subject="about")

    (event,) = map(json.loads, aws.objects(bucket, 1))
    notification = event["Records"][0]["Sns"]

    assert (notification["Message"], notification["Subject"]) == ("hello", "about")
    assert notification["TopicArn"] == topic


def test_eventbridge_invokes_the_targets_of_a_rule(aws: Aws) -> None:
    """An event that matches comes with its detail, another one does not come."""
    name, bucket = storing(aws)
    events = aws.client("events")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["mine"]}))
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn_of(name)}])
    for source in ("theirs", "mine"):
        events.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": '{"x": 1}'}])

    (event,) = map(json.loads, aws.objects(bucket, 1))

    assert (event["source"], event["detail"]) == ("mine", {"x": 1})


def test_kinesis_records_come_in_order_and_filtered(aws: Aws) -> None:
    """Records that match the filter, base64 in the event, by the order of the shard."""
    name, bucket = storing(aws)
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="stream", ShardCount=1)
    for number in range(4):
        data = json.dumps({"n": number, "keep": number % 2}).encode()
        kinesis.put_record(StreamName="stream", PartitionKey="p", Data=data)
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/stream",
        FunctionName=name,
        StartingPosition="TRIM_HORIZON",
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"data": {"keep": [1]}})}]},
    )

    (event,) = map(json.loads, aws.objects(bucket, 1))
    data = [json.loads(base64.b64decode(r["kinesis"]["data"])) for r in event["Records"]]

    assert [item["n"] for item in data] == [1, 3]


def test_the_stream_of_a_table_invokes_with_images(aws: Aws) -> None:
    """An item that is put comes as INSERT with its new image."""
    name, bucket = storing(aws)
    dynamodb = aws.client("dynamodb")
    table = dynamodb.create_table(
        TableName="table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=table["LatestStreamArn"], FunctionName=name, StartingPosition="TRIM_HORIZON"
    )
    dynamodb.put_item(TableName="table", Item={"id": {"S": "a"}})

    (event,) = map(json.loads, aws.objects(bucket, 1))
    record = event["Records"][0]

    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "a"}}


def test_items_that_a_function_names_as_failed_come_again(aws: Aws) -> None:
    """ReportBatchItemFailures: only the failed message becomes visible again."""
    url, arn = queue(aws, "partial")
    source = STORE.replace(
        'return {"ok": True}',
        'bad = [r for r in event["Records"] if r["body"] == "bad"]\n'
        '    again = [r for r in bad if r["attributes"]["ApproximateReceiveCount"] == "1"]\n'
        '    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in again]}',
    )
    bucket = aws.bucket()
    name = aws.deploy(source, Environment={"Variables": {"OUT": bucket}})
    sqs = aws.client("sqs")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=name, FunctionResponseTypes=["ReportBatchItemFailures"]
    )

    events = [json.loads(event) for event in aws.objects(bucket, 2)]
    bodies = sorted(record["body"] for event in events for record in event["Records"])

    assert bodies == ["bad", "bad", "good"]


def shipped(function: str, tmp_path: Path, **files: str) -> bytes:
    """The package of a shipped function as coldbench builds it, with further files."""
    loaded = load_function(FUNCTIONS / function)
    variant = next(v for v in recipes(loaded) if v.id == "eager")
    cache = BuildCache(user_cache(_environ()))
    result = build_matrix([(loaded, variant)], cache=cache, prove_reproducible=False)
    tree = tmp_path / function
    shutil.copytree(result.artifacts[0].tree_path, tree, symlinks=True)
    for name, text in files.items():
        (tree / name.replace("__", ".")).write_text(text)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(p for p in tree.rglob("*") if p.is_file()):
            opened.write(path, path.relative_to(tree))
    return archive.getvalue()


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


#: Messages of SQS as requests of the storage function, which has no mapping of its own.
FROM_QUEUE = """
import json
from eager import handler as store
def handler(event, context):
    for record in event["Records"]:
        result = json.loads(record["body"])["responsePayload"]["results"][0]
        if "thumbnail" in result:
            store({"action": "put", "id": "thumbnail-1", "title": result["thumbnail"],
                   "text": json.dumps(result), "replace": True}, context)
"""


def test_an_image_goes_from_s3_through_two_shipped_functions(aws: Aws, tmp_path: Path) -> None:
    """S3 → thumbnail → (destination) SQS → storage: a thumbnail in S3, a document in DynamoDB."""
    images, documents = aws.bucket(), aws.bucket()
    _, done_arn = queue(aws, "done")
    dynamodb, client, s3 = aws.client("dynamodb"), aws.client("lambda"), aws.client("s3")
    dynamodb.create_table(
        TableName="documents",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    thumbnail = aws.deploy(
        "", Code={"ZipFile": shipped("thumbnail", tmp_path)}, Handler="eager.handler"
    )
    storage = aws.deploy(
        "",
        Code={"ZipFile": shipped("storage", tmp_path, from_queue__py=FROM_QUEUE)},
        Handler="from_queue.handler",
        Environment={"Variables": {"BUCKET": documents, "TABLE": "documents"}},
    )
    client.put_function_event_invoke_config(
        FunctionName=thumbnail, DestinationConfig={"OnSuccess": {"Destination": done_arn}}
    )
    client.create_event_source_mapping(EventSourceArn=done_arn, FunctionName=storage)
    s3.put_bucket_notification_configuration(
        Bucket=images,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": arn_of(thumbnail), "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )
    event = json.loads((FUNCTIONS / "thumbnail/events/used.json").read_text())
    s3.put_object(Bucket=images, Key="photo.png", Body=base64.b64decode(event["image"]))

    (text,) = aws.objects(documents, 1)
    item = dynamodb.get_item(TableName="documents", Key={"id": {"S": "thumbnail-1"}})["Item"]

    assert json.loads(text)["thumbnail"] == "thumbnails/photo.png"
    assert item["title"] == {"S": "thumbnails/photo.png"}
    assert len(aws.objects(images, 1, prefix="thumbnails/")) == 1
