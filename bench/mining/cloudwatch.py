"""Reports from CloudWatch Logs: by a query of Logs Insights, or event by event.

Insights counts by the gigabyte scanned and is quick; ``filter_log_events`` is free and slow, and
only it sees the time between an init and its first event, which tells proactive inits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bench.cloud.account import Account
from bench.cloud.faults import stopped
from bench.emulator.platform_lines import Report
from bench.emulator.reportlog import parse_line
from bench.errors import MeasurementError, UsageError
from bench.mining.invokes import Mine
from bench.mining.saved import add_events, is_unread

#: Rows a query gives at most; a fuller answer is halved in time.
ROWS_MAX = 10_000
_POLL_S = 1.0
_LONGEST_POLL_S = 5.0
_PATIENCE_S = 900.0
_QUERY = (
    'filter @type = "REPORT" or type = "platform.report"'
    " | fields @timestamp, @message, @logStream"
    f" | sort @timestamp asc | limit {ROWS_MAX}"
)
_PATTERN = '?REPORT ?INIT_START ?"START RequestId" ?"platform."'
_DONE = ("Complete",)
_BROKEN = ("Failed", "Cancelled", "Timeout", "Unknown")


def read_group(
    account: Account,
    group: str,
    mine: Mine,
    *,
    since_s: float,
    method: str,
    rows_max: int = ROWS_MAX,
    now_s: Callable[[], float] = time.time,
) -> None:
    """Read what a log group has of the last ``since_s`` seconds.

    Raises:
        UsageError: there is no such log group.
        MeasurementError: the query failed, or AWS refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    end_s = now_s()
    client = account.control("logs")
    try:
        if method == "events":
            events = list(_events(client, group, end_s - since_s, end_s))
            mine.lines += len(events)
            add_events(group, events, mine)
        else:
            for row in _rows(client, group, (int(end_s - since_s), int(end_s) + 1), rows_max):
                _add_row(group, row, mine)
    except ClientError as error:
        if error.response["Error"].get("Code") == "ResourceNotFoundException":
            raise UsageError(
                f"there is no log group `{group}` in {account.region}",
                hint="`aws logs describe-log-groups` shows those of a region; Lambda's begin with"
                " `/aws/lambda/`",
            ) from None
        raise stopped(error, f"logs of `{group}`", account.redact) from None
    except BotoCoreError as error:
        raise stopped(error, f"logs of `{group}`", account.redact) from None


def _events(
    client: Any, group: str, start_s: float, end_s: float
) -> Iterator[tuple[str, int, str]]:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int(start_s * 1_000),
        endTime=int(end_s * 1_000),
        filterPattern=_PATTERN,
    )
    for page in pages:
        for event in page["events"]:
            yield event["logStreamName"], event["timestamp"], event["message"]


def _rows(
    client: Any, group: str, span_s: tuple[int, int], rows_max: int
) -> Iterator[Mapping[str, str]]:
    """All rows; a time span whose answer is full is asked for again in two halves."""
    spans = [span_s]
    while spans:
        begin_s, stop_s = spans.pop()
        rows = _query(client, group, begin_s, stop_s)
        if len(rows) >= rows_max and stop_s - begin_s > 1:
            middle_s = (begin_s + stop_s) // 2
            # Both ends of a query are inclusive, in whole seconds.
            spans += [(middle_s + 1, stop_s), (begin_s, middle_s)]
            continue
        yield from rows


def _query(client: Any, group: str, start_s: int, end_s: int) -> list[dict[str, str]]:
    query = client.start_query(
        logGroupName=group, startTime=start_s, endTime=end_s, queryString=_QUERY, limit=ROWS_MAX
    )
    pause, poll_s = threading.Event(), _POLL_S
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        answer = client.get_query_results(queryId=query["queryId"])
        if answer["status"] in _DONE:
            return [{f["field"]: f["value"] for f in row} for row in answer["results"]]
        if answer["status"] in _BROKEN:
            raise MeasurementError(
                f"Logs Insights ended the query with `{answer['status']}`",
                hint="a shorter `--since`, or `--method events`",
            )
        pause.wait(poll_s)
        poll_s = min(2 * poll_s, _LONGEST_POLL_S)
    raise MeasurementError(
        f"Logs Insights gave no answer in {_PATIENCE_S:.0f} s",
        hint="a shorter `--since`, or `--method events`",
    )


def _add_row(group: str, row: Mapping[str, str], mine: Mine) -> None:
    mine.lines += 1
    message = row.get("@message", "")
    found = parse_line(message)
    if found is None:
        mine.unread += is_unread(message)
    if isinstance(found, Report):
        version = row.get("@logStream", "").partition("[")[2].partition("]")[0] or "?"
        mine.of(group, version, found.memory_size_mb).add(found)
