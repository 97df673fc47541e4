"""Events of several services on their way through the shipped functions."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from bench.build import BuildCache, build_matrix
from bench.config import user_cache
from bench.functions.directory import load_function, recipes

from .conftest import Aws
from .events import arn_of, queue

pytestmark = pytest.mark.live

FUNCTIONS = Path(__file__).parents[2] / "py_functions"


def shipped(function: str, tmp_path: Path, **files: str) -> bytes:
    """The package of a shipped function as coldbench builds it, with further files."""
    loaded = load_function(FUNCTIONS / function)
    variant = next(v for v in recipes(loaded) if v.id == "eager")
    cache = BuildCache(user_cache(os.environ))
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
