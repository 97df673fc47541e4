"""Init as X-Ray saw it: subsegments of traces, where tracing was on."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bench.cloud.account import Account
from bench.cloud.faults import stopped
from bench.mining.summary import percentiles

#: GetTraceSummaries looks at no longer span at once; BatchGetTraces takes so many ids.
_SPAN_S = 6 * 3_600
_BATCH = 5
_TRACES_MAX = 2_000
#: Lambda calls the same thing by an older and a newer name.
_NAMES = {"Initialization": "Init", "Init": "Init", "Restore": "Restore", "Overhead": "Overhead"}
_FUNCTION_ORIGIN = "AWS::Lambda::Function"


def init_subsegments(
    account: Account, function: str, *, since_s: float
) -> dict[str, dict[str, float | None]]:
    """Percentiles in ms of each subsegment of cold starts; empty where there are no traces.

    Raises:
        Stopped: AWS refuses.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    client = account.control("xray")
    values: dict[str, list[float]] = {}
    try:
        for segment in _segments(client, list(_trace_ids(client, function, since_s))):
            for subsegment in segment.get("subsegments", ()):
                name = _NAMES.get(subsegment.get("name", ""))
                if name and "end_time" in subsegment:
                    took_s = subsegment["end_time"] - subsegment["start_time"]
                    values.setdefault(name, []).append(took_s * 1_000)
    except (ClientError, BotoCoreError) as error:
        raise stopped(error, f"traces of `{function}`", account.redact) from None
    return {name: percentiles(found) for name, found in sorted(values.items())}


def _trace_ids(client: Any, function: str, since_s: float) -> Iterator[str]:
    now = datetime.datetime.now(datetime.UTC)
    begin = now - datetime.timedelta(seconds=since_s)
    count = 0
    while begin < now:
        end = min(now, begin + datetime.timedelta(seconds=_SPAN_S))
        pages = client.get_paginator("get_trace_summaries").paginate(
            StartTime=begin, EndTime=end, FilterExpression=f'service("{function}")'
        )
        for page in pages:
            for summary in page["TraceSummaries"]:
                count += 1
                if count > _TRACES_MAX:
                    return
                yield str(summary["Id"])
        begin = end


def _segments(client: Any, ids: list[str]) -> Iterator[Mapping[str, Any]]:
    for start in range(0, len(ids), _BATCH):
        answer = client.batch_get_traces(TraceIds=ids[start : start + _BATCH])
        for trace in answer["Traces"]:
            for segment in trace["Segments"]:
                document = json.loads(segment["Document"])
                if document.get("origin") == _FUNCTION_ORIGIN:
                    yield document
