"""Import boto3 and build its clients when a request first needs them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from documents import Json, handle

if TYPE_CHECKING:
    from aws import Storage

_LOCK = threading.Lock()
_STORAGE: Storage | None = None


def handler(event: object, context: object) -> Json:
    """Serve one request; actions that do without AWS never load boto3."""
    return handle(event, _storage)


def _storage() -> Storage:
    global _STORAGE
    # Clients may be shared between threads, but not made by two at once.
    with _LOCK:
        if _STORAGE is None:
            from aws import Storage

            _STORAGE = Storage.from_environment()
        return _STORAGE
