"""CloudWatch Logs of the endpoint, and the three standard queries on cold starts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bench.emulator.platform_lines import InitStart, Report, RestoreStart
from bench.emulator.reportlog import parse_line

from .conftest import Aws

pytestmark = pytest.mark.live

SUMMARY = """filter @type="REPORT"
| stats count(*) as n, count(@initDuration) as cold, pct(@initDuration,50) as p50,
  pct(@initDuration,95) as p95, max(@initDuration) as mx by @log, @memorySize/1000000 as mb"""
ROWS = """filter @type="REPORT" and ispresent(@initDuration)
| fields @timestamp, @requestId, @initDuration, @duration, @billedDuration,
  @memorySize/1000000 as mb, @maxMemoryUsed/1000000 as used
| sort @timestamp asc | limit 10000"""
RESTORES = """filter @message like /Restore Duration/
| parse @message "Restore Duration: * ms" as restore | stats count(restore) as n"""
JSON_ROWS = """filter type="platform.report" and ispresent(record.metrics.initDurationMs)
| stats count(*) as n, pct(record.metrics.initDurationMs, 50) as p50"""


def reports(aws: Aws, name: str) -> list[Report]:
    answer = aws.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{name}", filterPattern="REPORT"
    )
    lines = (parse_line(event["message"]) for event in answer["events"])
    return [line for line in lines if isinstance(line, Report)]


def query(aws: Aws, name: str, text: str) -> list[dict[str, str]]:
    logs = aws.client("logs")
    now = int(time.time())
    started: dict[str, Any] = logs.start_query(
        logGroupName=f"/aws/lambda/{name}", startTime=now - 3600, endTime=now + 60, queryString=text
    )
    answer = logs.get_query_results(queryId=started["queryId"])
    assert answer["status"] == "Complete"
    return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]


@pytest.fixture(name="function", scope="module")
def _function(aws: Aws) -> str:
    """A function that was invoked five times, in two environments."""
    name = aws.deploy("def handler(e, c): return e", MemorySize=512)
    client = aws.client("lambda")
    for _ in range(3):
        client.invoke(FunctionName=name)
    client.update_function_configuration(FunctionName=name, Description="new")
    aws.settle(name)
    for _ in range(2):
        client.invoke(FunctionName=name)
    return name


def test_every_invoke_has_its_report_in_the_log_group(aws: Aws, function: str) -> None:
    """Five reports, two of them with an Init Duration; one log stream per environment."""
    streams = aws.client("logs").describe_log_streams(logGroupName=f"/aws/lambda/{function}")

    found = reports(aws, function)

    assert len(found) == 5
    assert sum(r.init_duration_ns is not None for r in found) == 2
    assert len(streams["logStreams"]) == 2


def test_the_summary_query_counts_and_ranks_what_the_lines_say(aws: Aws, function: str) -> None:
    """n, cold, the median by nearest rank and the maximum are those of the stored lines."""
    inits = sorted(r.init_duration_ns for r in reports(aws, function) if r.init_duration_ns)

    (row,) = query(aws, function, SUMMARY)

    assert (row["n"], row["cold"], row["mb"]) == ("5", "2", "512")
    assert float(row["p50"]) == inits[0] / 1e6
    assert float(row["mx"]) == float(row["p95"]) == inits[-1] / 1e6


def test_the_rows_query_lists_the_cold_starts_in_their_order(aws: Aws, function: str) -> None:
    """One row per cold start, with request id and durations of its line."""
    cold = [r for r in reports(aws, function) if r.init_duration_ns]

    rows = query(aws, function, ROWS)

    assert {row["@requestId"] for row in rows} == {r.request_id for r in cold}
    assert [row["@timestamp"] for row in rows] == sorted(row["@timestamp"] for row in rows)
    assert {row["@billedDuration"] for row in rows} == {str(r.billed_duration_ms) for r in cold}


def test_the_restore_query_reads_snapstart_lines_from_the_message(aws: Aws) -> None:
    """A SnapStart version has one REPORT with a Restore Duration."""
    name = snap_started(aws)

    rows = query(aws, name, RESTORES)

    assert int(rows[0]["n"]) >= 1


def test_a_restore_names_the_runtime_that_the_init_named(aws: Aws) -> None:
    """INIT_START and RESTORE_START have the same version and the same ARN of it."""
    name = snap_started(aws)
    events = aws.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [parse_line(event["message"]) for event in events]

    starts = {
        (line.runtime_version, line.runtime_version_arn)
        for line in lines
        if isinstance(line, InitStart | RestoreStart)
    }

    assert [type(line) for line in lines].count(RestoreStart) == 1
    assert len(starts) == 1


def snap_started(aws: Aws) -> str:
    """A function whose version 1, which has SnapStart, has been invoked."""
    on = {"ApplyOn": "PublishedVersions"}
    name = aws.deploy("def handler(e, c): return e", Runtime="python3.13", SnapStart=on)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.invoke(FunctionName=name, Qualifier="1")
    return name


def test_json_logs_are_queried_by_their_members(aws: Aws) -> None:
    """With LogFormat JSON the report is a document whose members are fields."""
    name = aws.deploy("def handler(e, c): return e", LoggingConfig={"LogFormat": "JSON"})
    aws.client("lambda").invoke(FunctionName=name)

    (row,) = query(aws, name, JSON_ROWS)

    assert row["n"] == "1"
    assert float(row["p50"]) > 0


def test_a_query_that_cannot_be_understood_is_refused(aws: Aws, function: str) -> None:
    """MalformedQueryException with the place."""
    logs = aws.client("logs")

    with pytest.raises(logs.exceptions.MalformedQueryException, match="nonsense"):
        query(aws, function, "nonsense @message")


def test_the_limit_of_a_call_and_groups_by_arn_count(aws: Aws, function: str) -> None:
    """StartQuery with `limit` and logGroupIdentifiers, which are not part of the query."""
    logs, now = aws.client("logs"), int(time.time())
    started = logs.start_query(
        logGroupIdentifiers=[
            f"arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/{function}"
        ],
        startTime=now - 3600,
        endTime=now + 60,
        queryString='filter @type = "REPORT" | fields @requestId # all of them',
        limit=2,
    )

    assert len(logs.get_query_results(queryId=started["queryId"])["results"]) == 2
