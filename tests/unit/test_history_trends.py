"""Nominations, their answers, and what is told to whom."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from history_sample import entry, series, step

from bench.commands.trend_measure import obstacle
from bench.history import chart, confirmations, report
from bench.history.changes import Change
from bench.history.confirmations import Nomination, decide, known, nominations
from bench.history.trends import Trend, trends
from bench.model import Commit

#: Those of the series.
CONDITIONS = {"event": "hello", "memory_mb": 1769, "page_cache": "warm"}


def nomination(**changes: Any) -> Nomination:
    (found,) = nominations(step(20, 10, 0.05), [Change(index=20, ratio=1.05)])
    return replace(found, **changes)


def result(verdict: str, ratio: float | None = 1.05) -> dict[str, Any]:
    row = {"metric": "cpu_cold_total", "verdict": verdict, **CONDITIONS}
    ends = {"ratio": ratio, "low": ratio and ratio - 0.01, "high": ratio and ratio + 0.01}
    return {"comparisons": [row | ends], "verdict": "regression", "run": {"id": "again"}}


def answered(state: str) -> tuple[Trend, ...]:
    entries = step(20, 10, 0.05)
    (found,) = trends(entries, ())
    (named, _) = found.nominated[0]
    verdict = {"confirmed": "slower", "refuted": "same", "undecided": "inconclusive"}[state]
    return trends(entries, [decide(named, result(verdict))])


@pytest.mark.parametrize(
    "other", [{"event": "order"}, {"memory_mb": 512}, {"page_cache": "evicted"}]
)
def test_only_the_conditions_of_the_series_answer(other: dict[str, Any]) -> None:
    """A row about another event, memory size or state of the page cache decides nothing."""
    slower = result("slower")
    answer = decide(nomination(), {**slower, "comparisons": [slower["comparisons"][0] | other]})

    assert (answer.state, answer.ratio) == ("undecided", None)


def test_both_sides_of_a_nomination_are_surely_apart() -> None:
    """One entry further out than the change point on each side, as its place is sure to one."""
    found = nomination()

    assert found.before.run == entry(18).run
    assert found.after.run == entry(21).run


@pytest.mark.parametrize(
    ("verdict", "ratio", "state"),
    [
        ("slower", 1.05, "confirmed"),
        ("small change", 1.02, "confirmed"),
        ("faster", 0.95, "refuted"),
        ("same", 1.0, "refuted"),
        ("inconclusive", 1.03, "undecided"),
        ("off-CPU change", 1.0, "undecided"),
        ("incomparable", None, "undecided"),
    ],
)
def test_the_paired_answer_decides(verdict: str, ratio: float | None, state: str) -> None:
    """Only a verdict in the same direction confirms; no verdict is no answer."""
    assert decide(nomination(), result(verdict, ratio)).state == state


def test_a_comparison_without_the_event_decides_nothing() -> None:
    """A result that has no such row leaves the nomination open."""
    other = {"comparisons": [], "verdict": "unfit", "run": {"id": "again"}}

    assert decide(nomination(), other).state == "undecided"


@pytest.mark.parametrize("index", [19, 20, 21])
def test_an_answer_is_found_again_when_the_place_moves(index: int) -> None:
    """A change point may move within the commits that were compared; that needs no other run."""
    answer = decide(nomination(), result("slower"))

    assert known(nomination(index=index), [answer], step(20, 10, 0.05)) == answer


@pytest.mark.parametrize("index", [18, 22])
@pytest.mark.parametrize("verdict", ["same", "slower"])
def test_an_answer_says_nothing_of_what_was_not_measured(index: int, verdict: str) -> None:
    """A change at a commit outside of those that were compared is a new one."""
    answer = decide(nomination(), result(verdict))

    assert known(nomination(index=index), [answer], step(20, 10, 0.05)) is None


def test_an_answer_is_that_of_its_own_series() -> None:
    """Neither another series nor one that lost the measured entries has it."""
    answer = decide(nomination(), result("slower"))
    entries = step(20, 10, 0.05)

    assert known(nomination(series=("another",)), [answer], entries) is None
    assert known(nomination(), [answer], entries[:18]) is None


def test_answers_are_kept(tmp_path: Path) -> None:
    """What was measured again is not measured a third time."""
    answer = decide(nomination(), result("slower"))

    confirmations.append(tmp_path, answer)

    assert confirmations.load(tmp_path) == (answer,)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (Commit(id="a"), Commit(id="b"), ""),
        (Commit(id="a"), Commit(id="a"), "both entries are of the same commit"),
        (Commit(id="a"), Commit(id="b", dirty=True), "one of its entries is of uncommitted work"),
        (Commit(), Commit(id="b"), "its entries have no commits"),
    ],
)
def test_what_cannot_be_measured_again(before: Commit, after: Commit, reason: str) -> None:
    """Only two clean commits can be built again."""
    found = nomination(before=entry(1, commit=before), after=entry(2, commit=after))

    assert obstacle(found) == reason


@pytest.mark.parametrize("state", ["refuted", "undecided"])
def test_only_confirmed_changes_are_told(state: str) -> None:
    """A nomination that was not confirmed is in no list of changes."""
    assert "## Changes" not in report.markdown(answered(state))
    assert report.headline(answered(state)) == "0 confirmed changes in 1 series."


def test_a_nomination_without_an_answer_is_not_told() -> None:
    """It may be noise, and the report says so."""
    text = report.markdown(trends(step(20, 10, 0.05), ()))

    assert "## Changes" not in text
    assert "not measured again yet, so it may be noise" in text


def test_a_confirmed_change_is_told_with_the_paired_numbers() -> None:
    """The size is that of the re-measurement, between the commits that it compared."""
    text = report.markdown(answered("confirmed"))

    assert "**slower** +5.0 % [+4.0 %, +6.0 %]" in text
    assert f"between `{'12' * 6}` and `{'15' * 6}`" in text
    assert "both measured again in run `again`" in text


def test_series_are_split_by_function_conditions_and_anchor() -> None:
    """A new anchor begins a new series; a new machine does not."""
    rows = [entry(1), entry(2, anchor="b" * 64), entry(3, environment="another"), entry(4)]

    assert [len(t.entries) for t in trends(rows, ())] == [3, 1]


def test_a_chart_is_an_svg_with_every_entry() -> None:
    """Each entry is a point with its interval, and the words say the same."""
    drawn = chart.render("go/hello", trends(series([1.0, 1.01, 0.99]), ()))

    root = ET.fromstring(drawn)
    assert len(root.findall(".//{http://www.w3.org/2000/svg}circle")) == 3
    assert "3 entries, the last ×0.990" in drawn


def test_a_chart_marks_what_is_known() -> None:
    """Confirmed changes are full lines, open ones dashed, refuted ones not there."""
    lines = {
        state: [kind for kind in "cn" if f'class="{kind}"' in chart.render("f", answered(state))]
        for state in ("confirmed", "undecided", "refuted")
    }

    assert lines == {"confirmed": ["c"], "undecided": ["n"], "refuted": []}


def test_report_and_charts_are_files(tmp_path: Path) -> None:
    """`trend.md` names the chart of each function, which lies beside it."""
    files = report.write(tmp_path, answered("confirmed"))

    assert [file.name for file in files] == ["trend.md", "trend-go-hello.svg"]
    assert "(trend-go-hello.svg)" in files[0].read_text()
