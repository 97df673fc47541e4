"""The document store on S3 and DynamoDB, through boto3.

Importing this module loads boto3; the two import styles differ only in when they do so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from documents import DocumentExistsError, DocumentNotFoundError, Json, StorageError

UPLOAD_EXPIRES_S = 900

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    signature_version="s3v4",
)


class Storage:
    """Documents in one bucket and one table."""

    def __init__(self, s3: Any, dynamodb: Any, bucket: str, table: str) -> None:
        self._s3 = s3
        self._dynamodb = dynamodb
        self._bucket = bucket
        self._table = table

    @classmethod
    def from_environment(cls) -> Storage:
        """Build both clients; credentials, region and endpoint are the environment's.

        Raises:
            StorageError: ``BUCKET``, ``TABLE`` or the region is not set.
        """
        bucket, table = _setting("BUCKET"), _setting("TABLE")
        # Lambda sets both; boto3 by itself reads only AWS_DEFAULT_REGION.
        region = os.environ.get("AWS_REGION") or _setting("AWS_DEFAULT_REGION")
        s3 = boto3.client("s3", region_name=region, config=_CONFIG)
        dynamodb = boto3.client(
            "dynamodb",
            region_name=region,
            config=_CONFIG.merge(Config(signature_version="v4")),
        )
        return cls(s3, dynamodb, bucket, table)

    def plan(self, document: Json) -> Json:
        """Tell what ``put`` would send: where the text would go, and the item of the table.

        The upload is signed to show that it can be; its signature depends on the time and is a
        secret, so only the names of its parameters are told.
        """
        url = _call(
            "generate_presigned_url",
            self._s3.generate_presigned_url,
            ClientMethod="put_object",
            Params=self._object(document),
            ExpiresIn=UPLOAD_EXPIRES_S,
        )
        parts = urlsplit(url)
        return {
            "upload": {
                "method": "PUT",
                "path": parts.path,
                "parameters": sorted(parse_qs(parts.query)),
                "expires_s": UPLOAD_EXPIRES_S,
            },
            "item": {"TableName": self._table, "Item": _serialised(document)},
        }

    def put(self, document: Json, *, replace: bool) -> None:
        """Store the text, then make it the current one of its document.

        Raises:
            DocumentExistsError: there is one, and ``replace`` is false.
            StorageError: AWS refused or could not be reached.
        """
        _call(
            "PutObject",
            self._s3.put_object,
            Body=str(document["text"]).encode(),
            **self._object(document),
        )
        condition = {} if replace else {"ConditionExpression": "attribute_not_exists(id)"}
        try:
            _call(
                "PutItem",
                self._dynamodb.put_item,
                TableName=self._table,
                Item=_serialised(document),
                **condition,
            )
        except StorageError as error:
            if _code(error) == "ConditionalCheckFailedException":
                raise DocumentExistsError(f"there is a document {document['id']}") from error
            raise

    def get(self, document_id: str) -> Json:
        """Fetch the current version of a document.

        Raises:
            DocumentNotFoundError: there is none with this id.
            StorageError: AWS refused or could not be reached.
        """
        document = self._item(document_id)
        answer = _call("GetObject", self._s3.get_object, Bucket=self._bucket, Key=document["key"])
        document["text"] = _call("GetObject", answer["Body"].read).decode()
        return document

    def share(self, document_id: str, expires_s: int) -> str:
        """Make a link with which anybody can download the document until it expires.

        Raises:
            DocumentNotFoundError: there is none with this id.
            StorageError: AWS refused or could not be reached.
        """
        url: str = _call(
            "generate_presigned_url",
            self._s3.generate_presigned_url,
            ClientMethod="get_object",
            Params={"Bucket": self._bucket, "Key": self._item(document_id)["key"]},
            ExpiresIn=expires_s,
        )
        return url

    def _object(self, document: Json) -> dict[str, str]:
        return {
            "Bucket": self._bucket,
            "Key": str(document["key"]),
            "ContentType": "text/plain; charset=utf-8",
        }

    def _item(self, document_id: str) -> Json:
        answer = _call(
            "GetItem",
            self._dynamodb.get_item,
            TableName=self._table,
            Key={"id": {"S": document_id}},
        )
        if "Item" not in answer:
            raise DocumentNotFoundError(f"there is no document {document_id}")
        item = {
            name: TypeDeserializer().deserialize(value) for name, value in answer["Item"].items()
        }
        # DynamoDB's numbers come as Decimal.
        return {**item, "size_bytes": int(item["size_bytes"])}


def _setting(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise StorageError(f"the environment variable {name} is not set")
    return value


def _serialised(document: Json) -> Json:
    return {
        name: TypeSerializer().serialize(value)
        for name, value in document.items()
        if name != "text"
    }


def _call(name: str, call: Callable[..., Any], **arguments: object) -> Any:
    try:
        return call(**arguments)
    except ClientError as error:
        details = error.response["Error"]
        raise StorageError(f"{name}: {details['Code']}: {details['Message']}") from error
    except BotoCoreError as error:
        raise StorageError(f"{name}: {error}") from error


def _code(error: StorageError) -> str:
    cause = error.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""
