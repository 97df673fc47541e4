"""Reports for the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import report_sample

from bench.judgement import Judgement
from bench.model import Record
from bench.report import render


def _text(record: Record, judgement: Judgement, **options: int | bool) -> str:
    return render(record, judgement, "text", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [40, 60, 72, 80, 90, 100, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Whatever the width, no line exceeds it."""
    text = _text(report_sample.record(), report_sample.judgement(), width=width)

    assert width >= max(len(line) for line in text.splitlines())


def test_long_names_and_messages_still_fit() -> None:
    """Names and messages longer than the terminal are wrapped, not cut and not overflowing."""
    sample = report_sample.record()
    name = "a-variant-with-a-name-that-is-much-longer-than-anybody-would-like"
    build = replace(sample.failed_builds[0], variant=name, message="x" * 300)

    text = _text(replace(sample, failed_builds=(build,)), report_sample.judgement())

    assert max(len(line) for line in text.splitlines()) <= 100
    assert text.split("FAILURES")[1].split("`go/hello`")[1].count("x") - name.count("x") == 300


def test_verdict_is_the_first_word() -> None:
    """The first line begins with the verdict of the run."""
    assert _text(report_sample.record(), report_sample.judgement()).startswith("regression: ")


def test_colour_adds_nothing_but_colour() -> None:
    """Without its escape sequences, the coloured report is the plain one: no meaning is lost."""
    plain = _text(report_sample.record(), report_sample.judgement())
    coloured = _text(report_sample.record(), report_sample.judgement(), colour=True)

    assert "\x1b[" in coloured
    assert plain == re.sub(r" +$", "", re.sub(r"\x1b\[[\d;]*m", "", coloured), flags=re.MULTILINE)


def test_escape_sequences_of_functions_do_not_reach_the_terminal() -> None:
    """A function's own output cannot move the cursor or colour the report."""
    assert "\x1b" not in _text(report_sample.record(), report_sample.judgement())


def test_identical_variant_is_one_row_in_words() -> None:
    """A variant with the same bytes as another is named as such instead of measured."""
    text = _text(report_sample.record(), report_sample.judgement())

    assert re.search(r"^smallest +identical to `static`$", text, re.MULTILINE)


def test_failed_build_and_failed_cell_are_rows_in_words() -> None:
    """What could not be built or measured stands in the table with its reason."""
    text = _text(report_sample.record(), report_sample.judgement())

    assert re.search(r"^trimpath +build failed: \./main\.go:7:2: undefined", text, re.MULTILINE)
    assert re.search(
        r"^stripped-trimpath +19 of 19 trials failed: Runtime\.ExitError", text, re.MULTILINE
    )


def test_comparison_shows_its_word_ratio_and_interval() -> None:
    """A verdict never stands without the ratio and the interval it rests on."""
    text = _text(report_sample.record(), report_sample.judgement(), width=140)

    assert re.search(r"^static .* faster$", text, re.MULTILINE)
    assert re.search(r"^ .* ×0\.734 \[0\.727, 0\.741\]$", text, re.MULTILINE)


def test_unfit_run_gives_reasons_and_no_verdicts() -> None:
    """A run that cannot be trusted shows its numbers and claims nothing."""
    judgement = report_sample.unfit(report_sample.judgement())

    text = _text(report_sample.record(), judgement)

    first = text.split("\n- ")[0].replace("\n  ", " ")
    assert "this run gives no verdicts, because the A/A interval of go/hello excludes 1" in first
    assert "no verdict" in text
    assert not re.search(r" faster$", text, re.MULTILINE)


def test_smoke_run_claims_nothing() -> None:
    """One trial per cell is no basis for a verdict."""
    sample = report_sample.record()
    smoke = replace(sample, plan=replace(sample.plan, smoke=True))

    text = _text(smoke, report_sample.judgement())

    assert "claims nothing about speed" in text
    assert not re.search(r" faster$", text, re.MULTILINE)


def test_function_that_was_never_measured_is_still_reported() -> None:
    """When every build of a function fails, its table says so."""
    sample = report_sample.record()
    bare = replace(
        sample, artifacts=(), trials=(), plan=replace(sample.plan, cells=(), validation_cells=())
    )
    nothing = replace(
        report_sample.judgement(), cells=(), comparisons=(), controls=(), break_evens=()
    )

    text = _text(bare, replace(nothing, model_checks=(), verdict="incomparable"))

    assert "go/hello: nothing was measured" in text
    assert re.search(r"^trimpath +build failed", text, re.MULTILINE)
