"""The history file: what becomes an entry, and that lines are only ever added whole."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import report_sample
from history_sample import entry

from bench.errors import MeasurementError, RecordError
from bench.history.entries import (
    ANCHOR,
    FILE,
    append,
    entries_of,
    hard_key,
    load,
)
from bench.judgement import Judgement
from bench.model import Commit, Record

COMMIT = Commit(id="c" * 40)


def anchored() -> tuple[Record, Judgement]:
    """The sample with its baseline as the anchor of one function."""
    record, judgement = report_sample.record(), report_sample.judgement()
    compared = replace(judgement.comparisons[0], baseline=ANCHOR, looks=6)
    artifacts = (
        report_sample.artifact(report_sample.GO, ANCHOR),
        report_sample.artifact(report_sample.GO, "stripped"),
    )
    return (
        replace(record, artifacts=artifacts),
        replace(judgement, comparisons=(compared, *judgement.comparisons)),
    )


def test_a_run_against_an_anchor_is_one_entry_per_comparison() -> None:
    """The ratio, its interval, the commit, and what it was measured against."""
    (found,) = entries_of(*anchored(), COMMIT)

    assert (found.function, found.variant, found.commit) == ("go/hello", "stripped", COMMIT)
    assert (found.ratio, found.low, found.high) == (0.996, 0.991, 1.002)
    assert found.anchor == report_sample.artifact(report_sample.GO, ANCHOR).digest
    assert found.environment == hard_key(report_sample.record().environment)


def test_the_standard_error_is_that_of_the_interval_at_its_look() -> None:
    """An interval that holds at six looks is wider by so much, which is not noise."""
    (found,) = entries_of(*anchored(), COMMIT)

    # The quantile of a two-sided error of 1 % / 6.
    assert found.standard_error == pytest.approx(math.log(1.002 / 0.991) / (2 * 3.1437), rel=1e-3)


def test_an_unfit_run_is_not_history() -> None:
    """It is refused with its reason, as a failed measurement."""
    record, judgement = anchored()

    with pytest.raises(MeasurementError, match="excludes 1") as error:
        entries_of(record, report_sample.unfit(judgement), COMMIT)

    assert error.value.exit_code == 4


@pytest.mark.parametrize("change", ["smoke", "interrupted"])
def test_a_run_without_its_rounds_is_not_history(change: str) -> None:
    """A smoke run and an interrupted one add nothing."""
    record, judgement = anchored()
    smoke = replace(record, plan=replace(record.plan, smoke=True))

    with pytest.raises(MeasurementError, match=change):
        entries_of(
            smoke if change == "smoke" else replace(record, complete=False), judgement, COMMIT
        )


def test_a_run_without_anchors_is_refused() -> None:
    """A run over variants has no ratio that could go into a history."""
    with pytest.raises(RecordError, match="compared nothing with an anchor"):
        entries_of(report_sample.record(), report_sample.judgement(), COMMIT)


def test_lines_are_added_and_kept(tmp_path: Path) -> None:
    """What was there stays byte for byte, and a run is added once."""
    assert append(tmp_path, [entry(1), entry(2)]) == 2
    before = (tmp_path / FILE).read_bytes()

    assert append(tmp_path, [entry(2), entry(3)]) == 1

    assert (tmp_path / FILE).read_bytes().startswith(before)
    assert load(tmp_path) == (entry(1), entry(2), entry(3))


@pytest.mark.parametrize(
    "line", ["{", "{}", "[]", '{"schema": "coldbench-history/9"}', "\x00", "null"]
)
def test_a_damaged_history_is_refused_and_kept(tmp_path: Path, line: str) -> None:
    """Neither reading nor adding touches it; the error names the line."""
    append(tmp_path, [entry(1)])
    file = tmp_path / FILE
    file.write_text(file.read_text() + line + "\n")
    before = file.read_bytes()

    for use in (load, lambda place: append(place, [entry(2)])):
        with pytest.raises(RecordError, match="line 2") as error:
            use(tmp_path)
        assert error.value.exit_code == 2
    assert file.read_bytes() == before


def test_no_history_is_empty(tmp_path: Path) -> None:
    """The first run finds none."""
    assert load(tmp_path / "history") == ()


def test_the_hard_key_knows_only_hard_facts() -> None:
    """The load of a machine is not its type."""
    facts = report_sample.record().environment

    assert hard_key(facts) == hard_key({**facts, "soft": {"load": 9}})
    assert hard_key(facts) != hard_key({**facts, "hard": {"cpu_model": "another"}})
