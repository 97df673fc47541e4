"""The trials as CSV, one row each, for people who want to look for themselves."""

from __future__ import annotations

from typing import Any

from bench.model import Record, Trial
from bench.report.paths import path_free


def render(record: Record) -> str:
    """List every recorded trial, failed and discarded ones too; durations in ns, sizes in bytes.

    A number that a trial did not get as far as producing is an empty field.
    """
    # pandas takes half a second to import, which only this format should cost.
    import pandas as pd

    rows = [_row(record, trial) for trial in path_free(record).trials]
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["run_id"]
    frame = pd.DataFrame(rows, columns=names)
    # A missing integer turns a whole column into floats, except in this type.
    integers = {name: "Int64" for name in names if name.endswith(("_ns", "_bytes", "_count"))}
    text: str = frame.astype(integers).to_csv(index=False, lineterminator="\n")
    return text


def _row(record: Record, trial: Trial) -> dict[str, Any]:
    error = trial.error
    return {
        "run_id": record.run_id,
        "function": trial.function,
        "variant": trial.variant,
        "memory_mb": trial.memory_mb,
        "event": trial.event,
        "page_cache": trial.page_cache,
        "arm": trial.arm,
        "round": trial.round,
        "position": trial.position,
        "slot": trial.slot,
        "discarded": trial.discarded,
        "outcome": trial.outcome,
        "started_ns": trial.started_ns,
        **{f"{phase}_ns": value for phase, value in trial.phases.items()},
        **{f"cpu_{phase}_ns": value for phase, value in trial.cpu.items()},
        **{f"warm_invoke_{k}_ns": ns for k, ns in enumerate(trial.warm_invokes_ns, start=1)},
        **{f"cpu_warm_invoke_{k}_ns": ns for k, ns in enumerate(trial.warm_cpu_ns, start=1)},
        "peak_memory_bytes": trial.peak_memory_bytes,
        **{f"{guard}_count": value for guard, value in trial.guards.items()},
        "error_type": error.type if error else None,
        "error_message": error.message if error else None,
    }
