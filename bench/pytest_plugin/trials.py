"""Real trials for a test: ``coldbench`` as a process of its own, and what its record says.

A process of its own, because pytest with its plugins is large and what spawns must stay small, and
because the command line is the same for everybody.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.codec import from_json
from bench.judgement import Summary
from bench.model import Trial
from bench.store import load_record

#: A step's outputs and summary belong to whoever runs the tests.
_NOT_OURS = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run of ``coldbench``: its exit code, its result file (None without), and its stderr."""

    exit_code: int
    result: Mapping[str, Any] | None
    stderr: str
    #: The directory of its record; None where it came to none.
    record: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """What the trials of one function came to; metrics by name, such as ``cold_total``.

    A metric is also an attribute of the same name: ``start.cold_total.median`` is in ns,
    ``start.peak_memory.median`` in bytes.
    """

    function: str
    variant: str
    event: str
    memory_mb: int
    metrics: Mapping[str, Summary]
    #: How many trials failed, and of how many; discarded and A/A ones count, metrics have none.
    failures: int
    trials: int
    #: None without a failure.
    first_failure: Trial | None
    #: The measured values of each metric, in the order of the rounds.
    samples: Mapping[str, tuple[int, ...]]
    #: False for a run whose controls failed; then ``fit_reasons`` says why.
    fit: bool
    fit_reasons: tuple[str, ...]
    #: The directory of the record, for ``coldbench report``.
    record: Path

    def __getattr__(self, name: str) -> Summary:
        """Give a metric by its name.

        Raises:
            AttributeError: there is no such metric; names those that there are.
        """
        __tracebackhide__ = True
        # Not `self.metrics`: while a copy is being made there are none, and this would not end.
        metrics: Mapping[str, Summary] = object.__getattribute__(self, "metrics")
        if name in metrics:
            return metrics[name]
        raise AttributeError(f"no metric `{name}`; this cold start has {', '.join(metrics)}")


def run(arguments: Iterable[object], *, cwd: Path, out: Path) -> Finished:
    """Run one command of ``coldbench`` that measures, with its reports and records below ``out``.

    Raises:
        KeyboardInterrupt: somebody pressed Ctrl-C, which reached the run as well.
    """
    result = out / "result.json"
    words = [*map(str, arguments), "--out", str(out), "--json", "-o", str(result), "--quiet"]
    finished = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k not in _NOT_OURS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    records = sorted((out / "records").glob("*"))
    return Finished(
        exit_code=finished.returncode,
        result=json.loads(result.read_bytes()) if result.exists() else None,
        stderr=finished.stderr.strip(),
        record=records[-1] if records else None,
    )


def cold_start(finished: Finished) -> ColdStart | None:
    """Read the one measured cell of a finished run; None without a valid trial."""
    if finished.result is None or finished.record is None:
        return None
    record = load_record(finished.record)
    cell = record.plan.cells[0]
    trials = [t for t in record.trials if t.cell == cell]
    failed = [t for t in trials if t.outcome == "failed"]
    judged = [t for t in trials if t.arm == "variant" and not t.discarded and t.outcome == "ok"]
    metrics = next(
        row["metrics"]
        for row in finished.result["cells"]
        if (row["variant"], row["event"], row["memory_mb"])
        == (cell.variant, cell.event, cell.memory_mb)
    )
    if not judged:
        return None
    return ColdStart(
        function=cell.function,
        variant=cell.variant,
        event=cell.event,
        memory_mb=cell.memory_mb,
        metrics={name: from_json(Summary, row) for name, row in metrics.items()},
        failures=len(failed),
        trials=len(trials),
        first_failure=failed[0] if failed else None,
        samples=_samples(sorted(judged, key=lambda t: t.round)),
        fit=finished.result["run"]["fit"],
        fit_reasons=tuple(finished.result["run"]["fit_reasons"]),
        record=finished.record,
    )


def _samples(trials: list[Trial]) -> dict[str, tuple[int, ...]]:
    from bench.stats.samples import METRICS

    columns = {name: read(trials) for name, read in METRICS.items()}
    known = {name: tuple(v for v in values if v is not None) for name, values in columns.items()}
    return {name: values for name, values in known.items() if values}
