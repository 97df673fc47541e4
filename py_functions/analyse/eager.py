"""Import pandas while the environment starts."""

from __future__ import annotations

from typing import Any

from sales import handle
from summary import summarise


def handler(event: object, context: object) -> dict[str, Any]:
    """Serve one request with the pandas that is there."""
    return handle(event, summarise)
