"""``coldbench report``: a stored record in any form; the same record gives the same bytes."""

from __future__ import annotations

from bench.commands.delivery import deliver
from bench.commands.options import ReportOptions
from bench.commands.records import find_record


def execute(options: ReportOptions) -> tuple[str, int]:
    """Render a record to stdout, or into ``-o FILE``.

    Raises:
        RecordError: the record is unreadable, damaged or foreign.
    """
    from bench.report import render
    from bench.stats.judge import judge
    from bench.store import load_record

    settings = options.settings
    record = load_record(find_record(options.record, settings, cwd=options.cwd))
    judgement = judge(record, confidence=settings.confidence, margin=settings.margin)
    # A file has no terminal: it is neither coloured nor as wide as one.
    on_terminal = options.output is None
    text = render(
        record,
        judgement,
        options.format,
        width=options.width if on_terminal else 100,
        colour=options.colour and on_terminal,
    )
    return deliver(text, options.output), 0
