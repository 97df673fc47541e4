"""What the sections say, whatever they look like."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import report_sample

from bench.build.elf import breakdown
from bench.judgement import Control
from bench.model import Record
from bench.planning import LONG_LOOKS
from bench.report import headline, memory_sizes
from bench.report.contents import compose
from bench.report.document import Code, Document, Table, Text, with_code
from bench.report.findings import Findings
from bench.report.measures import interval_words, number, percentage
from bench.session.attempts import Attempts


def _tables(document: Document, section: str) -> list[Table]:
    blocks = next(s.blocks for s in document.sections if s.title == section)
    return [block for block in blocks if isinstance(block, Table)]


def _notes(table: Table) -> list[str]:
    return ["".join(note) for note in table.notes]


def _compose(record: Record) -> Document:
    return compose(record, report_sample.judgement())


def _method(record: Record) -> str:
    return str(next(s.blocks for s in _compose(record).sections if s.title == "Method"))


def _words(text: Text) -> str:
    return "".join(text)


@pytest.mark.parametrize(
    ("low", "probability", "high", "expected"),
    [
        (0.0, 0.0, 0.0, "never pays, however few events need pandas"),
        (0.001, 0.002, 0.01, "only if fewer than 0.2 % (between 0.1 % and 1 %) of events need"),
        (
            0.2,
            0.2891,
            0.38,
            "only if fewer than 29 % (between 20 % and 38 %) of events need pandas",
        ),
        (0.288, 0.2891, 0.2901, "only if fewer than 29 % of events need pandas"),
        (0.5, 0.9996, 1.0, "only if fewer than 99.9 % (between 50 % and 100 %) of events need"),
        (1.0, 1.0, 1.0, "always pays, even if every event needs pandas"),
        (0.9, 1.0, 1.0, "if fewer than 90 % of events need pandas; above, noise hides the diff"),
        (0.0, 0.0, 0.3, "hardly pays: at most if fewer than 30 % of events need pandas"),
        (0.0, 0.7, 1.0, "may or may not pay, whatever share of events needs pandas"),
        (None, 0.2891, None, "only if fewer than 29 % of events need pandas, by the medians alone"),
        (None, 1.0, None, "always pays, even if every event needs pandas, by the medians alone"),
    ],
)
def test_break_even_is_a_sentence_to_act_on(
    low: float | None, probability: float, high: float | None, expected: str
) -> None:
    """Each probability becomes advice; always and never are said where the interval says so."""
    judgement = report_sample.judgement()
    even = replace(
        judgement.break_evens[0],
        memory_mb=512,
        kind="measured",
        probability=probability,
        low=low,
        high=high,
    )
    findings = Findings.of(report_sample.record(), replace(judgement, break_evens=(even,)))

    section = memory_sizes.section(findings)

    assert section is not None
    table = section.blocks[-1]
    assert isinstance(table, Table)
    assert _notes(table)[-1].startswith("at 512 MB lazy ")
    assert expected in _notes(table)[-1]


@pytest.mark.parametrize("unsound", ["unfit", "smoke"])
def test_a_run_without_verdicts_has_no_break_even(unsound: str) -> None:
    """Whether a lazy import pays is advice; how far the model was off is not."""
    record, judgement = report_sample.record(), report_sample.judgement()
    if unsound == "smoke":
        record = replace(record, plan=replace(record.plan, smoke=True))
    else:
        judgement = report_sample.unfit(judgement)

    notes = _notes(_tables(compose(record, judgement), "Memory sizes")[-1])

    assert [note.partition(" ")[0] for note in notes] == ["Model"]


def test_model_is_shown_with_its_deviation_at_each_size() -> None:
    """Modelled sizes come with how far the model was off where it was checked."""
    document = compose(report_sample.record(), report_sample.judgement())

    notes = _notes(_tables(document, "Memory sizes")[-1])

    assert "128 MB -1.7 % (9.02 for 9.18 s, n = 3, CPU ×1.03); 512 MB +2.9 %" in notes[0]


def test_comparison_at_another_memory_size_is_a_note() -> None:
    """A verdict at a size without a main table is not lost."""
    judgement = report_sample.judgement()
    cell = report_sample.python_cell("lazy", "used", 512)
    slower = report_sample.comparison(cell, "eager", ratio=1.2, low=1.1, high=1.3, verdict="slower")
    document = compose(
        report_sample.record(), replace(judgement, comparisons=(*judgement.comparisons, slower))
    )

    notes = _notes(_tables(document, "Memory sizes")[-1])

    assert notes[0] == "at 512 MB, event used: lazy slower ×1.20 [1.10, 1.30] (CPU, n = 16)"


def test_wall_only_change_shows_the_wall_ratio() -> None:
    """An off-CPU change is explained by the ratio that CPU time cannot show."""
    document = compose(report_sample.record(), report_sample.judgement())

    notes = _notes(_tables(document, "Cold start")[0])

    assert "norpc: wall time of the cold total ×1.38 [1.35, 1.41]" in notes


def test_shared_warning_is_said_once() -> None:
    """A warning about several variants names them all in one note."""
    judgement = report_sample.judgement()
    warned = tuple(replace(c, warnings=("few rounds",)) for c in judgement.comparisons)
    document = compose(report_sample.record(), replace(judgement, comparisons=warned))

    notes = _notes(_tables(document, "Cold start")[0])

    assert [n for n in notes if "few rounds" in n] == ["stripped, norpc, static: few rounds"]


def test_packages_say_whether_they_are_reproducible() -> None:
    """Proved, disproved and not proved are three different words."""
    document = compose(report_sample.record(), report_sample.judgement())

    rows = _tables(document, "Packages")[0].rows

    found = [_words(row.entries[-1].text) for row in rows if not row.remark]
    assert found == ["no", "no", "yes", "not proved", "not proved"]


def test_parts_of_a_real_executable_have_their_columns() -> None:
    """What the reader of ELF files calls machine code stands under `.text`."""
    parts = breakdown(Path(sys.executable).resolve())
    built = report_sample.artifact(report_sample.GO, "default", breakdown=parts)
    record = replace(report_sample.record(), artifacts=(built,))

    titles = [column.title for column in _tables(_compose(record), "Packages")[0].columns]

    assert ".text" in titles


def test_order_says_how_many_rounds_ran() -> None:
    """A plan is no result: rounds that a budget cut off are not claimed."""
    sample = report_sample.record()
    short = replace(sample, trials=tuple(t for t in sample.trials if t.round < 8))

    assert "Order: 5 judged rounds (16 were planned), each" in _method(short)
    assert "Order: 16 judged rounds, each" in _method(sample)


def test_run_that_never_judged_a_round_says_so() -> None:
    """With discarded rounds only, the first sentence is not about comparisons."""
    sample = report_sample.record()
    short = replace(sample, trials=tuple(t for t in sample.trials if t.discarded))

    assert "before its first judged round" in _words(_compose(short).headline)


def test_alternatives_lead_with_their_counts() -> None:
    """A run that is no gate says what it found, not that there was no regression."""
    judgement = replace(report_sample.judgement(), verdict="no regression")
    document = compose(report_sample.record(), judgement)

    assert document.verdict == "2 faster, 2 slower, 1 off-CPU change, 1 same, 1 inconclusive"
    assert "regression" not in _words(document.headline)


def test_run_without_comparisons_says_so() -> None:
    """Nothing compared is no verdict on anything."""
    judgement = replace(report_sample.judgement(), comparisons=(), verdict="inconclusive")
    document = compose(report_sample.record(), judgement)

    assert document.verdict == "inconclusive"
    assert _words(document.headline) == "nothing was compared with a baseline"


def test_limit_warning_stands_under_the_packages() -> None:
    """A package near a limit of Lambda is pointed out where its size is."""
    document = compose(report_sample.record(), report_sample.judgement())

    notes = _notes(_tables(document, "Packages")[1])

    assert notes == ["eager: 41.2 MB are 82 % of the 50 MB that can be uploaded directly"]


def test_failed_control_says_what_it_found() -> None:
    """A control that found a difference where there is none is named as not ok."""
    bad = report_sample.control("go/hello", "default", "hello", ratio=1.05, low=1.02, high=1.08)
    document = compose(report_sample.record(), replace(report_sample.judgement(), controls=(bad,)))

    row = _tables(document, "Controls")[0].rows[0]

    assert _words(row.entries[-1].text) == "not ok: difference found"


def _controls_legend(*controls: Control) -> str:
    found = replace(report_sample.judgement(), controls=controls)
    document = compose(report_sample.record(), found)
    return str(next(s.blocks for s in document.sections if s.title == "Controls"))


def test_the_known_shift_is_explained_where_there_is_one() -> None:
    """A run without one, as on real Lambda, does not speak of it."""
    plain = report_sample.control("go/hello", "default", "hello", ratio=1.0, low=0.99, high=1.01)
    shift = replace(plain, kind="known-shift", expected=1.02)

    assert "2 % more work; its interval must contain 1.02" in _controls_legend(plain, shift)
    assert "known shift" not in _controls_legend(plain)


def test_only_verdicts_that_occur_are_explained() -> None:
    """With the margin that they were given by."""
    comparisons = tuple(
        replace(c, verdict="small change") for c in report_sample.judgement().comparisons
    )
    found = replace(report_sample.judgement(), comparisons=comparisons, margin=0.03)
    legend = str(compose(report_sample.record(), found).sections[0].blocks[0])

    assert "Small change: the interval excludes 1, so there is a change, but not the" in legend
    assert "margin of 3 %" in legend
    assert "Inconclusive" not in legend


@pytest.mark.parametrize(
    ("n", "more", "advice"),
    [(54, 120, "a longer --budget."), (273, 2_602, "--rounds 2900."), (8, 635, "--rounds 650.")],
)
def test_what_would_settle_an_undecided_comparison(n: int, more: int, advice: str) -> None:
    """A longer budget helps until the last look; beyond, only a fixed number of rounds does."""
    looks = (8,) if n == 8 else LONG_LOOKS
    record = report_sample.record()
    record = replace(record, plan=replace(record.plan, looks=looks))
    comparisons = tuple(
        replace(c, n=n, rounds_to_settle=more) for c in report_sample.judgement().comparisons
    )
    document = compose(record, replace(report_sample.judgement(), comparisons=comparisons))

    notes = [note for t in _tables(document, "Cold start") for note in _notes(t)]
    assert any(note.endswith(f": try {advice}") for note in notes), notes


def test_backticks_in_a_sentence_are_code() -> None:
    """What is typed looks like what is typed; backticks that do not pair are left alone."""
    assert with_code("try `--memory` now") == ("try ", Code("--memory"), " now")
    assert isinstance(with_code("`a`")[0], Code)
    assert with_code("one ` only") == ("one ` only",)


def test_run_without_a_cgroup_claims_no_quota() -> None:
    """Where nothing could be limited, the method does not say that it was."""
    sample = report_sample.record()
    unlimited = replace(sample, environment={**sample.environment, "cgroup": "none"})

    document = compose(unlimited, report_sample.judgement())

    method = next(s for s in document.sections if s.title == "Method")
    assert "no quota was enforced" in str(method.blocks)
    assert "20 ms ×" not in str(method.blocks)


def test_command_reproduces_with_the_seed() -> None:
    """A command that left the seed to chance is shown with the one that was drawn."""
    record = replace(report_sample.record(), command="coldbench run")

    document = compose(record, report_sample.judgement())

    console = document.sections[-1].blocks[0]
    assert getattr(console, "text", None) == "$ coldbench run --seed 7"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "0 %"),
        (0.0001, "0.1 %"),
        (0.018, "1.8 %"),
        (0.05, "5 %"),
        (0.99, "99 %"),
        (1.0, "100 %"),
    ],
)
def test_percentages_are_short_and_never_round_to_certainty(share: float, expected: str) -> None:
    """Only nothing is 0 % and only everything is 100 %."""
    assert expected == percentage(share)


@pytest.mark.parametrize(
    ("value_ns", "expected"),
    [(0, "0"), (912_000, "0.91"), (91_200, "0.091"), (9_354_000, "9.35"), (1_204_000_000, "1204")],
)
def test_numbers_keep_two_digits_that_mean_something(value_ns: int, expected: str) -> None:
    """A value much smaller than its column's unit does not vanish."""
    assert expected == number(value_ns, ("ms", 1_000_000))


def test_narrow_interval_of_a_ratio_gets_another_digit() -> None:
    """Rounding does not make an interval look empty."""
    assert interval_words(0.9961, 0.9912, 1.0018) == "×0.996 [0.991, 1.002]"


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (None, []),
        ("3.11", ["3.11.7"]),
        ("3.1", ["3.11.7, which served instead of 3.1"]),
        ("3.13", ["3.11.7, which served instead of 3.13"]),
    ],
)
def test_an_interpreter_that_was_asked_for_is_named(wanted: str | None, rows: list[str]) -> None:
    """The environment says what a function of a version ran on, and whether that is the one."""
    sample = report_sample.record()
    functions = tuple(
        replace(f, runtime_version=wanted) if f.runtime == "python" else f for f in sample.functions
    )
    artifacts = tuple(
        replace(a, toolchain={"python": "3.11.7"}) if a.function.startswith("python/") else a
        for a in sample.artifacts
    )

    document = _compose(replace(sample, functions=functions, artifacts=artifacts))

    (table,) = _tables(document, "Environment")
    facts = {_words(row.entries[0].text): _words(row.entries[1].text) for row in table.rows}
    assert [v for k, v in facts.items() if k.startswith("python of python/")] == rows


def test_the_method_says_what_of_an_invoke_is_ours() -> None:
    """A record that knows the harness's own round trip has one line about it, others none."""
    sample = report_sample.record()
    figures = {"p50_ns": 61_800, "p99_ns": 120_400, "n": 200}
    measured = replace(sample, environment={**sample.environment, "round_trip": figures})

    assert "Our own round trip: p50 62 µs, p99 120 µs over 200 invokes" in _method(measured)
    assert "round trip" not in _method(sample)


def test_a_cell_that_was_given_up_is_named_once() -> None:
    """What failed, why, and that it was not tried again are one sentence, and no warning too."""
    record = report_sample.record()
    (failed,) = Findings.of(record, report_sample.judgement()).failures
    trials = tuple(t for t in record.trials if t.cell != failed or t.round < 3)
    given_up = Attempts(trials).given_up()
    record = replace(record, trials=trials, warnings=(*given_up, "something else"))
    findings = Findings.of(record, report_sample.judgement())

    assert len(given_up) == 1
    (failure,) = (_words(text) for text in headline.failures(findings) if "trials" in text[0])
    assert failure.startswith("3 of 3 trials failed, after which no more were made: go/hello ")
    said = [_words(text) for text in headline.warnings(findings)]
    assert "warning: something else" in said
    assert not any("was not tried again" in text for text in said)
