"""CloudWatch Logs with Logs Insights that really computes."""

from __future__ import annotations

import uuid
from typing import Any

from moto.logs import urls
from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.models import LogQuery, LogsBackend

from bench.serve.errors import ServiceError
from bench.serve.insights import Query, row_of
from bench.serve.insights_syntax import QueryError


class ServedQuery(LogQuery):
    """A query that ran; in the form that moto's answers are made from."""

    def __init__(self, query_id: str, text: str, names: list[str], results: list[Any]) -> None:
        super().__init__(query_id, 0, 0, "fields @message | limit 0", [])
        self.query = text
        self.log_group_names = names
        self.results = results
        self.scanned = 0
        self.matched = 0

    def to_result_json(self) -> dict[str, Any]:
        """The answer to GetQueryResults."""
        statistics = {"recordsMatched": self.matched, "recordsScanned": self.scanned}
        return {**super().to_result_json(), "statistics": statistics}


class ServedLogs(LogsBackend):
    """moto's CloudWatch Logs; queries are ours."""

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    def start_query(
        self, log_group_names: list[str], start_time: int, end_time: int, query_string: str
    ) -> str:
        """Run a query, from ``start_time`` to ``end_time`` in seconds since 1970.

        Raises:
            ServiceError: the query cannot be understood.
        """
        if any(name not in self.groups for name in log_group_names):
            raise ResourceNotFoundException()
        try:
            query = Query(query_string)
        except QueryError as error:
            raise ServiceError(400, "MalformedQueryException", str(error)) from None
        rows = self._rows(log_group_names, start_time * 1000, end_time * 1000 + 999)
        made = ServedQuery(str(uuid.uuid4()), query_string, log_group_names, query.run(rows))
        made.scanned, made.matched = len(rows), query.matched
        self.queries[made.query_id] = made
        return made.query_id

    def _rows(self, names: list[str], start_ms: int, end_ms: int) -> list[dict[str, Any]]:
        return [
            row_of(
                event.message,
                **{
                    "@timestamp": event.timestamp,
                    "@ingestionTime": event.ingestion_time,
                    "@logStream": stream.log_stream_name,
                    "@log": f"{self.account_id}:{name}",
                    "@ptr": event.event_id,
                },
            )
            for name in names
            for stream in list(self.groups[name].streams.values())
            for event in list(stream.events)
            if start_ms <= event.timestamp <= end_ms
        ]
