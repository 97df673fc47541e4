"""A whole record judged: cells, comparisons, controls, models and the verdict of the run."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.judgement import BreakEven, Comparison, Judgement
from bench.model import Cell, Plan, Record, Trial, TrialError
from bench.stats.judge import judge
from bench.subjects import Event, Function

_MS = 1_000_000
_SEED = 20_261_120


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A made-up run: the true cost of each variant, with noise on top."""

    #: Variant to (CPU of init, CPU of first invoke, off-CPU time of init), in ms.
    costs: Mapping[str, tuple[float, float, float]]
    rounds: int = 24
    events: tuple[str, ...] = ("empty",)
    #: Extra CPU of the second staging, as a factor.
    aa_factor: float = 1.0
    plan: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = True
    #: Rewrites or drops (None) each trial.
    edit: Callable[[Trial], Trial | None] = lambda trial: trial

    def record(self) -> Record:
        rng = np.random.default_rng(_SEED)
        cells = tuple(
            Cell(function="python/analyse", variant=variant, memory_mb=1769, event=event)
            for event in self.events
            for variant in self.costs
        )
        baseline = next(iter(self.costs))
        arms = [(cell, "variant") for cell in cells]
        arms += [(cell, "aa") for cell in cells if cell.variant == baseline]
        trials = [
            self.trial(cell, arm, number, rng.standard_t(3, 3))
            for number in range(self.rounds + 3)
            for cell, arm in arms
        ]
        edited = [self.edit(trial) for trial in trials]
        events = tuple(
            Event(name=name, path=Path("e.json"), uses_library=name == "used")
            for name in self.events
        )
        function = Function(
            id="python/analyse",
            runtime="python",
            directory=Path(),
            handler="app.handler",
            events=events,
            library="pandas",
        )
        defaults: dict[str, Any] = {
            "seed": 1,
            "rounds": self.rounds,
            "discarded_rounds": 3,
            "warm_invokes": 2,
            "cpu_mode": "on-demand",
            "cells": cells,
            "baselines": {"python/analyse": baseline},
            "memory_sizes_mb": (1769,),
        }
        return Record(
            run_id="r",
            started="2026-11-20T00:00:00Z",
            command="coldbench run",
            backend="scripted",
            plan=Plan(**(defaults | dict(self.plan))),
            environment={},
            functions=(function,),
            artifacts=(),
            failed_builds=(),
            trials=tuple(trial for trial in edited if trial),
            complete=self.complete,
            wall_ns=1,
            wall_in_trials_ns=1,
        )

    def trial(self, cell: Cell, arm: Any, number: int, noise: np.ndarray) -> Trial:
        factor = self.aa_factor if arm == "aa" else 1.0
        init, first, off = self.costs[cell.variant]
        if cell.event == "unused" and cell.variant == "lazy":
            first = 1.0
        spread = np.exp(0.004 * noise)
        init_cpu, first_cpu = round(init * factor * spread[0] * _MS), round(first * spread[1] * _MS)
        init_wall = init_cpu + round(off * spread[2] * _MS)
        return Trial(
            function=cell.function,
            variant=cell.variant,
            memory_mb=cell.memory_mb,
            event=cell.event,
            page_cache="warm",
            arm=arm,
            round=number,
            position=0,
            slot=0,
            discarded=number < 3,
            outcome="ok",
            started_ns=number,
            phases={
                "init": init_wall,
                "first_invoke": first_cpu,
                "cold_total": init_wall + first_cpu,
            },
            cpu={"init": init_cpu, "first_invoke": first_cpu},
            warm_invokes_ns=(_MS, 2 * _MS),
            warm_cpu_ns=(_MS, 2 * _MS),
            peak_memory_bytes=40_000_000,
        )


_TWO = {"eager": (80.0, 4.0, 5.0), "lazy": (72.0, 4.0, 5.0)}


def _primary(judgement: Judgement) -> Comparison:
    return next(c for c in judgement.comparisons if c.metric == "cpu_cold_total")


def _row(judgement: Judgement, metric: str) -> Comparison:
    return next(c for c in judgement.comparisons if c.metric == metric)


def _fail(trial: Trial, error_type: str) -> Trial:
    error = TrialError(type=error_type, message="it failed")
    return replace(trial, outcome="failed", phases={}, cpu={}, error=error)


def test_a_faster_variant_is_found() -> None:
    """Eight of 84 ms less CPU is faster, with the ratio near its true value."""
    found = judge(Scenario(costs=_TWO).record())
    row = _primary(found)
    assert (row.verdict, row.n, found.verdict, found.fit) == ("faster", 24, "no regression", True)
    assert row.ratio == pytest.approx(76 / 84, rel=0.01)


def test_a_slower_variant_of_a_run_is_a_finding_and_no_regression() -> None:
    """Variants are alternatives; only a gate over revisions knows regressions."""
    found = judge(Scenario(costs={"eager": (80, 4, 5), "lazy": (90, 4, 5)}).record())
    assert (_primary(found).verdict, found.verdict) == ("slower", "no regression")


def test_equal_variants_are_the_same() -> None:
    """No difference with little noise lies inside the margin."""
    found = judge(Scenario(costs={"eager": (80, 4, 5), "lazy": (80, 4, 5)}).record())
    assert _primary(found).verdict == "same"


def test_wall_time_that_moves_alone_is_its_own_verdict() -> None:
    """20 ms more waiting in init is an off-CPU change; the wall row says which way."""
    found = judge(Scenario(costs={"eager": (80, 4, 5), "lazy": (80, 4, 25)}).record())
    assert _primary(found).verdict == "off-CPU change"
    assert _row(found, "cold_total").verdict == "slower"


def test_too_few_rounds_are_inconclusive() -> None:
    """Six rounds give a ratio but neither interval nor verdict."""
    found = judge(Scenario(costs=_TWO, rounds=6).record())
    row = _primary(found)
    assert (row.verdict, row.low, found.verdict) == ("inconclusive", None, "inconclusive")
    assert row.ratio == pytest.approx(76 / 84, rel=0.02)


def test_a_smoke_run_describes_and_does_not_judge() -> None:
    """Summaries are there, every comparison is inconclusive, and the warning says why."""
    found = judge(Scenario(costs=_TWO, rounds=2, plan={"smoke": True}).record())
    assert {c.verdict for c in found.comparisons} == {"inconclusive"}
    assert found.verdict == "inconclusive"
    assert found.cells[0].metrics["init"].median > 80 * _MS
    assert any("smoke" in warning for warning in found.warnings)


def test_the_controls_of_a_sound_run_find_nothing() -> None:
    """Each group has an A/A control on CPU time and on wall time, both within 1."""
    found = judge(Scenario(costs=_TWO).record())
    assert [(c.metric, c.ok, c.n) for c in found.controls] == [
        ("cpu_cold_total", True, 24),
        ("cold_total", True, 24),
    ]
    assert all(c.low <= 1 <= c.high for c in found.controls)


def test_stagings_that_differ_make_the_run_unfit() -> None:
    """A second staging that is 3 % slower takes all verdicts back and keeps the figures."""
    found = judge(Scenario(costs=_TWO, aa_factor=1.03).record())
    assert (found.fit, found.verdict) == (False, "unfit")
    assert "two stagings of the same package differ" in found.fit_reasons[0]
    assert {c.verdict for c in found.comparisons} == {"incomparable"}
    assert _primary(found).ratio == pytest.approx(76 / 84, rel=0.01)


def test_a_bias_that_all_groups_share_is_seen_in_the_pool() -> None:
    """A shift too small for any single control is found over forty groups together."""
    events = tuple(f"event{number}" for number in range(40))
    found = judge(Scenario(costs=_TWO, rounds=10, events=events, aa_factor=1.002).record())
    assert all(control.ok for control in found.controls)
    assert not found.fit
    assert "lean one way" in found.fit_reasons[0]


def test_comparisons_without_a_control_are_not_trusted() -> None:
    """A record whose A/A arm is gone gives no verdicts."""
    scenario = Scenario(costs=_TWO, edit=lambda t: None if t.arm == "aa" else t)
    found = judge(scenario.record())
    assert found.verdict == "unfit"
    assert any("without an A/A control" in reason for reason in found.fit_reasons)


def test_lost_rounds_make_the_run_unfit() -> None:
    """More than one judged trial in a hundred lost to the harness is too many."""
    scenario = Scenario(costs=_TWO, edit=lambda t: _fail(t, "Harness.Spawn") if t.round == 5 else t)
    found = judge(scenario.record())
    assert found.verdict == "unfit"
    assert "3 of 72 judged trials were lost" in found.fit_reasons[0]


def test_missing_trials_make_the_run_unfit() -> None:
    """Trials that simply are not there are lost as well."""
    gone = (7, "lazy")
    scenario = Scenario(costs=_TWO, edit=lambda t: None if (t.round, t.variant) == gone else t)
    assert "1 of 72" in judge(scenario.record()).fit_reasons[0]


def test_the_last_round_of_an_interrupted_run_is_forgiven() -> None:
    """An interrupted run is judged on its complete rounds."""
    gone = (26, "lazy")
    scenario = Scenario(
        costs=_TWO,
        complete=False,
        edit=lambda t: None if (t.round, t.variant) == gone else t,
    )
    found = judge(scenario.record())
    assert (found.fit, _primary(found).n, _primary(found).verdict) == (True, 23, "faster")
    assert any("interrupted" in warning for warning in found.warnings)


def test_a_function_that_always_fails_is_no_loss_of_the_harness() -> None:
    """Its comparison is incomparable and the run stays fit; its failures name the cell."""
    scenario = Scenario(
        costs=_TWO,
        edit=lambda t: _fail(t, "Runtime.ExitError") if t.variant == "lazy" else t,
    )
    found = judge(scenario.record())
    assert (found.fit, found.verdict) == (True, "incomparable")
    assert _primary(found).warnings == ("the candidate gave no valid trial",)
    assert (found.cells[1].n, found.cells[1].failures, found.cells[1].metrics) == (0, 27, {})
    assert not any("no valid trial" in warning for warning in found.warnings)


def test_a_cell_that_was_never_tried_is_a_warning() -> None:
    """Nothing else would say why it has no numbers."""
    scenario = Scenario(costs=_TWO, edit=lambda t: None if t.variant == "lazy" else t)
    found = judge(scenario.record())
    assert any("python/analyse lazy" in w and "no valid trial" in w for w in found.warnings)


def test_a_cell_that_was_given_up_in_discarded_rounds_is_no_loss_of_the_harness() -> None:
    """Three failures before the first judged round end a cell; the others keep their verdicts."""
    given_up = "eager-source-only"

    def edit(trial: Trial) -> Trial | None:
        if trial.variant != given_up:
            return trial
        return _fail(trial, "Runtime.ExitError") if trial.discarded else None

    found = judge(Scenario(costs={**_TWO, given_up: (80, 4, 5)}, edit=edit).record())
    verdicts = {c.candidate: c.verdict for c in found.comparisons if c.metric == "cpu_cold_total"}
    assert (found.fit, found.fit_reasons) == (True, ())
    assert verdicts == {"lazy": "faster", given_up: "incomparable"}
    assert (found.cells[2].n, found.cells[2].failures) == (0, 3)


def test_a_cell_that_only_the_harness_failed_is_lost() -> None:
    """Given up for errors of the harness, all its trials count as lost."""

    def edit(trial: Trial) -> Trial | None:
        if trial.variant != "lazy":
            return trial
        return _fail(trial, "Harness.Spawn") if trial.discarded else None

    found = judge(Scenario(costs=_TWO, edit=edit).record())
    assert "24 of 72 judged trials were lost" in found.fit_reasons[0]


def test_a_budget_without_judged_rounds_says_so() -> None:
    """A run that ended in its discarded rounds names the budget that was too short."""
    scenario = Scenario(costs=_TWO, rounds=0, plan={"budget_s": 2.0, "rounds": 24})
    found = judge(scenario.record())
    assert found.verdict == "incomparable"
    assert any("the budget of 2 s was too short: it ended after 3" in w for w in found.warnings)


def test_pages_that_stayed_cached_are_a_warning() -> None:
    """An evicted page cache is not claimed for trials that found pages in it."""

    def edit(trial: Trial) -> Trial:
        pages = 7 * trial.round if trial.variant == "lazy" and trial.round < 2 else 0
        return replace(trial, page_cache="evicted", guards={"resident_pages": pages})

    found = judge(Scenario(costs={"lazy": (80, 4, 5)}, edit=edit).record())
    assert any("in 2 of 54 trials" in w and "up to 7 pages" in w for w in found.warnings)


def test_a_shared_tmp_is_a_warning() -> None:
    """Trials that could see each other's `/tmp` are counted; unknown ones are not."""

    def edit(trial: Trial) -> Trial:
        return replace(trial, guards={"private_tmp": int(trial.round > 3)} if trial.round else {})

    found = judge(Scenario(costs={"eager": (80, 4, 5)}, edit=edit).record())
    assert any("/tmp was not private in 6 of 52 trials" in w for w in found.warnings)


def test_other_memory_sizes_are_modelled() -> None:
    """Init and CPU time stay, the first invoke grows by about the share, the label says so."""
    found = judge(
        Scenario(costs={"eager": (80, 100, 5)}, plan={"memory_sizes_mb": (128, 512, 1769)}).record()
    )
    measured, small, middle = found.cells
    assert [c.cell.memory_mb for c in found.cells] == [1769, 128, 512]
    assert small.metrics["init"].median == measured.metrics["init"].median
    assert small.metrics["cpu_cold_total"].median == measured.metrics["cpu_cold_total"].median
    assert {summary.kind for summary in small.metrics.values()} == {"modelled"}
    assert small.metrics["first_invoke"].median / (100 * _MS) == pytest.approx(13.6, rel=0.06)
    assert middle.metrics["first_invoke"].median / (100 * _MS) == pytest.approx(3.3, rel=0.06)
    assert small.metrics["cold_total"].median == pytest.approx(
        small.metrics["init"].median + small.metrics["first_invoke"].median, rel=0.01
    )
    assert small.samples == {}


def test_provisioned_concurrency_throttles_init_too() -> None:
    """With the quota from the start a smaller memory size has a longer init."""
    plan = {"memory_sizes_mb": (512, 1769), "cpu_mode": "provisioned"}
    measured, small = judge(Scenario(costs={"eager": (80, 4, 5)}, plan=plan).record()).cells
    assert small.metrics["init"].median > 3 * measured.metrics["init"].median


def test_without_cpu_times_nothing_is_modelled_from_wall_times() -> None:
    """A machine that cannot account CPU time gives no wall times at other sizes."""
    scenario = Scenario(
        costs={"eager": (80, 4, 5)},
        plan={"memory_sizes_mb": (512, 1769)},
        edit=lambda t: replace(t, cpu={}, warm_cpu_ns=()),
    )
    assert set(judge(scenario.record()).cells[1].metrics) == {"init", "peak_memory"}


def test_the_model_is_checked_against_validation_trials() -> None:
    """A validation cell gives the measured and the modelled median and is no cell of the report."""
    cell = Cell(function="python/analyse", variant="eager", memory_mb=512, event="empty")
    record = Scenario(costs={"eager": (80, 100, 5)}, plan={"validation_cells": (cell,)}).record()
    extra = tuple(
        replace(t, memory_mb=512, phases={"init": 85 * _MS, "first_invoke": 330 * _MS})
        for t in record.trials
        if t.arm == "variant" and t.round in (4, 5, 6)
    )
    found = judge(replace(record, trials=record.trials + extra))
    assert [(c.cell, c.n, c.measured_ns) for c in found.model_checks] == [(cell, 3, 330 * _MS)]
    assert found.model_checks[0].deviation == pytest.approx(0, abs=0.06)
    assert cell not in {summary.cell for summary in found.cells}


def test_the_model_is_checked_round_by_round() -> None:
    """Rounds in which the machine was twice as slow are compared with themselves only."""
    cell = Cell(function="python/analyse", variant="eager", memory_mb=512, event="empty")
    slow = (4, 5, 6)

    def edit(trial: Trial) -> Trial:
        factor = 2 if trial.round in slow else 1
        return replace(
            trial,
            phases={name: factor * ns for name, ns in trial.phases.items()},
            cpu={name: factor * ns for name, ns in trial.cpu.items()},
        )

    plan = {"validation_cells": (cell,)}
    record = Scenario(costs={"eager": (80, 100, 5)}, plan=plan, edit=edit).record()
    extra = tuple(
        replace(
            t,
            memory_mb=512,
            phases={"first_invoke": 690 * _MS},
            cpu={"first_invoke": round(1.5 * t.cpu["first_invoke"])},
        )
        for t in record.trials
        if t.arm == "variant" and t.round in slow
    )
    found = judge(replace(record, trials=record.trials + extra))
    assert found.model_checks[0].deviation == pytest.approx(0, abs=0.06)
    assert found.model_checks[0].cpu_ratio == pytest.approx(1.5, rel=0.001)
    assert not any("quota model" in warning for warning in found.warnings)


def test_a_model_that_is_far_off_is_a_warning() -> None:
    """Beyond 20 % the modelled times of a size are called rough, with the deviation."""
    cell = Cell(function="python/analyse", variant="eager", memory_mb=512, event="empty")
    record = Scenario(costs={"eager": (80, 100, 5)}, plan={"validation_cells": (cell,)}).record()
    extra = tuple(
        replace(t, memory_mb=512, phases={"first_invoke": 700 * _MS})
        for t in record.trials
        if t.arm == "variant" and t.round in (4, 5, 6)
    )
    found = judge(replace(record, trials=record.trials + extra))
    (warning,) = (w for w in found.warnings if "quota model misses" in w)
    assert "in 1 of 1 checks" in warning
    assert "at 512 MB of" in warning
    assert "-5" in warning


def _break_even(lazy_first: float) -> BreakEven:
    """At 1024 MB, for an import of 400 ms that lazy moves to a first invoke of this CPU time."""
    scenario = Scenario(
        costs={"eager": (500, 1, 0), "lazy": (100, lazy_first, 0)},
        events=("unused", "used"),
        plan={"memory_sizes_mb": (1024, 1769)},
    )
    return judge(scenario.record()).break_evens[0]


def test_noise_never_makes_lazy_pay_beyond_the_memory_share() -> None:
    """Without less CPU time to show for it, the break-even is at most MB / 1769."""
    even = _break_even(400.9)
    assert even.low is not None
    assert even.high is not None
    assert 0 < even.low <= even.probability <= even.high == pytest.approx(1024 / 1769)


def test_an_import_that_lazy_does_not_need_may_pay_beyond_the_memory_share() -> None:
    """A measured saving of CPU time lifts the limit."""
    assert _break_even(100.0).probability == 1.0


def test_break_evens_follow_the_memory_share() -> None:
    """Work moved from init to the first invoke pays below about MB / 1769."""
    scenario = Scenario(
        costs={"eager": (500, 1, 0), "lazy": (100, 401, 0)},
        events=("unused", "used"),
        plan={"memory_sizes_mb": (128, 512, 1769)},
    )
    found = judge(scenario.record()).break_evens
    assert [(b.memory_mb, b.kind) for b in found] == [
        (128, "modelled"),
        (512, "modelled"),
        (1769, "measured"),
    ]
    assert [b.probability for b in found] == pytest.approx([128 / 1769, 512 / 1769, 1.0], rel=0.03)


def test_an_event_that_says_nothing_does_not_use_the_library() -> None:
    """Once another says that it does; where none does, nothing is known of a break-even."""
    record = Scenario(
        costs={"eager": (500, 1, 0), "lazy": (100, 401, 0)}, events=("unused", "used")
    ).record()
    (function,) = record.functions
    unused, used = function.events
    silent = replace(unused, uses_library=None)
    one = replace(function, events=(silent, used))
    none = replace(function, events=(silent, replace(used, uses_library=None)))

    assert judge(replace(record, functions=(one,))).break_evens == judge(record).break_evens != ()
    assert judge(replace(record, functions=(none,))).break_evens == ()


def test_nothing_is_modelled_above_the_measured_size() -> None:
    """A size that another function is configured with says nothing about this one."""
    found = judge(Scenario(costs=_TWO, plan={"memory_sizes_mb": (512, 1769, 3008)}).record())
    assert {summary.cell.memory_mb for summary in found.cells} == {512, 1769}


def test_adjusted_p_values_are_of_the_right_families() -> None:
    """The primary metric of two candidates is adjusted by Holm: the smaller p is doubled."""
    costs = {
        "eager": (80.0, 4.0, 5.0),
        "lazy": (80.4, 4.0, 5.0),
        "lazy-source-only": (80.2, 4.0, 5.0),
    }
    rows = [
        c for c in judge(Scenario(costs=costs).record()).comparisons if c.metric == "cpu_cold_total"
    ]
    p, adjusted = (sorted(getattr(row, name) for row in rows) for name in ("p", "p_adjusted"))
    assert adjusted[0] == pytest.approx(min(1, 2 * p[0]))


def test_the_judgement_is_the_same_every_time_and_in_any_order() -> None:
    """The same record gives the same bytes, however its trials are ordered."""
    scenario = Scenario(costs=_TWO, plan={"memory_sizes_mb": (128, 1769)})
    record = scenario.record()
    shuffled = list(record.trials)
    random.Random(3).shuffle(shuffled)
    once, again = judge(record), judge(replace(record, trials=tuple(shuffled)))
    assert repr(once) == repr(again)


def test_a_run_of_one_variant_has_nothing_to_compare() -> None:
    """Without a second variant nothing can be decided, and nothing is objected to."""
    found = judge(Scenario(costs={"eager": (80, 4, 5)}).record())
    assert (found.comparisons, found.verdict, found.fit) == ((), "inconclusive", True)


def test_a_run_without_a_valid_trial_is_incomparable() -> None:
    """Nothing measured is never a pass."""
    scenario = Scenario(costs={"eager": (80, 4, 5)}, edit=lambda t: _fail(t, "Runtime.ExitError"))
    assert judge(scenario.record()).verdict == "incomparable"
