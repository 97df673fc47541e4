"""Filter criteria of event source mappings, by the event patterns that moto has for EventBridge."""

from __future__ import annotations

import base64
import json
from typing import Any, cast

from moto.events.models import EventPattern


class Filter:
    """Whether a record is wanted. Without criteria all are; with several, one has to match."""

    def __init__(self, criteria: dict[str, Any] | None) -> None:
        filters = (criteria or {}).get("Filters") or []
        self._patterns = [EventPattern.load(f["Pattern"]) for f in filters if f.get("Pattern")]

    def __call__(self, record: dict[str, Any], json_member: str) -> bool:
        """Match a record; its data are matched as JSON where they are JSON."""
        if not self._patterns:
            return True
        seen = dict(record)
        if json_member:
            seen[json_member] = _as_json(record[json_member])
        elif "kinesis" in record:
            seen["data"] = _as_json(base64.b64decode(record["kinesis"]["data"]))
        return any(pattern.matches_event(cast(Any, seen)) for pattern in self._patterns)


def _as_json(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
