"""Events of other services that invoke functions."""

from __future__ import annotations

import base64
import json

import pytest
from botocore.exceptions import ClientError

from .conftest import RUNTIME, Aws, package
from .events import ACCOUNT, STORE, arn_of, queue, storing

pytestmark = pytest.mark.live


def test_sns_invokes_with_its_record(aws: Aws) -> None:
    """A message published to a topic reaches the function that is subscribed, attributes too."""
    name, bucket = storing(aws)
    sns = aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn_of(name))
    urgent = {"urgent": {"DataType": "String", "StringValue": "yes"}}
    sns.publish(TopicArn=topic, Message="hello", Subject="about", MessageAttributes=urgent)

    (event,) = map(json.loads, aws.objects(bucket, 1))
    notification = event["Records"][0]["Sns"]

    assert (notification["Message"], notification["Subject"]) == ("hello", "about")
    assert notification["TopicArn"] == topic
    assert notification["MessageAttributes"] == {"urgent": {"Type": "String", "Value": "yes"}}


def notify(aws: Aws, bucket: str, arn: str) -> None:
    configuration = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )


def test_s3_tells_keys_as_aws_encodes_them(aws: Aws) -> None:
    """Slashes stay, a space is `+`, and the rest is percent-encoded."""
    name, bucket = storing(aws)
    source = aws.bucket()
    notify(aws, source, arn_of(name))
    aws.client("s3").put_object(Bucket=source, Key="a/b c+d.txt", Body=b"x")

    (event,) = map(json.loads, aws.objects(bucket, 1))

    assert event["Records"][0]["s3"]["object"]["key"] == "a/b+c%2Bd.txt"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "mars-north-1"])
def test_s3_notifies_functions_that_exist_only(aws: Aws, region: str) -> None:
    """Another one is refused, and the configuration of the bucket stays as it was."""
    name, _ = storing(aws)
    source = aws.bucket()
    notify(aws, source, arn_of(name))

    with pytest.raises(ClientError, match="InvalidArgument") as refused:
        notify(aws, source, f"arn:aws:lambda:{region}:{ACCOUNT}:function:nobody")
    kept = aws.client("s3").get_bucket_notification_configuration(Bucket=source)

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert [c["LambdaFunctionArn"] for c in kept["LambdaFunctionConfigurations"]] == [arn_of(name)]


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
    client = aws.client("lambda")
    mapping = client.create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=name,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        Enabled=False,
    )
    # Lambda checks it against the function's timeout when the mapping is made, not later.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    for body in ("good", "bad"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    events = [json.loads(event) for event in aws.objects(bucket, 2)]
    bodies = sorted(record["body"] for event in events for record in event["Records"])

    assert bodies == ["bad", "bad", "good"]


#: Stores bodies under the time, and fails at the first receipt of message 1.
KEEP_ORDER = """
import boto3, os, time
s3 = boto3.client("s3")
def handler(event, context):
    record = event["Records"][0]
    s3.put_object(Bucket=os.environ["OUT"], Key=str(time.time_ns()), Body=record["body"])
    if record["body"] == "1" and record["attributes"]["ApproximateReceiveCount"] == "1":
        raise ValueError("on purpose")
"""

#: Fails whenever a record of a stream says "poison".
FUSSY = STORE.replace(
    'return {"ok": True}',
    """data = [base64.b64decode(r["kinesis"]["data"]) for r in event["Records"]]
    if b"poison" in data:
        raise ValueError("on purpose")""",
).replace("import boto3", "import base64, boto3")


def test_a_fifo_queue_keeps_its_order_over_a_failure(aws: Aws) -> None:
    """Message 1 of a group fails once: 2 and 3 wait until it is through."""
    sqs, bucket = aws.client("sqs"), aws.bucket()
    url = sqs.create_queue(QueueName="ordered.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    name = aws.deploy(KEEP_ORDER, Environment={"Variables": {"OUT": bucket}})
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:{ACCOUNT}:ordered.fifo",
        FunctionName=name,
        BatchSize=1,
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    for body in ("1", "2", "3"):
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body
        )

    seen = [event.decode() for event in aws.objects(bucket, 4)]

    assert seen == ["1", "1", "2", "3"]


def test_a_batch_with_one_bad_record_is_bisected(aws: Aws) -> None:
    """Three of four records are handled; the bad one goes to the bucket for failures."""
    failures = aws.bucket()
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="bisected", ShardCount=1)
    for text in ("a", "b", "poison", "d"):
        kinesis.put_record(StreamName="bisected", PartitionKey="p", Data=text.encode())
    bucket = aws.bucket()
    name = aws.deploy(FUSSY, Environment={"Variables": {"OUT": bucket}})
    aws.client("lambda").create_event_source_mapping(
        EventSourceArn=f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/bisected",
        FunctionName=name,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{failures}"}},
    )

    (failure,) = map(json.loads, aws.objects(failures, 1, prefix="aws/lambda/"))
    events = [json.loads(event) for event in aws.objects(bucket, 5)]
    sizes = sorted(len(event["Records"]) for event in events)

    assert failure["KinesisBatchInfo"]["batchSize"] == 1
    assert sizes == [1, 1, 2, 2, 4]


def test_an_event_for_a_pending_function_waits_for_it(aws: Aws) -> None:
    """EventBridge may be faster than the creation of a function; its event is not lost."""
    events, bucket = aws.client("events"), aws.bucket()
    events.put_rule(Name="early", EventPattern=json.dumps({"source": ["early"]}))
    events.put_targets(Rule="early", Targets=[{"Id": "1", "Arn": arn_of("early")}])
    aws.client("lambda").create_function(
        FunctionName="early",
        Role=aws.role,
        Runtime=RUNTIME,
        Handler="app.handler",
        Code={"ZipFile": package(app__py=STORE)},
        Timeout=20,
        MemorySize=1769,
        Environment={"Variables": {"OUT": bucket}},
    )
    answer = events.put_events(Entries=[{"Source": "early", "DetailType": "d", "Detail": "{}"}])

    assert answer["FailedEntryCount"] == 0
    assert len(aws.objects(bucket, 1)) == 1
