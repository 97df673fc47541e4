"""Import Pillow while the environment starts."""

from __future__ import annotations

from images import Json, handle
from shrinking import shrink


def handler(event: object, context: object) -> Json:
    """Serve one request with the Pillow that is there."""
    return handle(event, shrink)
