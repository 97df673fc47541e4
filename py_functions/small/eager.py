"""Import the XML parser, decimal numbers and the HTTP client while the environment starts."""

from __future__ import annotations

from delivery import deliver
from invoice import total
from payments import Json, handle


def handler(event: object, context: object) -> Json:
    """Serve one request with what is there."""
    return handle(event, total, deliver)
