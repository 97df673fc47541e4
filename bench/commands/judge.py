"""``coldbench judge``: verdicts again from stored trials, with the exit code that a run has."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bench.commands.options import JudgeOptions
from bench.commands.outcome import PRIMARY_METRIC, exit_code
from bench.commands.records import find_record
from bench.model import Comparison, Judgement
from bench.units import format_change


def execute(options: JudgeOptions) -> tuple[str, int]:
    """Judge a record by the confidence and margin of the settings.

    Raises:
        RecordError: the record is unreadable, damaged or foreign.
    """
    from bench.report.result import result
    from bench.stats.judge import judge
    from bench.store import load_record

    settings = options.settings
    record = load_record(find_record(options.record, settings, cwd=options.cwd))
    judgement = judge(record, confidence=settings.confidence, margin=settings.margin)
    if options.json:
        document = result(record, judgement)
        kept = {
            key: document[key] for key in ("schema", "run", "controls", "comparisons", "verdict")
        }
        text = json.dumps(kept, indent=2, allow_nan=False) + "\n"
    else:
        text = "\n".join(_lines(judgement)) + "\n"
    return text, exit_code(record, judgement, strict=options.strict)


def _lines(judgement: Judgement) -> Iterator[str]:
    """Give the verdict, why a run is unfit, then one line per comparison of the primary metric."""
    yield judgement.verdict
    for reason in judgement.fit_reasons:
        yield f"  {reason}"
    decisive = [c for c in judgement.comparisons if c.metric == PRIMARY_METRIC]
    if not decisive:
        yield "  nothing was compared with a baseline"
    names = [_name(comparison) for comparison in decisive]
    width = max(map(len, names), default=0)
    for name, comparison in zip(names, decisive, strict=True):
        yield f"  {name:<{width}}  {_change(comparison):<28}  {comparison.verdict}"


def _name(comparison: Comparison) -> str:
    conditions = f"{comparison.event}, {comparison.memory_mb} MB"
    return f"{comparison.function} {comparison.candidate} ({conditions})"


def _change(comparison: Comparison) -> str:
    if comparison.ratio is None or comparison.low is None or comparison.high is None:
        return f"n = {comparison.n}"
    interval = f"[{format_change(comparison.low)}, {format_change(comparison.high)}]"
    return f"{format_change(comparison.ratio)} {interval}"
