"""Builders of plans, functions and records for tests of scheduling, storing and measuring."""

from __future__ import annotations

from pathlib import Path

from bench.backends import TrialOrder
from bench.backends.scripted import ScriptedBackend, ScriptedTrial
from bench.model import Cell, Plan, Record, Trial
from bench.session.orders import StagedArm
from bench.session.session import SessionOrder
from bench.subjects import Event, Function


def a_cell(variant: str = "default", *, function: str = "go/hello", memory_mb: int = 1769) -> Cell:
    return Cell(function=function, variant=variant, memory_mb=memory_mb, event="hi")


def a_plan(*cells: Cell, **changes: object) -> Plan:
    values: dict[str, object] = {
        "seed": 7,
        "rounds": 4,
        "discarded_rounds": 1,
        "warm_invokes": 2,
        "cpu_mode": "on-demand",
        "cells": cells or (a_cell("default"), a_cell("stripped")),
        "baselines": {"go/hello": "default", "go/other": "default"},
        "memory_sizes_mb": (1769,),
    }
    return Plan(**(values | changes))  # type: ignore[arg-type]


def a_function(directory: Path, name: str = "hello") -> Function:
    event = directory / "hi.json"
    event.write_text("{}")
    return Function(
        id=f"go/{name}",
        runtime="go",
        directory=directory,
        handler="bootstrap",
        events=(Event(name="hi", path=event),),
    )


def a_record(plan: Plan, *functions: Function, trials: tuple[Trial, ...] = ()) -> Record:
    return Record(
        run_id="20261120-120000-abcd",
        started="2026-11-20T12:00:00Z",
        command="coldbench run",
        backend="scripted",
        plan=plan,
        environment={"hard": {}, "soft": {}},
        functions=functions,
        artifacts=(),
        failed_builds=(),
        trials=trials,
        complete=False,
        wall_ns=0,
        wall_in_trials_ns=0,
    )


def a_trial(cell: Cell | None = None, *, number: int = 0) -> Trial:
    backend = ScriptedBackend(lambda _: ScriptedTrial())
    return backend.run(an_order(cell or a_cell(), number=number))


def an_order(cell: Cell, *, number: int = 0) -> TrialOrder:
    return TrialOrder(
        cell=cell,
        arm="variant",
        round=number,
        position=0,
        slot=0,
        discarded=False,
        function=Function(
            id=cell.function,
            runtime="go",
            directory=Path("/nowhere"),
            handler="bootstrap",
            events=(),
        ),
        handler="bootstrap",
        tree=Path("/nowhere"),
        event=b"{}",
    )


def a_session_order(directory: Path, plan: Plan) -> SessionOrder:
    arms = {(c.function, c.variant) for c in plan.cells}
    return SessionOrder(
        record_directory=directory,
        work_directory=directory,
        arms=tuple(
            StagedArm(
                function=function,
                variant=variant,
                arm=arm,  # type: ignore[arg-type]
                handler="bootstrap",
                copies=tuple(directory / f"{variant}-{arm}-{i}" for i in range(4)),
            )
            for function, variant in sorted(arms)
            for arm in ("variant", "aa")
        ),
    )
