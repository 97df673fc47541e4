from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bench.emulator.platform_lines import End, Report, Start, billed_ms
from bench.emulator.reportlog import parse_line, parse_report, platform_lines

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "report_lines"
_REQUEST_ID = "0b1d9c52-6a53-4a2f-9d3e-2f7d5c1a8e01"
_LATER_REQUEST_ID = "0b1d9c52-6a53-4a2f-9d3e-2f7d5c1a8e02"


def _cases(name: str) -> list[dict[str, Any]]:
    return json.loads((_FIXTURES / name).read_text())


def _log(name: str) -> str:
    # Not read_text, which would make line feeds of the carriage returns.
    return (_FIXTURES / name).read_bytes().decode()


@pytest.mark.parametrize("case", _cases("reports.json"), ids=lambda case: case["name"])
def test_reports_of_both_formats_and_all_times_are_read(case: dict[str, Any]) -> None:
    """Published and constructed REPORT events give exactly the values printed in them."""
    assert parse_line(case["message"]) == Report(**case["report"])


@pytest.mark.parametrize("case", _cases("reports.json"), ids=lambda case: case["name"])
def test_the_rule_of_billing_is_recognised(case: dict[str, Any]) -> None:
    """The billed duration tells whether init or restore were billed with the invoke."""
    assert Report(**case["report"]).billing == case["billing"]


@pytest.mark.parametrize("case", _cases("reports.json"), ids=lambda case: case["name"])
def test_a_report_is_found_between_other_lines(case: dict[str, Any]) -> None:
    """The same report is found in a log, whether its X-Ray part has a line of its own or not."""
    log = f"first\n{case['message'].rstrip()}\nlast\n"

    assert parse_report(log) == Report(**case["report"])


@pytest.mark.parametrize("case", _cases("platform_lines.json"), ids=lambda case: case["message"])
def test_other_platform_lines_are_read(case: dict[str, Any]) -> None:
    """Each other kind of line in text and JSON becomes a record of its kind with its values."""
    found = parse_line(case["message"])

    assert type(found).__name__ == case["kind"]
    assert dataclasses.is_dataclass(found)
    values = json.loads(json.dumps(dataclasses.asdict(found)))
    assert {k: v for k, v in values.items() if v is not None} == case["values"]


@pytest.mark.parametrize("case", _cases("user_lines.json"), ids=lambda case: case["why"])
def test_lookalikes_are_the_functions_own(case: dict[str, Any]) -> None:
    """A line that deviates from Lambda's form in anything is not taken for Lambda's."""
    assert parse_line(case["message"]) is None


def test_json_nested_beyond_measure_is_the_functions_own() -> None:
    """A line that would exhaust the stack of the JSON reader is just a line of the user."""
    assert parse_line('{"platform.":' + "[" * 1_000_000) is None


def test_a_text_log_is_divided_at_line_feeds_only() -> None:
    """Carriage returns and Unicode separators inside a user's line do not begin a line."""
    kinds = [type(line).__name__ for line in platform_lines(_log("text.log"))]

    assert kinds == ["InitStart", "InitReport", "Start", "End", "Report", "Start", "End", "Report"]


@pytest.mark.parametrize(
    "said",
    [
        "",
        f"2026-11-20T10:00:00.000Z {_REQUEST_ID} Task timed out after 1.00 seconds\n\n",
        f"RequestId: {_REQUEST_ID} Error: Runtime exited with error: exit status 1\n"
        "Runtime.ExitError\n",
    ],
    ids=["today", "a timeout of before", "a crash of before"],
)
def test_failures_are_read_with_and_without_their_words(said: str) -> None:
    """Lambda used to write what happened before END; today it is in the status of the REPORT."""
    log = (
        f"START RequestId: {_REQUEST_ID} Version: $LATEST\n{said}END RequestId: {_REQUEST_ID}\n"
        f"REPORT RequestId: {_REQUEST_ID}\tDuration: 1000.00 ms\tBilled Duration: 1000 ms"
        "\tMemory Size: 128 MB\tMax Memory Used: 9 MB\tStatus: timeout\n"
    )

    kinds = [type(line) for line in platform_lines(log)]

    assert kinds == [Start, End, Report]
    assert parse_report(log, _REQUEST_ID) is not None


def test_a_json_log_is_read_in_order() -> None:
    """Of a JSON log the platform's records come back, not those quoted in messages."""
    kinds = [type(line).__name__ for line in platform_lines(_log("json.log"))]

    assert kinds == ["InitStart", "Start", "Report"]


def test_an_x_ray_line_belongs_to_the_report_before_it() -> None:
    """The trace goes to the report above, the next report has none."""
    reports = [line for line in platform_lines(_log("text.log")) if isinstance(line, Report)]

    assert [(r.segment_id, r.sampled) for r in reports] == [
        ("90cbc97f4ee64a7f", True),
        (None, None),
    ]


def test_crlf_logs_are_read_alike() -> None:
    """A log that went through a Windows tool gives the same lines."""
    log = _log("text.log")

    assert list(platform_lines(log.replace("\n", "\r\n"))) == list(platform_lines(log))


def test_what_follows_a_report_is_not_lost() -> None:
    """A platform line directly after a report without trace is read too."""
    report = "REPORT RequestId: {}\tDuration: 5.00 ms\tBilled Duration: 5 ms\tMemory Size: 128 MB\t"
    report = report.format(_REQUEST_ID) + "Max Memory Used: 30 MB\t\n"
    log = report + report + f"START RequestId: {_REQUEST_ID} Version: 3"

    kinds = [type(line) for line in platform_lines(log)]

    assert kinds == [Report, Report, Start]


def test_the_last_report_counts() -> None:
    """A copy printed by the function stands before Lambda's own report, which wins."""
    report = parse_report(_log("text.log"))

    assert report is not None
    assert report.request_id == _LATER_REQUEST_ID


def test_the_report_of_one_invoke_can_be_asked_for() -> None:
    """With a request id, reports of other invokes are passed over."""
    report = parse_report(_log("text.log"), request_id=_REQUEST_ID)

    assert report is not None
    assert report.duration_ns == 2_460_000


def test_a_log_without_report_has_none() -> None:
    """A tail that was cut before the report gives None."""
    assert parse_report(f"START RequestId: {_REQUEST_ID} Version: 1\nhello\n") is None


def test_a_tail_cut_in_the_middle_of_a_line_is_read_from_the_next() -> None:
    """The first line of a 4 KB tail may be the end of a line."""
    log = f"stId: {_REQUEST_ID} Version: 1\nEND RequestId: {_REQUEST_ID}\n"

    assert list(platform_lines(log)) == [End(request_id=_REQUEST_ID)]


@pytest.mark.parametrize(
    ("duration_ns", "init_ns", "expected"),
    [
        (250_060_000, 100_770_000, 351),
        (133_610_000, 80_000_000, 214),
        (3_016_780_000, 84_000_000, 3101),
        (1_233_960_000, 463_512_000, 1698),
        (3_000_000_000, 402_040_000, 3403),
        (60_200_000, None, 61),
        (5_000_000_000, None, 5000),
        (1, None, 1),
        (0, None, 0),
    ],
)
def test_duration_and_init_are_billed_in_whole_milliseconds(
    duration_ns: int, init_ns: int | None, expected: int
) -> None:
    """Billed is the sum rounded up once, as in lines published since August 2025."""
    assert billed_ms(duration_ns, init_ns) == expected


def test_billing_allows_for_the_decimals_that_text_does_not_print() -> None:
    """1.000004 ms is printed as 1.00 and billed as 2 ms; that is no contradiction."""
    report = Report(
        request_id=_REQUEST_ID,
        duration_ns=1_000_000,
        billed_duration_ms=2,
        memory_size_mb=128,
        max_memory_used_mb=30,
    )

    assert report.billing == "duration"
    assert dataclasses.replace(report, billed_duration_ms=3).billing == "unexplained"
