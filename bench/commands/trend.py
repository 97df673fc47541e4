"""``coldbench trend``: the history as ratios to pinned anchors, and the changes in it.

A change point only nominates. Before anybody is told, the two revisions are measured again in one
interleaved run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from bench.codec import to_json
from bench.commands.records import find_record
from bench.commands.trend_measure import append, commit_of, confirm, measure, obstacle, pin
from bench.commands.trend_options import TrendOptions
from bench.errors import EXIT_OK, EXIT_REGRESSION, BenchError, Interrupted
from bench.history import confirmations, entries, report
from bench.history.confirmations import Confirmation
from bench.history.trends import Trend, trends
from bench.progress import Progress, choose
from bench.store import load_record

SCHEMA = "coldbench-trend/1"


def execute(options: TrendOptions) -> tuple[str, int]:
    """Do the step that was asked for, then look at the history; 1 for a newly confirmed slow-down.

    Raises:
        BenchError: with its exit code; what was remembered until then stays.
    """
    progress = choose(options.verbosity, sys.stderr)
    if options.anchor:
        kept = pin(options, progress)
        lines = [f"anchor of {a.function}: {a.variant} {a.digest[:12]}" for a in kept]
        return "\n".join(lines) + "\n", EXIT_OK
    if options.measure:
        progress.say(f"{_entries(measure(options, progress))} added to {options.history}")
    if options.append is not None:
        added = _appended(options.append, options, progress)
        progress.say(f"{_entries(added)} added to {options.history}")
    fresh = _confirmed(options, progress) if options.confirm else []
    found = trends(entries.load(options.history), confirmations.load(options.history))
    if found:
        files = report.write(options.settings.out, found)
        progress.say(f"wrote {files[0]}")
    text = _document(found) if options.json else _text(found)
    return text, EXIT_REGRESSION if any(_is_slow_down(c) for c in fresh) else EXIT_OK


def _appended(name: str, options: TrendOptions, progress: Progress) -> int:
    """Add a run that was measured before; gives how many entries are new."""
    record = load_record(find_record(name, options.settings, cwd=options.cwd))
    commit = commit_of(record, options.cwd)
    if record.commit is None:
        progress.say(
            f"run {record.run_id} does not tell what it was built from, and is taken as"
            f" {commit.id[:12] or 'of no commit'}: that of {options.cwd} now"
        )
    return append(record, commit, options)


def _confirmed(options: TrendOptions, progress: Progress) -> list[Confirmation]:
    """Measure again whatever was nominated and has no answer yet."""
    answers = []
    found = trends(entries.load(options.history), confirmations.load(options.history))
    for trend in found:
        for nomination, answer in trend.nominated:
            if answer is not None and answer.state != "undecided":
                continue
            reason = obstacle(nomination)
            if reason:
                progress.say(f"{trend.name}: a candidate cannot be measured again: {reason}")
                continue
            progress.say(f"{trend.name}: measuring a candidate again")
            try:
                given = confirm(nomination, options)
            except Interrupted:
                raise
            except BenchError as error:
                progress.say(f"{trend.name}: not measured again: {error.message}")
                continue
            confirmations.append(options.history, given)
            answers.append(given)
    return answers


def _is_slow_down(answer: Confirmation) -> bool:
    return answer.state == "confirmed" and (answer.ratio or 0.0) > 1


def _text(found: Sequence[Trend]) -> str:
    lines = [report.headline(found)]
    lines += [f"  {report.change_words(t, n, c)}" for t in found for n, c in t.confirmed]
    return "\n".join(lines) + "\n"


def _document(found: Iterable[Trend]) -> str:
    """Write every series with its entries and its nominations, each with its answer or null."""
    rows = [
        {
            "name": trend.name,
            "entries": to_json(trend.entries),
            "nominations": [
                {
                    "index": nomination.index,
                    "ratio": nomination.ratio,
                    "before": nomination.before.run,
                    "after": nomination.after.run,
                    "answer": to_json(answer),
                }
                for nomination, answer in trend.nominated
            ],
        }
        for trend in found
    ]
    document = {"schema": SCHEMA, "series": rows}
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
