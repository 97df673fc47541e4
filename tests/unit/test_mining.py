"""Logs in all their forms, and what is counted in them."""

from __future__ import annotations

import gzip
import io
import json
import sys
from pathlib import Path

import pytest

from bench.cli import main
from bench.errors import RecordError
from bench.mining.invokes import Mine
from bench.mining.saved import read_saved
from bench.mining.summary import Mined, percentiles, summarise

ID = "3f2c1d0e-0000-4000-8000-0000000000{:02d}"
COLD = (
    "REPORT RequestId: {}\tDuration: 10.25 ms\tBilled Duration: 111 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 64 MB\tInit Duration: 100.50 ms\t\n"
)
WARM = (
    "REPORT RequestId: {}\tDuration: 4.00 ms\tBilled Duration: 4 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 80 MB\t\n"
)
RESTORED = (
    "REPORT RequestId: {}\tDuration: 127.10 ms\tBilled Duration: 154 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 80 MB\tRestore Duration: 500.00 ms\tBilled Restore Duration: 26 ms\t\n"
)
METRICS = {
    "durationMs": 5.5,
    "billedDurationMs": 106,
    "memorySizeMB": 256,
    "maxMemoryUsedMB": 40,
    "initDurationMs": 99.5,
}
JSON_REPORT = (
    json.dumps(
        {
            "time": "2026-11-20T00:00:00.000Z",
            "type": "platform.report",
            "record": {"requestId": ID.format(1), "metrics": METRICS, "status": "success"},
        },
        separators=(",", ":"),
    )
    + "\n"
)


def start(number: int, version: str = "7") -> str:
    return f"START RequestId: {ID.format(number)} Version: {version}\n"


def mined(tmp_path: Path, text: str, *, compressed: bool = False) -> Mined:
    path = tmp_path / "app.log"
    path.write_bytes(gzip.compress(text.encode()) if compressed else text.encode())
    mine = Mine()
    read_saved((str(path),), mine)
    return summarise(mine)


def test_cold_and_warm_invokes_are_counted(tmp_path: Path) -> None:
    """Share, percentiles, billed init and head-room of one version."""
    text = start(1) + "hello\n" + COLD.format(ID.format(1)) + start(2) + WARM.format(ID.format(2))
    (group,) = mined(tmp_path, text).groups
    assert (group.version, group.memory_mb, group.invokes, group.cold) == ("7", 512, 2, 1)
    assert group.cold_share == 0.5
    assert group.init_ms["p50"] == 100.5
    assert group.cold_total_ms["max"] == 110.75
    assert group.billed_init_ms == 100
    assert group.memory_head_room == pytest.approx(1 - 80 / 512)


def test_versions_and_sizes_are_kept_apart(tmp_path: Path) -> None:
    """One group each; an invoke whose START is missing is of an unknown version."""
    text = start(1, "1") + COLD.format(ID.format(1)) + start(2, "2") + WARM.format(ID.format(2))
    groups = mined(tmp_path, text + WARM.format(ID.format(3))).groups
    assert [g.version for g in groups] == ["1", "2", "?"]


def test_gzip_and_a_last_line_without_a_break(tmp_path: Path) -> None:
    """The form of the file does not matter."""
    text = start(1) + COLD.format(ID.format(1)).rstrip("\n")
    assert mined(tmp_path, text, compressed=True).groups[0].cold == 1


def test_times_and_streams_before_a_line_are_passed_over(tmp_path: Path) -> None:
    """As `aws logs tail` and exports write them."""
    text = "2026-11-20T00:00:00.000Z 2026/11/20/[7]0abc " + COLD.format(ID.format(1))
    assert mined(tmp_path, text).groups[0].cold == 1


@pytest.mark.parametrize(
    "before",
    ["\t", "EVENTS\t3847\t1763596800000\t2026/11/20/[7]0abc\t", "  2026-11-20T00:00:00.000Z "],
)
def test_no_rare_form_is_lost_behind_what_a_tool_writes_before_it(
    tmp_path: Path, before: str
) -> None:
    """As `aws logs filter-log-events --output text` does, with and without `--query`."""
    failed = WARM.replace("\t\n", "\tStatus: timeout\t\n").format(ID.format(2))
    text = before + RESTORED.format(ID.format(1)) + before + failed + before + JSON_REPORT
    found = mined(tmp_path, text)
    assert sum(group.invokes for group in found.groups) == 3
    assert sum(group.failures for group in found.groups) == 1
    assert found.warnings == ()


@pytest.mark.parametrize("as_events", [False, True])
def test_reports_that_are_not_understood_are_counted(tmp_path: Path, as_events: bool) -> None:
    """A form that nobody has seen yet is told of, and is no invoke less in silence."""
    odd = COLD.format(ID.format(2)).replace("Billed Duration: 111 ms\t", "")
    lines = [COLD.format(ID.format(1)), odd, odd, "a line about REPORTs\n"]
    events = json.dumps({"events": [event("s", 0, line) for line in lines]})
    found = mined(tmp_path, events if as_events else "".join(lines))
    assert found.groups[0].invokes == 1
    assert found.warnings == ("2 REPORT lines were not understood and are not counted",)


def test_a_log_of_nothing_but_odd_reports_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is another mistake than a log without reports."""
    path = tmp_path / "odd.log"
    path.write_text("REPORT RequestId: who-knows\n")
    assert main(["mine", str(path)]) == 2
    assert "1 REPORT lines were not understood" in capsys.readouterr().err


def test_a_restore_is_a_cold_start_and_is_not_billed_twice(tmp_path: Path) -> None:
    """SnapStart has no Init Duration; Billed Duration contains the restore."""
    (group,) = mined(tmp_path, RESTORED.format(ID.format(1))).groups
    assert (group.cold, group.restores, group.billed_ms) == (1, 1, 154)
    assert group.cold_total_ms["max"] == pytest.approx(627.1)


def test_json_logs_are_read(tmp_path: Path) -> None:
    """The platform.report of the JSON log format."""
    (group,) = mined(tmp_path, JSON_REPORT).groups
    assert (group.memory_mb, group.init_ms["p50"]) == (256, 99.5)


def event(stream: str, at_ms: int, message: str) -> dict[str, object]:
    return {"logStreamName": stream, "timestamp": at_ms, "message": message}


def test_proactive_inits_are_counted_apart(tmp_path: Path) -> None:
    """With times and streams: a minute between init and event is no wait of a user."""
    stream = "2026/11/20/[7]0abc"
    init = "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:x\n"
    events = [
        event(stream, 0, init),
        event(stream, 60_000, start(1)),
        event(stream, 60_020, COLD.format(ID.format(1))),
        event("2026/11/20/[7]0def", 0, init),
        event("2026/11/20/[7]0def", 101, start(2)),
        event("2026/11/20/[7]0def", 120, COLD.format(ID.format(2))),
    ]
    (group,) = mined(tmp_path, json.dumps({"events": events})).groups
    assert (group.invokes, group.cold, group.proactive) == (2, 1, 1)


def test_foreign_json_is_refused(tmp_path: Path) -> None:
    """JSON of something else is a mistake that can be named."""
    with pytest.raises(RecordError, match="not of log events"):
        mined(tmp_path, '{"events": [1]}')


def test_percentiles_need_enough_values() -> None:
    """A 99th percentile of ten values is not invented."""
    assert percentiles([float(n) for n in range(1, 11)]) == {
        "p50": 5.0,
        "p90": 9.0,
        "p95": None,
        "p99": None,
        "max": 10.0,
    }


def test_the_command_reads_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`coldbench mine -` gives Markdown, with `--json` the same as JSON."""
    data = (start(1) + COLD.format(ID.format(1))).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(data))))
    assert main(["mine", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"][0]["cold"] == 1


def test_a_log_without_reports_is_advice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing found is said, not shown as zero."""
    path = tmp_path / "empty.log"
    path.write_text("nothing here\n")
    assert main(["mine", str(path)]) == 2
    assert "no REPORT line" in capsys.readouterr().err
