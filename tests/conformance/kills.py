"""A run killed with -9 at random moments: nothing runs on, and the next run sweeps up."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.conformance import leftovers
from tests.findings import Row, Section

_LATEST_KILL_S = 4.0
#: What a killed run's processes are given to end by themselves.
_END_S = 3.0
_WORKLOAD = Path(__file__).with_name("workload")


def check(scratch: Path, kills: int) -> Section:
    """Kill the reporting process of ``coldbench run``; count what is there after the next run."""
    project = scratch / "project"
    shutil.copytree(_WORKLOAD, project / "workload")
    (project / "workload" / "events").mkdir()
    (project / "workload" / "events" / "work.json").write_text('{"kind": "work", "cpu_ms": 1}')
    moments = random.Random(kills)
    running = 0
    _run(project)
    for _ in range(kills):
        process = subprocess.Popen(
            _command(project, "60s"),
            cwd=project,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moments.uniform(0.0, _LATEST_KILL_S))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        running += bool(_still_running(project))
    code = _run(project)
    groups = leftovers.abandoned_groups()
    staged = list((project / "cache" / "stage").glob("*"))
    rows = (
        _row("kills after which a process ran on", running),
        _row("exit code of the next run", code),
        _row("abandoned cgroups after the next run", len(groups)),
        _row("staged copies after the next run", len(staged)),
    )
    method = f"{kills} runs, each killed with -9 up to {_LATEST_KILL_S:.0f} s after its start."
    return Section(title="kill -9", method=method, rows=rows)


def _row(what: str, count: int) -> Row:
    return Row(what=what, expected="0", measured=str(count), ok=count == 0)


def _command(project: Path, budget: str) -> list[str]:
    return [
        *(sys.executable, "-m", "bench", "run", "workload", "--budget", budget),
        *("--cache", str(project / "cache"), "--out", str(project / "reports"), "-q"),
    ]


def _run(project: Path) -> int:
    done = subprocess.run(
        [*_command(project, "20s"), "--rounds", "2", "--smoke"],
        cwd=project,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode


def _still_running(project: Path) -> set[int]:
    deadline = time.monotonic() + _END_S
    while True:
        found = leftovers.processes_below(project)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
