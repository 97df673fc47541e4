"""Import boto3 and build its clients while the environment starts."""

from __future__ import annotations

from aws import Storage
from documents import Json, handle

_STORAGE = Storage.from_environment()


def handler(event: object, context: object) -> Json:
    """Serve one request with the clients that are there."""
    return handle(event, lambda: _STORAGE)
