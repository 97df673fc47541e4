"""The end of a run: judged, held to its gate, reported, and told to whoever asked."""

from __future__ import annotations

from pathlib import Path

from bench.commands.announcement import Announced, announce
from bench.commands.delivery import deliver
from bench.commands.options import RunOptions
from bench.commands.outcome import outcome
from bench.progress import Progress
from bench.report import render, write_report
from bench.store import load_record

#: What the files of a report are called: of a run, and of a comparison of revisions.
STEMS = ("latest", "compare")


def conclude(directory: Path, options: RunOptions, progress: Progress) -> tuple[str, int]:
    """Judge a record and report it: the text for stdout and the exit code.

    Raises:
        StorageError: a report cannot be written.
    """
    record = load_record(directory)
    settings = options.settings
    stem = STEMS[bool(record.revisions)]
    judgement, code = outcome(record, settings, options.demands)
    if record.plan.cells and not any(t.outcome == "ok" for t in record.trials):
        progress.say("no trial succeeded; the report has the reasons")
    files: tuple[Path, ...] = ()
    if record.plan.smoke:
        progress.say(f"smoke run: {settings.out}/{stem}.* stay as they were")
    else:
        files = write_report(record, judgement, settings.out, stem=stem)
        progress.say(f"wrote {', '.join(str(f) for f in files[:2])}")
    announced = Announced(record, judgement, code, directory, files)
    announce(announced, options.environ, summary=True)
    # Last, so that no fault of one form costs the files or the gate's answer.
    text = render(
        record,
        judgement,
        options.format,
        width=options.width if options.output is None else 100,
        colour=options.colour and options.output is None,
    )
    return deliver(text, options.output), code
