"""A record that passes its gate, and everything that can happen to one on its way to a verdict.

Used by a test with a few hundred damages, and by the acceptance session with more.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.model import Cell, Plan, Record, Revision, Trial, TrialError
from bench.session.schedule import Slot, rounds
from bench.store import RECORD_FILE, TRIALS_FILE, TrialWriter, create_record, seal
from bench.subjects import Artifact, Event, Function

OLD, NEW = "main@11111111", "WORKTREE"
FUNCTIONS = ("python/orders", "python/users", "python/stock")
ROUNDS = 40
_MS = 1_000_000
_BEGIN_NS = 1_000_000_000


def sound_record(*, noise: float = 0.002, ratio: float = 1.0, **plan: Any) -> Record:
    """Two revisions of three functions; ``ratio`` is how much CPU time the candidate needs."""
    cells = tuple(
        Cell(function=function, variant=variant, memory_mb=1769, event="e")
        for function in FUNCTIONS
        for variant in (OLD, NEW)
    )
    values: dict[str, Any] = {
        "seed": 11,
        "rounds": ROUNDS,
        "discarded_rounds": 3,
        "warm_invokes": 0,
        "cpu_mode": "on-demand",
        "cells": cells,
        "baselines": dict.fromkeys(FUNCTIONS, OLD),
        "memory_sizes_mb": (1769,),
        "looks": (ROUNDS,),
    }
    made = Plan(**(values | plan))
    draw = random.Random(5)
    slots = [slot for chosen in rounds(made) for slot in chosen]
    trials = tuple(_trial(slot, n, draw, noise, ratio) for n, slot in enumerate(slots))
    return Record(
        run_id="20261121-120000-abcd",
        started="2026-11-21T12:00:00Z",
        command="coldbench compare main WORKTREE",
        backend="local",
        plan=made,
        environment={"hard": {"architecture": "x86_64"}, "cgroup": "v1"},
        functions=tuple(_function(name) for name in FUNCTIONS),
        artifacts=tuple(_artifact(f, v) for f in FUNCTIONS for v in (OLD, NEW)),
        failed_builds=(),
        trials=trials,
        complete=True,
        wall_ns=len(trials) * 20 * _MS,
        wall_in_trials_ns=len(trials) * 20 * _MS,
        revisions=(
            Revision(variant=OLD, name="main", kind="commit", path=Path("p"), commit="1" * 40),
            Revision(variant=NEW, name="WORKTREE", kind="worktree", path=Path("p"), dirty=True),
        ),
    )


def _function(name: str) -> Function:
    return Function(
        id=name,
        runtime="python",
        directory=Path("functions"),
        handler="app.handler",
        events=(Event(name="e", path=Path("e.json")),),
    )


def _artifact(function: str, variant: str) -> Artifact:
    return Artifact(
        function=function,
        variant=variant,
        digest=f"{variant}-{function}",
        zip_path=Path("package.zip"),
        tree_path=Path("tree"),
        handler="app.handler",
        zip_bytes=1_000_000,
        unpacked_bytes=3_000_000,
        binary_bytes=0,
        toolchain={"python": "3.11.7"},
        recipe="uv pip install",
    )


def _trial(slot: Slot, number: int, draw: random.Random, noise: float, ratio: float) -> Trial:
    cost = 10 * _MS * (ratio if slot.cell.variant == NEW else 1.0)
    init, first = (round(cost * draw.gauss(1.0, noise)) for _ in range(2))
    return Trial(
        function=slot.cell.function,
        variant=slot.cell.variant,
        memory_mb=slot.cell.memory_mb,
        event=slot.cell.event,
        page_cache=slot.cell.page_cache,
        arm=slot.arm,
        round=slot.round,
        position=slot.position,
        slot=slot.copy,
        discarded=slot.discarded,
        outcome="ok",
        started_ns=_BEGIN_NS + number * 20 * _MS,
        phases={"spawn": _MS, "init": init, "first_invoke": first, "cold_total": init + first},
        cpu={"init": init, "first_invoke": first},
        peak_memory_bytes=20_000_000,
    )


def write_record(record: Record, directory: Path) -> Path:
    """Write a record as a run leaves it, sealed."""
    create_record(directory, replace(record, trials=()))
    writer = TrialWriter(directory)
    for trial in record.trials:
        writer.append(trial)
    seal(directory, record)
    writer.close()
    return directory


@dataclass(frozen=True)
class Damage:
    """One thing that can go wrong: in the session before its seal, or in its files after it."""

    name: str
    session: Callable[[Record, random.Random], Record] = lambda record, _: record
    files: Callable[[Path, random.Random], None] = lambda directory, _: None

    def write(self, record: Record, directory: Path, draw: random.Random) -> Path:
        """Write the record with this damage."""
        write_record(self.session(record, draw), directory)
        self.files(directory, draw)
        return directory


def _dropped(record: Record, keep: Callable[[Trial], bool]) -> Record:
    return replace(record, trials=tuple(t for t in record.trials if keep(t)))


def _one_cell_lost(record: Record, draw: random.Random) -> Record:
    lost = draw.choice(record.plan.cells)
    return _dropped(record, lambda t: t.cell != lost)


def _one_arm_lost(record: Record, draw: random.Random) -> Record:
    lost = draw.choice(FUNCTIONS)
    return _dropped(record, lambda t: not (t.arm == "aa" and t.function == lost))


def _controls_lost(record: Record, draw: random.Random) -> Record:
    return _dropped(record, lambda t: t.arm != "aa")


def _trials_lost(record: Record, draw: random.Random) -> Record:
    share = draw.uniform(0.02, 0.5)
    kept = [t for t in record.trials if draw.random() > share]
    return replace(record, trials=tuple(kept))


def _rounds_lost(record: Record, draw: random.Random) -> Record:
    last = draw.randrange(0, ROUNDS // 2)
    return _dropped(record, lambda t: t.round <= last)


def _interrupted(record: Record, draw: random.Random) -> Record:
    count = draw.randrange(0, len(record.trials))
    return replace(record, trials=record.trials[:count], complete=False)


def _unfinished(record: Record, draw: random.Random) -> Record:
    return replace(record, complete=False)


def _crashed(record: Record, draw: random.Random) -> Record:
    broken, share = draw.choice(record.plan.cells), draw.uniform(0.05, 1.0)
    kind = draw.choice(["Runtime.ExitError", "Sandbox.Timedout", "Harness.Lost"])
    error = TrialError(type=kind, message="exit status 1")
    chosen = draw.choice([t for t in record.trials if t.cell == broken and not t.discarded])

    def told(trial: Trial) -> Trial:
        hit = trial is chosen or (trial.cell == broken and draw.random() < share)
        if not hit:
            return trial
        return replace(trial, outcome="failed", phases={}, cpu={}, error=error)

    return replace(record, trials=tuple(map(told, record.trials)))


def _without_cpu(record: Record, draw: random.Random) -> Record:
    lost = draw.choice(record.plan.cells)
    return replace(
        record,
        trials=tuple(replace(t, cpu={}) if t.cell == lost else t for t in record.trials),
    )


def _without_baseline(record: Record, draw: random.Random) -> Record:
    lost = draw.choice(FUNCTIONS)
    plan = record.plan
    cells = tuple(c for c in plan.cells if (c.function, c.variant) != (lost, OLD))
    kept = _dropped(record, lambda t: (t.function, t.variant) != (lost, OLD))
    return replace(kept, plan=replace(plan, cells=cells), unpaired={lost: NEW})


def _slower(record: Record, draw: random.Random) -> Record:
    factor = draw.uniform(1.05, 2.0)

    def told(trial: Trial) -> Trial:
        if trial.variant != NEW:
            return trial
        cpu = {name: round(value * factor) for name, value in trial.cpu.items()}
        return replace(trial, cpu=cpu)

    return replace(record, trials=tuple(map(told, record.trials)))


def _trials_file(change: Callable[[bytes, random.Random], bytes]) -> Callable[..., None]:
    def apply(directory: Path, draw: random.Random) -> None:
        file = directory / TRIALS_FILE
        file.write_bytes(change(file.read_bytes(), draw))

    return apply


def _header_file(change: Callable[[bytes, random.Random], bytes]) -> Callable[..., None]:
    def apply(directory: Path, draw: random.Random) -> None:
        file = directory / RECORD_FILE
        file.write_bytes(change(file.read_bytes(), draw))

    return apply


def _truncated(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data) - 1)]


def _whole_lines(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(lines[: draw.randrange(len(lines))])


def _reordered(data: bytes, draw: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    shuffled = draw.sample(lines, len(lines))
    return b"".join(shuffled)


def _doubled(data: bytes, draw: random.Random) -> bytes:
    return data + draw.choice(data.splitlines(keepends=True))


def _flipped(data: bytes, draw: random.Random) -> bytes:
    """Change one digit or letter to another: damage that may well still be JSON."""
    places = [i for i, byte in enumerate(data) if chr(byte).isalnum()]
    place = draw.choice(places)
    others = [b for b in b"0123456789abcdefghijklmnopqrstuvwxyz" if b != data[place]]
    return data[:place] + bytes([draw.choice(others)]) + data[place + 1 :]


def _value_changed(data: bytes, draw: random.Random) -> bytes:
    """Change one value deep in the JSON of the header, and write it well-formed."""
    header = json.loads(data)
    places = [p for p in _places(header) if p[0] != "seal"]
    *path, last = draw.choice(places)
    inner = header
    for key in path:
        inner = inner[key]
    old = inner[last]
    inner[last] = draw.choice([v for v in (None, 0, 1, "", [], {}, True, 12.5) if v != old])
    return json.dumps(header).encode()


def _key_removed(data: bytes, draw: random.Random) -> bytes:
    header = json.loads(data)
    del header[draw.choice(sorted(header))]
    return json.dumps(header).encode()


def _places(value: Any) -> list[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [(key, *rest) for key, inner in items for rest in ((), *_places(inner))]


DAMAGES = (
    Damage("one cell lost", session=_one_cell_lost),
    Damage("one A/A arm lost", session=_one_arm_lost),
    Damage("all A/A arms lost", session=_controls_lost),
    Damage("trials lost", session=_trials_lost),
    Damage("too few rounds", session=_rounds_lost),
    Damage("interrupted", session=_interrupted),
    Damage("not finished", session=_unfinished),
    Damage("crashes", session=_crashed),
    Damage("no CPU times", session=_without_cpu),
    Damage("a missing baseline", session=_without_baseline),
    Damage("a regression", session=_slower),
    Damage("trials truncated", files=_trials_file(_truncated)),
    Damage("trials cut off at a line", files=_trials_file(_whole_lines)),
    Damage("trials reordered", files=_trials_file(_reordered)),
    Damage("a trial doubled", files=_trials_file(_doubled)),
    Damage("a character of the trials changed", files=_trials_file(_flipped)),
    Damage("trials emptied", files=_trials_file(lambda data, _: b"")),
    Damage("header truncated", files=_header_file(_truncated)),
    Damage("a character of the header changed", files=_header_file(_flipped)),
    Damage("a value of the header changed", files=_header_file(_value_changed)),
    Damage("a key of the header removed", files=_header_file(_key_removed)),
)
