from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from plans import a_cell, a_function, a_plan, a_record, a_session_order

from bench.backends import TrialOrder
from bench.backends.scripted import ScriptedBackend, ScriptedTrial
from bench.errors import Interrupted
from bench.model import Plan, Record, TrialError
from bench.session.attempts import GIVE_UP_AFTER
from bench.session.session import Session
from bench.store import TrialWriter, create_record, load_record

FAILED = ScriptedTrial(error=TrialError(type="Runtime.ExitError", message="exit status 1"))


def _run(tmp_path: Path, plan: Plan, backend: ScriptedBackend) -> Record:
    """Run what is left of the plan, as the measuring process does; returns the header."""
    directory = tmp_path / "run"
    if not directory.exists():
        create_record(directory, a_record(plan, a_function(tmp_path)))
    writer = TrialWriter(directory)
    events: list[Mapping[str, Any]] = []
    order = a_session_order(tmp_path, plan)
    session = Session(
        load_record(directory), order, backend, writer, events.append, rest=lambda: None
    )
    try:
        return session.run()
    finally:
        writer.close()


def test_a_session_runs_the_whole_plan_and_records_every_trial(tmp_path: Path) -> None:
    """Two variants and an A/A arm over five rounds are fifteen trials."""
    header = _run(tmp_path, a_plan(), ScriptedBackend(lambda _: ScriptedTrial()))

    assert header.complete
    assert len(load_record(tmp_path / "run").trials) == 15


def test_each_arm_runs_from_its_own_copies(tmp_path: Path) -> None:
    """The A/A arm is a second staging of the baseline, not the same files."""
    backend = ScriptedBackend(lambda _: ScriptedTrial())
    _run(tmp_path, a_plan(rounds=20), backend)

    names = {o.tree.name.rpartition("-")[0] for o in backend.orders if o.arm == "aa"}

    assert names == {"default-aa"}


def test_an_interrupted_session_resumes_without_repeating_a_trial(tmp_path: Path) -> None:
    """What was measured before stays, what was left is measured, in the order of the plan."""
    seen: list[TrialOrder] = []

    def interrupted(order: TrialOrder) -> ScriptedTrial:
        seen.append(order)
        if len(seen) == 8:
            raise Interrupted("interrupted by SIGINT")
        return ScriptedTrial()

    with pytest.raises(Interrupted):
        _run(tmp_path, a_plan(), ScriptedBackend(interrupted))
    assert len(load_record(tmp_path / "run").trials) == 7

    _run(tmp_path, a_plan(), ScriptedBackend(lambda _: ScriptedTrial()))

    resumed = load_record(tmp_path / "run").trials
    assert len({(t.round, t.cell, t.arm) for t in resumed}) == len(resumed) == 15
    assert [t.round for t in resumed] == sorted(t.round for t in resumed)


def test_a_failing_variant_does_not_stop_the_others(tmp_path: Path) -> None:
    """The failing cell is tried a few times and given up, the others get all their rounds."""
    backend = ScriptedBackend(
        lambda order: FAILED if order.cell.variant == "stripped" else ScriptedTrial()
    )

    header = _run(tmp_path, a_plan(rounds=10), backend)

    outcomes = Counter(
        (t.variant, t.outcome) for t in load_record(tmp_path / "run").trials if t.arm == "variant"
    )
    assert outcomes == {("default", "ok"): 11, ("stripped", "failed"): GIVE_UP_AFTER}
    assert "was not tried again" in header.warnings[0]


def test_a_cell_that_fails_now_and_then_is_not_given_up(tmp_path: Path) -> None:
    """One good trial shows that trying again is worth it."""
    backend = ScriptedBackend(lambda order: FAILED if order.round > 0 else ScriptedTrial())

    _run(tmp_path, a_plan(rounds=10), backend)

    assert len(load_record(tmp_path / "run").trials) == 33


def test_a_budget_ends_the_session_between_rounds(tmp_path: Path) -> None:
    """A budget that is spent after the first round leaves one complete round."""
    plan = a_plan(a_cell("default"), rounds=50, budget_s=1e-9)

    header = _run(tmp_path, plan, ScriptedBackend(lambda _: ScriptedTrial()))

    trials = load_record(tmp_path / "run").trials
    assert header.complete
    assert len(trials) % 2 == 0
    assert len(trials) < 102
