"""Whole runs of the session on machines that never were: allocation, self-check, reproduction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.backends.noise import Machine
from bench.gate import gated
from bench.judgement import Comparison, Judgement
from bench.model import Demands, Record
from bench.simulation.comparisons import Edit, clock_back, fixed_order, suspended, swapped_labels
from bench.simulation.run import Setting, simulated_run
from bench.stats.judge import judge


def _run(tmp_path: Path, setting: Setting, seed: int = 3) -> tuple[Record, Judgement]:
    record = simulated_run(setting, Machine(seed), tmp_path / "simulated")
    return record, judge(record)


def _primary(judgement: Judgement) -> dict[str, Comparison]:
    return {
        c.function.removeprefix("go/"): c
        for c in judgement.comparisons
        if c.metric == "cpu_cold_total"
    }


def test_a_decided_cell_drops_out_and_the_others_go_on(tmp_path: Path) -> None:
    """A large change ends at its first looks; a small one takes more rounds than it."""
    record, judgement = _run(tmp_path, Setting(effects={"large": 0.3, "small": 0.02}))

    found = _primary(judgement)
    assert judgement.fit, judgement.fit_reasons
    assert (found["large"].verdict, found["large"].n) == ("slower", 16)
    assert found["small"].n > 16
    assert record.complete


def test_a_change_at_the_margin_goes_on_to_the_last_look(tmp_path: Path) -> None:
    """An interval that excludes nothing changed, but not the margin, is not given up early."""
    _, judgement = _run(tmp_path, Setting(effects={"small": 0.01}))

    found = _primary(judgement)["small"]
    assert (found.verdict, found.n) == ("small change", 122)
    assert found.low is not None
    assert found.low > 1
    assert found.low < 1.01 < (found.high or 0)


@pytest.mark.parametrize("effect", [0.035, 0.065])
def test_a_gate_keeps_a_cell_until_its_threshold_is_decided(tmp_path: Path, effect: float) -> None:
    """A cell that is clear of the margin goes on while it may be on either side of the gate."""
    setting = Setting(effects={"near": effect})
    held = replace(setting, demands=Demands(fail_on=("slower:5%",)))

    _, free = _run(tmp_path / "free", setting)
    record, judgement = _run(tmp_path / "held", held)
    gate = gated(record, judgement, record.demands, margin=0.01).gate

    assert _primary(free)["near"].n < _primary(judgement)["near"].n
    assert gate is not None
    assert gate.exit_code == int(effect > 0.05), gate.findings


def test_rounds_are_spent_as_allotted(tmp_path: Path) -> None:
    """Every round that ran is on record as an allocation, and every arm of it ran once."""
    record, _ = _run(tmp_path, Setting(effects={"large": 0.3, "small": 0.02}))

    cells = record.plan.every_cell
    owed = Counter(
        (number, cells[index])
        for a in record.allocations
        for number in range(a.first_round, a.first_round + a.rounds)
        for index in a.cells
    )
    ran = Counter((t.round, t.cell) for t in record.trials if t.arm == "variant")
    assert ran == owed
    assert set(owed.values()) == {1}


def test_comparisons_end_at_looks_that_were_planned(tmp_path: Path) -> None:
    """No comparison ends at a number of rounds that was not fixed beforehand."""
    record, judgement = _run(tmp_path, Setting(effects={f"f{i}": 0.004 * i for i in range(6)}))

    assert {c.n for c in _primary(judgement).values()} <= set(record.plan.looks)
    assert {c.looks for c in judgement.comparisons} == {6}


def test_a_run_is_judged_again_to_the_same_words(tmp_path: Path) -> None:
    """Everything but the trials' order in memory is on disk: the judgement is equal to the bit."""
    record, judgement = _run(tmp_path, Setting(effects={"small": 0.02, "none": 0.0}))

    assert judge(replace(record, trials=tuple(reversed(record.trials)))) == judgement


def test_a_run_reproduces_with_its_seed(tmp_path: Path) -> None:
    """The same machine and the same seed give the same trials in the same order."""
    setting = Setting(effects={"small": 0.02, "none": 0.0})
    first, _ = _run(tmp_path / "first", setting)
    second, _ = _run(tmp_path / "second", setting)

    def places(record: Record) -> list[object]:
        return [(t.round, t.position, t.cell, t.arm, t.cpu) for t in record.trials]

    assert places(first) == places(second)


def test_the_controls_ride_in_the_same_rounds(tmp_path: Path) -> None:
    """Two A/A arms and the known shift are judged; both kinds find what is true."""
    _, judgement = _run(tmp_path, Setting(effects={"none": 0.0}))

    primary = [c for c in judgement.controls if c.metric == "cpu_cold_total"]
    assert [(c.kind, c.function, c.ok) for c in primary] == [
        ("aa", "go/none", True),
        ("aa", "go/known-shift", True),
        ("known-shift", "go/known-shift", True),
    ]
    assert primary[-1].low > 1
    assert primary[-1].low <= 1.02 <= primary[-1].high


@pytest.mark.parametrize("rounds", [6, 8, 9])
def test_too_few_rounds_leave_the_known_shift_unjudged(tmp_path: Path, rounds: int) -> None:
    """Nothing is claimed about it, and the run is not called unfit for that."""
    _, judgement = _run(tmp_path, Setting(effects={"none": 0.0}, looks=(rounds,)))

    shift = judgement.controls[-1] if judgement.controls else None
    assert shift is not None
    assert (shift.kind, shift.judged, shift.ok) == ("known-shift", False, True)
    assert judgement.fit, judgement.fit_reasons
    assert any("so few or noisy rounds" in warning for warning in judgement.warnings)


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (swapped_labels, "known shift of +2.0 % was not recovered"),
        (clock_back(10), "the monotonic clock went back"),
        (fixed_order, "was not random"),
    ],
)
def test_a_planted_fault_makes_the_run_unfit(tmp_path: Path, edit: Edit, reason: str) -> None:
    """Each run says which fault it is, and gives no verdicts."""
    for seed in range(3):
        setting = Setting(effects={"none": 0.0}, edit=edit, seed=seed)
        _, judgement = _run(tmp_path / str(seed), setting, seed)

        assert judgement.verdict == "unfit", seed
        assert any(reason in said for said in judgement.fit_reasons), judgement.fit_reasons
        assert {c.verdict for c in judgement.comparisons} == {"incomparable"}


def test_a_suspended_host_makes_the_run_unfit(tmp_path: Path) -> None:
    """Five seconds that only the boot-time clock saw."""
    record, _ = _run(tmp_path, Setting(effects={"none": 0.0}))
    slept = suspended(10)

    found = judge(replace(record, trials=tuple(slept(t, record.plan) for t in record.trials)))

    assert found.verdict == "unfit"
    assert any("the host was suspended for +5.00 s" in said for said in found.fit_reasons)


def test_a_delay_of_the_second_place_is_corrected_by_random_order(tmp_path: Path) -> None:
    """Three percent for whoever comes second changes no verdict: every arm is second as often."""
    for seed in range(3):
        setting = Setting(effects={"none": 0.0}, second_delay=0.03, seed=seed)
        _, judgement = _run(tmp_path / str(seed), setting, seed)

        assert judgement.fit, judgement.fit_reasons
        assert _primary(judgement)["none"].verdict in ("same", "small change", "inconclusive")


@pytest.mark.parametrize("effect", [0.01, -0.01])
def test_a_lean_that_unrelated_cells_share_is_said(tmp_path: Path, effect: float) -> None:
    """Twelve functions that all move the same way make the session suspect, not unfit."""
    _, judgement = _run(tmp_path, Setting(effects={f"f{i}": effect for i in range(12)}))

    assert any("lean the same way" in warning for warning in judgement.warnings)
    assert judgement.median_ratio == pytest.approx(1 + effect, abs=0.004)


def _lost(fraction: int) -> Callable[[Record], Record]:
    return lambda record: replace(
        record, trials=tuple(t for i, t in enumerate(record.trials) if i % fraction)
    )


def test_lost_trials_make_a_run_unfit(tmp_path: Path) -> None:
    """Two in a hundred are too many, whoever lost them."""
    record, _ = _run(tmp_path, Setting(effects={"none": 0.0}))

    judgement = judge(_lost(50)(record))

    assert any("were lost to the harness" in reason for reason in judgement.fit_reasons)


def test_two_rounds_are_no_reason_to_call_a_run_unfit(tmp_path: Path) -> None:
    """Whatever two rounds of the known shift happen to show, in each of twenty runs."""
    for seed in range(20):
        setting = Setting(effects={"none": 0.0}, looks=(2,), seed=seed)
        _, judgement = _run(tmp_path / str(seed), setting, seed)

        assert judgement.fit, judgement.fit_reasons
