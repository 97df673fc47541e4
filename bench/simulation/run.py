"""A run of the real session on a machine that never was, from its plan to its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.backends import TrialOrder
from bench.backends.noise import Machine
from bench.backends.scripted import ScriptedBackend, ScriptedTrial
from bench.model import Arm, Cell, Demands, KnownShift, Plan, Record, Trial
from bench.planning import LOOKS
from bench.session.advice import RecordAdvisor
from bench.session.orders import StagedArm
from bench.session.schedule import is_control
from bench.session.session import Session, SessionOrder
from bench.simulation.comparisons import WORK_NS
from bench.store import TrialWriter, create_record, load_record, seal
from bench.subjects import Event, Function

#: The part of the CPU time that is init's.
_INIT_SHARE = 0.8
_CONTROL = "go/known-shift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is simulated: functions with one candidate each, and how much more work it does."""

    #: Function name -> effect of its candidate, such as 0.02.
    effects: dict[str, float]
    seed: int = 1
    looks: tuple[int, ...] = LOOKS
    #: An arm at the second place of its group takes so much longer.
    second_delay: float = 0.0
    #: What the run is held to.
    demands: Demands = field(default_factory=Demands)
    #: What becomes of each trial before it is recorded.
    edit: Callable[[Trial, Plan], Trial] = lambda trial, _: trial

    def plan(self) -> Plan:
        """The plan of the run, with a known shift of 2 %."""
        cells = tuple(
            Cell(function=f"go/{name}", variant=variant, memory_mb=1769, event="e")
            for name in self.effects
            for variant in ("baseline", "candidate")
        )
        plain = Cell(function=_CONTROL, variant="plain", memory_mb=1769, event="e")
        return Plan(
            seed=self.seed,
            rounds=self.looks[-1],
            discarded_rounds=3,
            warm_invokes=0,
            cpu_mode="none",
            cells=cells,
            baselines={f"go/{name}": "baseline" for name in self.effects},
            memory_sizes_mb=(1769,),
            looks=self.looks,
            known_shift=KnownShift(
                baseline=plain, shifted=replace(plain, variant="shifted"), ratio=1.02
            ),
        )


class _EditedBackend:
    """A scripted backend whose trials are edited before anybody sees them."""

    name = "scripted"

    def __init__(self, setting: Setting, plan: Plan, machine: Machine) -> None:
        self._setting = setting
        self._plan = plan
        self._machine = machine
        self._last = (-1, "")
        self._place = 0
        self._scripted = ScriptedBackend(self._script, warm_invokes=0)

    def run(self, order: TrialOrder) -> Trial:
        """One trial, timed by the machine's own clock."""
        started_ns = self._machine.now_ns
        trial = replace(self._scripted.run(order), started_ns=started_ns)
        return self._setting.edit(trial, self._plan)

    def close(self) -> None:
        """Nothing is held."""

    def _script(self, order: TrialOrder) -> ScriptedTrial:
        here = (order.round, order.cell.function)
        self._place = self._place + 1 if here == self._last else 0
        self._last = here
        work_ns = WORK_NS * (1 + self._effect(order.cell))
        if self._place == 1:
            work_ns *= 1 + self._setting.second_delay
        taken_ns = self._machine.cpu_ns(work_ns, first_in_pair=self._place == 0)
        init_ns = round(taken_ns * _INIT_SHARE)
        return ScriptedTrial(
            init_ns=init_ns,
            cpu_init_ns=init_ns,
            first_invoke_ns=taken_ns - init_ns,
            cpu_first_invoke_ns=taken_ns - init_ns,
        )

    def _effect(self, cell: Cell) -> float:
        if cell.function == _CONTROL:
            return 0.02 if cell.variant == "shifted" else 0.0
        effect = self._setting.effects[cell.function.removeprefix("go/")]
        return effect if cell.variant == "candidate" else 0.0


def simulated_run(setting: Setting, machine: Machine, directory: Path) -> Record:
    """Run a setting to its end in a new directory; the record as it was sealed there."""
    plan = setting.plan()
    directory.mkdir(parents=True, exist_ok=True)
    event = directory / "e.json"
    event.write_text("{}")
    target = directory / "run"
    create_record(target, _record(plan, setting, event))
    writer = TrialWriter(target)
    try:
        session = Session(
            load_record(target),
            _order(plan, target),
            _EditedBackend(setting, plan, machine),
            writer,
            lambda _: None,
            advisor=RecordAdvisor(target),
            keep=lambda header: seal(target, header),
            rest=lambda: None,
        )
        header = session.run()
    finally:
        writer.close()
    seal(target, header)
    return load_record(target)


def _record(plan: Plan, setting: Setting, event: Path) -> Record:
    functions = [_function(f"go/{name}", event) for name in setting.effects]
    return Record(
        run_id="simulated",
        started="2026-01-01T00:00:00Z",
        command="coldbench run",
        backend="scripted",
        plan=plan,
        environment={"hard": {}, "soft": {}},
        functions=tuple(functions),
        artifacts=(),
        failed_builds=(),
        trials=(),
        complete=False,
        wall_ns=0,
        wall_in_trials_ns=0,
        control_functions=(_function(_CONTROL, event),),
        demands=setting.demands,
    )


def _function(name: str, event: Path) -> Function:
    return Function(
        id=name,
        runtime="go",
        directory=event.parent,
        handler="bootstrap",
        events=(Event(name="e", path=event),),
    )


def _order(plan: Plan, directory: Path) -> SessionOrder:
    arms: list[tuple[Cell, Arm]] = [(cell, "variant") for cell in plan.every_cell]
    arms += [(cell, "aa") for cell in plan.every_cell if is_control(plan, cell)]
    return SessionOrder(
        record_directory=directory,
        work_directory=directory,
        arms=tuple(
            StagedArm(
                function=cell.function,
                variant=cell.variant,
                arm=arm,
                handler="bootstrap",
                copies=(directory,) * 4,
            )
            for cell, arm in arms
        ),
    )
