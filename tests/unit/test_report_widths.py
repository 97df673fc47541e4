"""Every report fits every terminal: no width is too narrow to say what was found."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import report_sample

from bench.gate import gated
from bench.judgement import Judgement
from bench.model import Demands, Record, Revision
from bench.report.contents import compose
from bench.report.text import render
from bench.stats.judge import judge
from tests.acceptance.record_damage import NEW, OLD, sound_record

WIDTHS = range(20, 121)


def held(record: Record) -> tuple[Record, Judgement]:
    sealed = replace(record, sealed=True)
    return sealed, gated(sealed, judge(sealed), Demands(), margin=0.01)


def named(record: Record, *names: str) -> Record:
    """The record of revisions that the user called this."""
    sides = zip(record.revisions, names, strict=True)
    return replace(record, revisions=tuple(replace(r, name=n, variant=n) for r, n in sides))


def packages() -> Record:
    """A comparison of two zip files, whose identity has no place to be broken."""
    sides = (
        Revision(variant=v, name=f"/abs/{v}.zip", kind="zip", path=Path(f"/abs/{v}.zip"), digest=d)
        for v, d in ((OLD, "a" * 64), (NEW, "b" * 64))
    )
    return replace(sound_record(), revisions=tuple(sides))


def empty() -> Record:
    """A comparison in which nothing could be compared."""
    record = sound_record()
    return replace(
        record,
        plan=replace(record.plan, cells=()),
        functions=(),
        artifacts=(),
        trials=(),
        unpaired={"python/new": NEW},
        incomparable={"python/both": f"`{OLD}` differs in its runtime_version"},
    )


SAMPLES = {
    "variants": (report_sample.record(), report_sample.judgement()),
    "unfit": (report_sample.record(), report_sample.unfit(report_sample.judgement())),
    "revisions": held(sound_record()),
    "regression": held(sound_record(ratio=1.2)),
    "long branch": held(named(sound_record(), "feature/a-long-branch-name@11111111", "WORKTREE")),
    "packages": held(packages()),
    "nothing compared": held(empty()),
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_line_is_wider_than_any_terminal(sample: str) -> None:
    """From a sidebar to a wide window, no line exceeds the width."""
    document = compose(*SAMPLES[sample])

    too_wide = [
        (width, line)
        for width in WIDTHS
        for line in render(document, width=width, colour=False).splitlines()
        if len(line) > width
    ]

    assert too_wide == []


@pytest.mark.parametrize("sample", ["revisions", "long branch", "packages"])
def test_a_table_of_words_is_never_lost(sample: str) -> None:
    """Where its columns do not fit beside each other, every value is there all the same."""
    record, judgement = SAMPLES[sample]
    document = compose(record, judgement)

    texts = [re.sub(r"\s", "", render(document, width=w, colour=False)) for w in WIDTHS]

    assert [
        (width, revision.name)
        for revision in record.revisions
        for width, text in zip(WIDTHS, texts, strict=True)
        if revision.name not in text.partition("REVISIONS")[2]
    ] == []
