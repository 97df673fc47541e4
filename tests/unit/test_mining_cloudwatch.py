"""Reports from CloudWatch Logs, through a client that plays Logs Insights."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.commands.mine import nothing
from bench.errors import MeasurementError
from bench.mining.cloudwatch import read_group
from bench.mining.invokes import Mine
from bench.mining.summary import summarise
from bench.serve.insights import Query, row_of

ID = "3f2c1d0e-0000-4000-8000-{:012d}"
REPORT = (
    "REPORT RequestId: {}\tDuration: 10.25 ms\tBilled Duration: 111 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 64 MB\tInit Duration: 100.50 ms\t\n"
)


class Logs:
    """One report in each second; answers of at most ``rows`` rows, after one look in vain."""

    def __init__(self, seconds: int, rows: int, status: str = "Complete") -> None:
        self._seconds = range(seconds)
        self._rows = rows
        self._status = status
        self._asked: dict[str, tuple[int, int]] = {}

    def control(self, _: str) -> Logs:
        return self

    region = "eu-west-1"

    def redact(self, text: str) -> str:
        return text

    def start_query(self, **arguments: Any) -> dict[str, str]:
        name = str(len(self._asked))
        self.query = arguments["queryString"]
        self._asked[name] = (arguments["startTime"], arguments["endTime"])
        return {"queryId": name}

    def get_query_results(self, queryId: str) -> dict[str, Any]:  # noqa: N803 - as in boto3
        start, end = self._asked[queryId]
        seconds = [s for s in self._seconds if start <= s <= end][: self._rows]
        rows = [
            [
                {"field": "@message", "value": REPORT.format(ID.format(s))},
                {"field": "@logStream", "value": "2026/11/20/[12]0abc"},
            ]
            for s in seconds
        ]
        return {"status": self._status, "results": rows}


def mined(logs: Any, rows_max: int = 10_000) -> Mine:
    mine = Mine()
    read_group(
        logs,
        "/aws/lambda/f",
        mine,
        since_s=100.0,
        method="insights",
        rows_max=rows_max,
        now_s=lambda: 100.0,
    )
    return mine


def test_every_report_of_the_time_span_is_read() -> None:
    """With its version, from the name of the log stream."""
    (group,) = summarise(mined(Logs(seconds=50, rows=10_000))).groups
    assert (group.version, group.invokes, group.cold) == ("12", 50, 50)


def test_a_full_answer_is_asked_for_again_in_halves() -> None:
    """Insights cuts an answer off at its limit; nothing is lost and nothing counted twice."""
    (group,) = summarise(mined(Logs(seconds=95, rows=10), rows_max=10)).groups
    assert group.invokes == 95


def test_a_failed_query_is_advice() -> None:
    """A query that Insights gave up is said, not shown as nothing found."""
    with pytest.raises(MeasurementError, match="Timeout"):
        mined(Logs(seconds=1, rows=10, status="Timeout"))


def test_the_query_finds_the_reports_of_both_log_formats() -> None:
    """As Insights evaluates it; lines of the function and other platform lines are left out."""
    metrics = {
        "durationMs": 5.5,
        "billedDurationMs": 106,
        "memorySizeMB": 256,
        "maxMemoryUsedMB": 40,
    }
    record = {"requestId": ID.format(2), "metrics": metrics, "status": "success"}
    messages = [
        REPORT.format(ID.format(1)),
        json.dumps({"time": "t", "type": "platform.report", "record": record}),
        json.dumps({"time": "t", "type": "platform.start", "record": {}}),
        json.dumps({"level": "INFO", "type": "report", "message": "mine"}),
        f"START RequestId: {ID.format(1)} Version: 7",
        "hello",
    ]
    logs = Logs(seconds=1, rows=10)
    mined(logs)
    rows = [row_of(m, **{"@timestamp": at, "@logStream": "s"}) for at, m in enumerate(messages)]
    found = [row["@message"] for row in Query(logs.query).run(rows)]
    assert found == [message.rstrip("\n") for message in messages[:2]]


def test_nothing_found_by_the_default_method_names_the_other() -> None:
    """Which reads every platform line itself, whatever Insights makes of the fields."""
    assert "--method events" in str(nothing(Mine(), method="insights").hint)
    assert "--method" not in str(nothing(Mine(), method="events").hint)
