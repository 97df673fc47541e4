"""Functions that fail in every way, one after the other: nothing of them may stay behind."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from tests.conformance.leftovers import census
from tests.conformance.workload_function import Workload
from tests.findings import Row, Section

#: A function that hangs is waited for so long; the others end by themselves long before theirs.
_HANG_S, _TIMEOUT_S = 0.25, 20.0
_MEMORY_MB = 128
#: How each kind of failure has to end; None: it succeeds, and leaves something behind.
_KINDS: dict[str, str | None] = {
    "crash": "Runtime.ExitError",
    "hang": "Sandbox.Timedout",
    "exhaust": "Runtime.ExitError",
    "daemon": None,
}
#: Once in a while, because each takes a second and a thousand processes.
_RARE = "children"
_RARE_EVERY = 100


def check(scratch: Path, cycles: int) -> Section:
    """Count everything before and after ``cycles`` failing trials."""
    workload = Workload("none", scratch)
    order = random.Random(cycles)
    try:
        workload.trial(_MEMORY_MB, {"kind": "work", "cpu_ms": 0})
        before = census(scratch)
        wrong = Counter[str]()
        for number in range(cycles):
            kind = _RARE if number % _RARE_EVERY == _RARE_EVERY - 1 else order.choice(list(_KINDS))
            timeout_s = _HANG_S if kind == "hang" else _TIMEOUT_S
            trial = workload.failing_trial(_MEMORY_MB, {"kind": kind}, timeout_s)
            ended = None if trial.error is None else trial.error.type
            if kind != _RARE and ended != _KINDS[kind]:
                wrong[f"{kind} ended with {ended}"] += 1
        after = census(scratch)
    finally:
        workload.close()
    rows = [
        Row(
            what=f"{name} left behind",
            expected="0",
            measured=f"{after[name] - before[name]} ({before[name]} before, {after[name]} after)",
            ok=after[name] <= before[name],
        )
        for name in before
    ]
    rows.append(
        Row(
            what="failures reported as what they are",
            expected=f"{cycles}",
            measured=f"{cycles - wrong.total()} {dict(wrong) or ''}".strip(),
            ok=not wrong,
        )
    )
    method = (
        f"{cycles} cold starts that crash, hang, use up all memory, leave daemons or "
        "fork until no process is to be had; counted before and after."
    )
    return Section(title="Crash, timeout, out of memory, hang", method=method, rows=tuple(rows))
