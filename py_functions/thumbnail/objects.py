"""Objects in S3, through boto3. Imported, in both styles, only by requests that name one."""

from __future__ import annotations

import os
import threading
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
)
_LOCK = threading.Lock()
_CLIENT: Any = None


class ObjectError(RuntimeError):
    """S3 refused or could not be reached; the message names the object and S3's own code."""


class ObjectTooLargeError(ObjectError):
    """The object has more bytes than may be read."""


def get_object(bucket: str, key: str, max_bytes: int) -> bytes:
    """Fetch an object of at most ``max_bytes``.

    Raises:
        ObjectTooLargeError: it has more; nothing was read.
        ObjectError: S3 refused or could not be reached.
    """
    try:
        answer = _client().get_object(Bucket=bucket, Key=key)
        size = answer["ContentLength"]
        if size > max_bytes:
            answer["Body"].close()
            raise ObjectTooLargeError(f"s3://{bucket}/{key} has {size} bytes, not {max_bytes}")
        data: bytes = answer["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise _failed("read", bucket, key, error) from error
    return data


def put_object(bucket: str, key: str, data: bytes, content_type: str) -> None:
    """Store an object.

    Raises:
        ObjectError: S3 refused or could not be reached.
    """
    try:
        _client().put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
    except (ClientError, BotoCoreError) as error:
        raise _failed("write", bucket, key, error) from error


def _failed(verb: str, bucket: str, key: str, error: Exception) -> ObjectError:
    return ObjectError(f"cannot {verb} s3://{bucket}/{key}: {error}")


def _client() -> Any:
    global _CLIENT
    # A client may be shared between threads, but not made by two at once.
    with _LOCK:
        if _CLIENT is None:
            # Lambda sets AWS_REGION; boto3 by itself reads only AWS_DEFAULT_REGION.
            _CLIENT = boto3.client("s3", region_name=os.environ.get("AWS_REGION"), config=_CONFIG)
        return _CLIENT
