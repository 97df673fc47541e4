"""Functions that store their events, and queues: what tests of events are made from."""

from __future__ import annotations

from typing import Any

from .conftest import Aws

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
