"""Import pandas when a request first needs it."""

from __future__ import annotations

from typing import Any

from sales import Question, Row, handle


def handler(event: object, context: object) -> dict[str, Any]:
    """Serve one request; a preview never loads pandas."""
    return handle(event, _summarise)


def _summarise(rows: list[Row], question: Question) -> dict[str, Any]:
    # Python's own import lock makes a second thread wait until the module is complete.
    from summary import summarise

    return summarise(rows, question)
