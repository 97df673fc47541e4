"""The gate: what fails it, with which exit code, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.gate import exit_code, gated
from bench.judgement import Gate, Judgement
from bench.model import Demands, Record
from bench.stats.judge import judge
from bench.subjects import FailedBuild
from tests.acceptance.record_damage import FUNCTIONS, NEW, OLD, sound_record

MARGIN = 0.01


def held(record: Record, *rules: str, **demands: Any) -> Gate:
    """The gate of a sealed record."""
    gate = judged(record, *rules, **demands).gate
    assert gate is not None
    return gate


def judged(record: Record, *rules: str, **demands: Any) -> Judgement:
    sealed = replace(record, sealed=True)
    wanted = Demands(fail_on=rules, **demands)
    return gated(sealed, judge(sealed), wanted, margin=MARGIN)


def states(gate: Gate) -> set[str]:
    return {finding.state for finding in gate.findings}


def with_size(record: Record, name: str, size: int, metric: str = "zip_bytes") -> Record:
    """The record with another size of one function's candidate."""
    artifacts = tuple(
        replace(a, **{metric: size}) if (a.function, a.variant) == (name, NEW) else a
        for a in record.artifacts
    )
    return replace(record, artifacts=artifacts)


def test_nothing_changed_passes() -> None:
    """Equal revisions are 0, and nothing is listed."""
    gate = held(sound_record())

    assert (gate.exit_code, gate.verdict, gate.findings) == (0, "no regression", ())


def test_a_run_that_is_held_to_nothing_has_no_gate() -> None:
    """Variants of one run are alternatives: without a rule none of them is a regression."""
    record = replace(sound_record(ratio=1.5), revisions=())

    assert judged(record).gate is None


def test_revisions_are_held_to_the_margin() -> None:
    """Without a rule a candidate that is slower than the margin is a regression."""
    gate = held(sound_record(ratio=1.03))

    assert (gate.exit_code, gate.verdict, gate.rules) == (1, "regression", ("slower",))
    assert {finding.function for finding in gate.findings} == set(FUNCTIONS)


@pytest.mark.parametrize(("ratio", "code"), [(1.03, 0), (1.08, 1), (0.8, 0)])
def test_slower_asks_for_the_whole_interval(ratio: float, code: int) -> None:
    """Only an interval wholly beyond the share of the rule fails it."""
    assert held(sound_record(ratio=ratio), "slower:5%").exit_code == code


def test_an_interval_across_the_share_is_undecided() -> None:
    """Neither passed nor failed for sure: 0 with words, and 5 when strict."""
    record = sound_record(ratio=1.05, noise=0.01)

    assert held(record, "slower:5%").exit_code == 0
    assert states(held(record, "slower:5%")) == {"inconclusive"}
    assert held(record, "slower:5%", strict=True).exit_code == 5


@pytest.mark.parametrize(("size", "code"), [(1_010_000, 0), (1_010_001, 1), (900_000, 0)])
def test_larger_is_exact_to_the_byte(size: int, code: int) -> None:
    """Sizes have no noise, so one byte beyond the share is beyond it."""
    record = with_size(sound_record(), FUNCTIONS[0], size)

    assert held(record, "larger:1%").exit_code == code


@pytest.mark.parametrize("metric", ["zip_bytes", "unpacked_bytes", "binary_bytes"])
def test_larger_looks_at_every_exact_metric(metric: str) -> None:
    """A binary that is new counts as grown, too."""
    gate = held(with_size(sound_record(), FUNCTIONS[0], 9_000_000, metric), "larger")

    assert [(f.metric, f.state) for f in gate.findings] == [(metric, "regression")]


def test_rules_add_up() -> None:
    """Either rule fails the gate; the finding says which it was."""
    record = with_size(sound_record(), FUNCTIONS[0], 2_000_000)

    gate = held(record, "slower:5%", "larger:1%")

    assert (gate.exit_code, {finding.rule for finding in gate.findings}) == (1, {"larger:1%"})


@pytest.mark.parametrize(
    ("factor", "states_found", "code"), [(0.5, set(), 0), (2.0, {"inconclusive"}, 5)]
)
def test_a_change_of_wall_time_alone_is_a_doubt_only_if_it_is_slower(
    factor: float, states_found: set[str], code: int
) -> None:
    """CPU time is known to be within the rule: who waits less has nothing to fear."""
    record = sound_record()
    trials = tuple(
        replace(t, phases={name: int(value * factor) for name, value in t.phases.items()})
        if t.variant == NEW
        else t
        for t in record.trials
    )

    gate = held(replace(record, trials=trials), "slower:5%", strict=True)

    assert (states(gate), gate.exit_code) == (states_found, code)


def test_a_function_of_one_revision_is_incomparable() -> None:
    """A missing baseline never passes by itself, only when it is allowed to."""
    record = replace(sound_record(), unpaired={"python/new": NEW})

    assert held(record).exit_code == 6
    assert held(record, allow_missing=True).exit_code == 0


def test_a_function_of_both_revisions_that_was_not_measured_never_passes() -> None:
    """Nothing of it is missing, so nothing allows it; the finding has the reason."""
    reason = f"`{OLD}` differs in its runtime_version, and a run can have only one"
    record = replace(sound_record(), incomparable={"python/new": reason})

    gate = held(record, allow_missing=True)

    assert (gate.exit_code, gate.verdict) == (6, "incomparable")
    (finding,) = gate.findings
    assert (finding.function, finding.message) == ("python/new", f"cannot be compared: {reason}")


def test_a_failed_build_comes_first() -> None:
    """Whatever else was found: 3."""
    failed = FailedBuild(function=FUNCTIONS[0], variant=OLD, command="uv", message="no")
    record = replace(sound_record(ratio=1.5), failed_builds=(failed,))

    assert held(record).exit_code == 3


def test_an_incomplete_run_is_a_failed_measurement() -> None:
    """What was measured until an interruption is not what was asked for."""
    assert held(replace(sound_record(), complete=False)).exit_code == 4


def test_a_run_without_a_seal_is_not_proved_to_be_whole() -> None:
    """Trials that may be missing are no ground to pass on."""
    record = sound_record()

    gate = gated(record, judge(record), Demands(), margin=MARGIN).gate

    assert gate is not None
    assert gate.exit_code == 4


def test_an_unfit_run_is_4_even_if_nothing_looks_slower() -> None:
    """Without its A/A arms a run proves nothing."""
    record = sound_record()
    trials = tuple(t for t in record.trials if t.arm != "aa")

    gate = held(replace(record, trials=trials))

    assert (gate.exit_code, gate.verdict) == (4, "unfit")


def test_too_few_rounds_for_an_interval_are_incomparable() -> None:
    """A ratio without an interval is not enough to pass."""
    assert held(sound_record(rounds=4, looks=(4,)), "slower:5%").exit_code == 6


def test_revisions_with_equal_packages_pass_without_a_trial() -> None:
    """Nothing to measure is not nothing known: the bytes are the same."""
    record = sound_record()
    plan = replace(record.plan, cells=())

    gate = held(replace(record, plan=plan, trials=()))

    assert (gate.exit_code, gate.verdict) == (0, "no regression")


def test_a_smoke_run_is_held_to_nothing_unless_asked() -> None:
    """It claims nothing, so nothing can pass: asked for a rule it is incomparable."""
    record = sound_record()
    smoke = replace(record, plan=replace(record.plan, smoke=True))

    assert judged(smoke).gate is None
    assert held(smoke, "slower:5%").exit_code == 6


def test_the_exit_code_is_that_of_the_gate() -> None:
    """Whoever asks for the code of a run gets what the report says."""
    record = sound_record(ratio=1.03)

    assert exit_code(record, judged(record), strict=False) == 1
