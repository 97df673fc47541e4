"""How a comparison of revisions reads: text, summary, comment and JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from bench.gate import gated
from bench.judgement import ExpectedTotal, Judgement
from bench.model import Demands, Record
from bench.report import comment, render, step_summary
from bench.report.result import schema
from bench.stats.judge import judge
from bench.subjects import Function, VariantSource
from tests.acceptance.record_damage import FUNCTIONS, NEW, OLD, sound_record


def judged(record: Record, *rules: str, **demands: bool) -> tuple[Record, Judgement]:
    sealed = replace(record, sealed=True)
    wanted = Demands(fail_on=rules, **demands)
    return sealed, gated(sealed, judge(sealed), wanted, margin=0.01)


def rendered(record: Record, form: str, *rules: str, **demands: bool) -> str:
    return render(*judged(record, *rules, **demands), form)


def identical(record: Record) -> Record:
    """The record of revisions whose packages do not differ."""
    artifacts = tuple(
        replace(a, identical_to=OLD) if a.variant == NEW else a for a in record.artifacts
    )
    plan = replace(record.plan, cells=())
    return replace(record, plan=plan, trials=(), artifacts=artifacts)


def test_the_headline_names_both_revisions() -> None:
    """A reader sees what was compared before any number."""
    first = rendered(sound_record(ratio=1.2), "text").splitlines()[0:2]

    assert " ".join(first).startswith(
        "regression: 3 slower, by CPU time of the cold total, `WORKTREE` against `main@11111111`"
    )


def test_the_headline_says_when_a_package_is_what_fails() -> None:
    """A regression of size alone is not read out of verdicts on speed."""
    grown = tuple(
        replace(a, zip_bytes=2 * a.zip_bytes) if a.variant == NEW else a
        for a in sound_record().artifacts
    )
    text = rendered(replace(sound_record(), artifacts=grown), "text", "larger:1%")

    assert text.startswith("regression: 3 packages larger than allowed, 3 ")


def test_the_revisions_are_identified() -> None:
    """Years later the commit is known, and that there was more than the commit."""
    text = rendered(sound_record(), "markdown")

    assert "commit 1111111111111111111111111111111111111111" in text
    assert "with uncommitted changes" in text


def test_a_missing_counterpart_is_named_even_if_allowed() -> None:
    """What was not compared is said, whether or not it fails the gate."""
    record = replace(sound_record(), unpaired={"python/new": NEW})

    for form in ("text", "markdown", "summary", "comment"):
        text = rendered(record, form, allow_missing=True)
        assert "has no counterpart in the other revision" in " ".join(text.split()), form
        assert "python/new" in text, form


@pytest.mark.parametrize("form", ["text", "markdown", "summary", "comment"])
def test_what_cannot_be_compared_is_not_called_missing(form: str) -> None:
    """Each function is named with what is true of it, also where only one fails the gate."""
    record = replace(
        sound_record(),
        unpaired={"python/new": NEW},
        incomparable={"python/both": "`main` differs in its runtime_version"},
    )

    text = " ".join(rendered(record, form, allow_missing=True).split())

    assert f"`python/new` of `{NEW}` has no counterpart" in text
    assert "`python/both` cannot be compared: `main` differs in its runtime_version" in text
    assert text.count("has no counterpart") == 1


def test_what_cannot_be_compared_is_in_the_json() -> None:
    """With its reason, as the schema says."""
    record = replace(sound_record(), incomparable={"python/both": "no common event"})

    document = json.loads(rendered(record, "json"))

    jsonschema.validate(document, schema())
    assert (document["incomparable"], document["unpaired"]) == (
        {"python/both": "no common event"},
        {},
    )


def test_the_python_of_packages_that_do_not_tell_it_is_in_the_report() -> None:
    """A deployment package says nothing of its Python; the session knows which one ran."""
    record = sound_record()
    record = replace(
        record,
        artifacts=tuple(replace(a, toolchain={}) for a in record.artifacts),
        environment={**record.environment, "pythons": {FUNCTIONS[0]: "3.12.4"}},
    )

    text = rendered(record, "text")

    assert f"python of {FUNCTIONS[0]}" in text
    assert "3.12.4" in text
    assert "pythons." not in text


def test_identical_packages_are_said() -> None:
    """Byte for byte the same is a result, without a table of dashes."""
    text = rendered(identical(sound_record()), "text")

    assert text.startswith("no regression: 3 functions byte-identical in both and not measured\n")
    assert "python/orders: nothing was measured" not in text
    assert "python/orders" in text


def test_untouched_functions_are_counted() -> None:
    """What was left out because no file changed is said, too."""
    record = replace(identical(sound_record()), unchanged=("go/a", "go/b"))

    assert "2 functions without a changed file and not built" in rendered(record, "comment")


@pytest.mark.parametrize("rules", [(), ("slower:5%", "larger:1%")])
def test_the_gate_is_in_the_json(rules: tuple[str, ...]) -> None:
    """Scripts find rules, verdict, exit code and findings, as the schema says."""
    document = json.loads(rendered(sound_record(ratio=1.2), "json", *rules))

    jsonschema.validate(document, schema())
    assert document["gate"]["exit_code"] == 1
    assert document["gate"]["rules"] == list(rules or ("slower",))
    assert {finding["state"] for finding in document["gate"]["findings"]} == {"regression"}
    assert document["verdict"] == "regression"
    assert [revision["variant"] for revision in document["revisions"]] == [OLD, NEW]


def test_a_comment_has_its_mark_first() -> None:
    """A workflow finds the comment of the last push by it."""
    assert rendered(sound_record(), "comment").splitlines()[0] == comment.MARK


def test_a_comment_shows_sizes_that_changed() -> None:
    """Every byte counts, and only what differs is listed."""
    record = sound_record()
    artifacts = tuple(
        replace(a, zip_bytes=1_000_024) if (a.function, a.variant) == (FUNCTIONS[1], NEW) else a
        for a in record.artifacts
    )

    text = rendered(replace(record, artifacts=artifacts), "comment")

    assert "- `python/users` `WORKTREE`: zip +24 B (+0.0 %), now 1.00 MB" in text
    assert "`python/orders` `WORKTREE`: zip" not in text


def test_a_comment_is_cut_off_at_its_limit() -> None:
    """GitHub refuses longer ones, so the end is missing and said to be."""
    record = replace(sound_record(), warnings=tuple("w" * 999 + str(n) for n in range(100)))

    text = rendered(record, "comment")

    assert len(text) == comment.LIMIT
    assert text.endswith("the report has all of it.\n")


def test_a_summary_drops_sections_at_its_limit() -> None:
    """A summary that is too large shows nothing at all on GitHub; its beginning matters most."""
    text = step_summary.render(*judged(sound_record()), limit_bytes=4_000)

    assert len(text.encode()) <= 4_000
    assert text.startswith("# Cold starts: ")
    assert "## Environment" not in text


def mixed() -> tuple[Record, Judgement]:
    """A judgement in which the candidate's init is better and its response worse."""
    record, judgement = judged(sound_record())
    common = {
        "function": FUNCTIONS[0],
        "memory_mb": 512,
        "page_cache": "warm",
        "kind": "modelled",
        "shares": {"used": 0.2, "unused": 0.8},
    }

    def total(variant: str, expected: int, init: int, **flags: bool) -> ExpectedTotal:
        return ExpectedTotal(
            **common,  # type: ignore[arg-type]
            variant=variant,
            expected_ns=expected * 1_000_000,
            low_ns=(expected - 1) * 1_000_000,
            high_ns=(expected + 1) * 1_000_000,
            init_ns=init * 1_000_000,
            init_low_ns=init * 1_000_000,
            init_high_ns=init * 1_000_000,
            **flags,
        )

    totals = (total(OLD, 100, 80, best=True), total(NEW, 150, 40, deceptive=True))
    return record, replace(judgement, expected=totals)


@pytest.mark.parametrize("form", ["text", "markdown", "summary", "comment"])
def test_a_better_init_with_a_worse_response_is_said_in_words(form: str) -> None:
    """Nobody has to compare two columns to see the trap."""
    text = " ".join(render(*mixed(), form).split())

    assert (
        "at 512 MB `WORKTREE` makes Init Duration look better (-50.0 %) and the expected first"
        " response worse (+50.0 %) than `main@11111111`: do not judge it by Init Duration" in text
    )
    assert "at 512 MB `main@11111111` answers soonest, after 100 ms on average" in text


@pytest.mark.parametrize("form", ["text", "markdown", "summary", "comment"])
@pytest.mark.parametrize("unsound", ["unfit", "smoke"])
def test_a_run_without_verdicts_recommends_nothing(unsound: str, form: str) -> None:
    """Its expected totals are numbers: none is the best, and none is warned of."""
    record, judgement = mixed()
    if unsound == "smoke":
        record = replace(record, plan=replace(record.plan, smoke=True))
    else:
        judgement = replace(judgement, fit=False, fit_reasons=("noise",), verdict="unfit")

    text = " ".join(render(record, judgement, form).split())

    assert "Expected cold total over the mix of events" in text
    for advice in ("answers soonest", "do not judge it", "←"):
        assert advice not in text


def test_expected_totals_are_in_the_json() -> None:
    """With their mix and their intervals, as the schema says."""
    document = json.loads(render(*mixed(), "json"))

    jsonschema.validate(document, schema())
    assert [total["expected_ns"] for total in document["expected"]] == [100_000_000, 150_000_000]


def test_what_differs_between_revisions_is_configured_per_revision() -> None:
    """Each side runs with its own environment and timeout."""
    function = Function(
        id="python/a",
        runtime="python",
        directory=Path(),
        handler="a.b",
        events=(),
        environment={"MODE": "new"},
        sources={OLD: VariantSource(environment={"MODE": "old"}, timeout_s=3.0)},
    )

    assert function.configured(NEW) is function
    assert function.configured(OLD).environment == {"MODE": "old"}
    assert function.configured(OLD).timeout_s == 3.0
