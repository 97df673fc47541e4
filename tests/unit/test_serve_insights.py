"""Logs Insights: fields of Lambda's lines, and the commands of a query."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("moto")

from bench.serve.insights import Query, row_of
from bench.serve.insights_syntax import QueryError

REQUEST = "7ee5ab05-a059-4f1d-9a95-94e84db3496"


def report(number: int, memory_mb: int, init: str = "") -> str:
    return (
        f"REPORT RequestId: {REQUEST}{number}\tDuration: {number}.50 ms\t"
        f"Billed Duration: {number + 1} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: 37 MB\t{init}\n"
    )


def rows() -> list[dict[str, Any]]:
    lines = [
        report(0, 128, "Init Duration: 100.00 ms\t"),
        report(1, 128),
        report(2, 512, "Init Duration: 300.25 ms\t"),
        "a line of the function\n",
    ]
    return [row_of(line, **{"@timestamp": 1_000 * n}) for n, line in enumerate(lines)]


def test_a_report_has_the_fields_that_insights_finds() -> None:
    """Durations in ms, sizes in bytes of decimal megabytes."""
    row = row_of(report(2, 512, "Init Duration: 300.25 ms\t"))

    assert row["@type"] == "REPORT"
    assert row["@requestId"] == f"{REQUEST}2"
    assert (row["@duration"], row["@initDuration"], row["@memorySize"]) == (2.5, 300.25, 512e6)


def test_stats_by_counts_what_is_present_in_each_group() -> None:
    """count(*) counts rows, count(field) those that have it."""
    text = (
        'filter @type="REPORT" | stats count(*) as n, count(@initDuration) as cold by @memorySize'
    )

    found = {row["@memorySize"]: (row["n"], row["cold"]) for row in Query(text).run(rows())}

    assert found == {"128000000": ("2", "1"), "512000000": ("1", "1")}


def test_aggregates_can_be_computed_with() -> None:
    """The share of cold starts is a quotient of two counts."""
    text = 'filter @type="REPORT" | stats count(@initDuration) / count(*) * 100 as share'

    assert Query(text).run(rows()) == [{"share": "66.6667"}]


def test_percentiles_are_of_the_nearest_rank() -> None:
    """The median of two values is the lower one, the 95th percentile the higher."""
    text = "stats pct(@initDuration, 50) as p50, pct(@initDuration, 95) as p95"

    assert Query(text).run(rows()) == [{"p50": "100", "p95": "300.25"}]


@pytest.mark.parametrize(
    "text",
    [
        'parse @message "Memory Size: * MB" as mb | filter ispresent(mb) | stats max(mb) as m',
        "parse @message /Memory Size: (?<mb>\\d+) MB/ | stats max(mb) as m",
    ],
)
def test_parse_takes_globs_and_regular_expressions(text: str) -> None:
    """Both forms give the same field."""
    assert Query(text).run(rows()) == [{"m": "512"}]


def test_sort_and_limit_give_the_first_rows() -> None:
    """Descending unless `asc` is said; numbers by their value."""
    text = 'filter @type="REPORT" | fields @duration | sort @duration desc | limit 2'

    assert [row["@duration"] for row in Query(text).run(rows())] == ["2.5", "1.5"]


def test_members_of_json_lines_are_fields() -> None:
    """Nested members are named with dots."""
    row = row_of('{"type":"platform.report","record":{"metrics":{"initDurationMs":12.5}}}')

    assert Query("fields record.metrics.initDurationMs as ms").run([row]) == [{"ms": "12.5"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no command `nonsense`"),
        ("filter (", "at the end"),
        ("stats nothing(@duration)", "no function `nothing`"),
        ("fields @message limit 5", "`|` was expected"),
    ],
)
def test_what_cannot_be_understood_is_said_with_its_place(text: str, words: str) -> None:
    """The message is for the author of the query."""
    with pytest.raises(QueryError) as refused:
        Query(text).run(rows())

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "matched"),
    [
        ('filter @type="REPORT" | stats count(*) as n by @memorySize', 3),
        ('filter @type="REPORT" | limit 1', 3),
        ("stats count(*) as n by @type | filter n > 1", 4),
        ("fields @message", 4),
    ],
)
def test_what_matches_is_counted_before_it_is_aggregated(text: str, matched: int) -> None:
    """RecordsMatched is of lines: neither `stats` nor `limit` makes it smaller."""
    query = Query(text)

    query.run(rows())

    assert query.matched == matched
