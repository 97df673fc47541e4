"""``coldbench judge``: verdicts again from stored trials, with the exit code that a run has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bench.commands.options import JudgeOptions
from bench.commands.records import find_record
from bench.errors import EXIT_INCOMPARABLE
from bench.judgement import Comparison, Judgement
from bench.model import Record
from bench.report.gate import gate_lines
from bench.units import format_change

if TYPE_CHECKING:
    from bench.foreign import Assessment


def execute(options: JudgeOptions) -> tuple[str, int]:
    """Judge a record by the confidence and margin of the settings.

    A file of hyperfine or pytest-benchmark gets no verdict, but the reasons why it has none.

    Raises:
        RecordError: the record is unreadable, damaged or foreign.
    """
    from bench import foreign
    from bench.commands.announcement import Announced, announce
    from bench.commands.outcome import outcome
    from bench.report.result import result
    from bench.store import load_record

    settings = options.settings
    path = find_record(options.record, settings, cwd=options.cwd)
    other = foreign.read(path)
    if other is not None:
        return _assessed(foreign.assess(other), json=options.json)
    record = load_record(path)
    judgement, code = outcome(record, settings, options.demands)
    if options.json:
        document = result(record, judgement)
        kept = {
            key: document[key]
            for key in ("schema", "run", "controls", "comparisons", "gate", "verdict")
        }
        text = json.dumps(kept, indent=2, allow_nan=False) + "\n"
    else:
        text = "\n".join(_lines(record, judgement)) + "\n"
    directory = path if path.is_dir() else path.parent
    announce(Announced(record, judgement, code, directory), options.environ)
    return text, code


def _assessed(assessment: Assessment, *, json: bool) -> tuple[str, int]:
    from bench.foreign import rendering

    text = rendering.document(assessment) if json else rendering.text(assessment)
    return text, EXIT_INCOMPARABLE


def _lines(record: Record, judgement: Judgement) -> Iterator[str]:
    """Give the verdict, why a run is unfit, then one line per comparison of the primary metric."""
    yield judgement.verdict
    if not record.complete:
        yield f"  interrupted; `coldbench run --resume {record.run_id}` goes on"
    for reason in judgement.fit_reasons:
        yield f"  {reason}"
    decisive = [c for c in judgement.comparisons if c.metric == judgement.primary]
    if not decisive:
        yield "  nothing was compared with a baseline"
    names = [_name(comparison) for comparison in decisive]
    width = max(map(len, names), default=0)
    for name, comparison in zip(names, decisive, strict=True):
        yield f"  {name:<{width}}  {_change(comparison):<28}  {comparison.verdict}"
    if judgement.gate is not None:
        yield from (f"  {line}" for line in gate_lines(judgement.gate))


def _name(comparison: Comparison) -> str:
    conditions = f"{comparison.event}, {comparison.memory_mb} MB"
    return f"{comparison.function} {comparison.candidate} ({conditions})"


def _change(comparison: Comparison) -> str:
    if comparison.ratio is None or comparison.low is None or comparison.high is None:
        return f"n = {comparison.n}"
    interval = f"[{format_change(comparison.low)}, {format_change(comparison.high)}]"
    return f"{format_change(comparison.ratio)} {interval}"
