"""What a failed test says: the finding with its numbers, and where the rest can be read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.pytest_plugin.subjects import Subject
from bench.pytest_plugin.trials import ColdStart, Finished
from bench.units import format_change

_PRIMARY = "cpu_cold_total"


def slower_words(finished: Finished, than: str | Path, margin: float) -> str:
    """Word a regression: each comparison that was found slower, with its interval."""
    lines = "\n".join(f"  {line}" for line in _findings(finished, "regression"))
    head = f"the cold start is slower than `{than}` by more than the {margin * 100:g} % allowed"
    return f"{head}:\n{lines}{_where(finished)}"


def inconclusive_words(finished: Finished, margin: float) -> str:
    """Word a run that could not tell, and what would help."""
    lines = "\n".join(f"  {line}" for line in _findings(finished, "inconclusive"))
    return (
        f"inconclusive: not known whether the cold start is slower by more than {margin * 100:g} %"
        f":\n{lines}\nhint: allow more rounds or a longer budget, or a wider margin"
        f"{_where(finished)}"
    )


def unfit_words(found: ColdStart) -> str:
    """Word a measurement whose controls failed."""
    reasons = "; ".join(found.fit_reasons) or "no reason was recorded"
    return (
        f"cold_start: the run is unfit: {reasons}\nhint: run it again on a quieter machine, or"
        f" take the numbers with `allow_unfit=True`\nrecord: {found.record}"
    )


def failed_words(found: ColdStart, subject: Subject) -> str:
    """Word a measurement of which trials failed: how many, the first error, and what to try."""
    first = found.first_failure
    where = f"{found.function}, variant {found.variant} ({found.event}, {found.memory_mb} MB)"
    lines = [f"cold_start: {where}: {found.failures} of {found.trials} trials failed"]
    if first is not None and first.error is not None:
        error = first.error
        lines.append(f"first error, in round {first.round}: {error.type}: {error.message}")
        lines += [f"  {line}" for line in error.log_tail.splitlines()]
        lines += [f"log: {error.log_path}"] if error.log_path else []
    words = ("coldbench", "invoke", subject.function.directory, "--event", subject.event)
    conditions = ("--variant", subject.variant, "--memory", subject.memory_mb)
    again = shlex.join(map(str, (*words, *conditions)))
    lines += [
        f"hint: `{again}` starts it by itself; to take the metrics of the trials that succeeded,"
        " pass `allow_failures=True`",
        f"record: {found.record}",
    ]
    return "\n".join(lines)


def broken(finished: Finished) -> str:
    """Word a run that gave nothing to go by, in its own words."""
    said = [finished.stderr] if finished.stderr else []
    result = finished.result
    if result is not None:
        said += result["run"]["fit_reasons"]
        said += [f"{f['function']}: {f['type']}: {f['message']}" for f in result["failures"]]
        said += _findings(finished, "incomparable")
        said += _findings(finished, "failed")
    words = "\n".join(dict.fromkeys(said)) or "it said nothing"
    verdict = f", {result['verdict']}" if result is not None else ""
    return f"coldbench ended with exit code {finished.exit_code}{verdict}:\n{words}" + _where(
        finished
    )


def _findings(finished: Finished, state: str) -> Iterator[str]:
    """What the gate found, and the comparisons behind it."""
    result = finished.result or {}
    gate = result.get("gate") or {}
    for found in gate.get("findings", ()):
        if found["state"] == state:
            yield " ".join(filter(None, (found["function"], found["candidate"], found["message"])))
    if state in ("regression", "inconclusive"):
        for row in result.get("comparisons", ()):
            if row["metric"] == _PRIMARY:
                yield _comparison(row)


def _comparison(row: Mapping[str, Any]) -> str:
    where = f"{row['function']} ({row['event']}, {row['memory_mb']} MB)"
    what = f"{where}: CPU time of the cold total, {row['candidate']} against {row['baseline']}"
    if None in (row["ratio"], row["low"], row["high"]):
        return f"{what}: n = {row['n']}"
    interval = f"[{format_change(row['low'])}, {format_change(row['high'])}]"
    return f"{what}: {format_change(row['ratio'])} {interval}, n = {row['n']}"


def _where(finished: Finished) -> str:
    if finished.record is None:
        return ""
    return f"\nrecord: {finished.record} (`coldbench report {finished.record}` shows it)"
