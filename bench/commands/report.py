"""``coldbench report``: a stored record in any form; the same record gives the same bytes."""

from __future__ import annotations

from bench.commands.delivery import deliver
from bench.commands.options import ReportOptions
from bench.commands.records import find_record
from bench.errors import UnknownName
from bench.judgement import Judgement
from bench.model import Record


def execute(options: ReportOptions) -> tuple[str, int]:
    """Render a record to stdout, or into ``-o FILE``.

    Raises:
        RecordError: the record is unreadable, damaged or foreign.
    """
    from bench.commands.outcome import outcome
    from bench.report import render
    from bench.store import load_record

    settings = options.settings
    record = load_record(find_record(options.record, settings, cwd=options.cwd))
    judgement, _ = outcome(record, settings)
    # A file has no terminal: it is neither coloured nor as wide as one.
    on_terminal = options.output is None
    if options.beside is not None:
        return deliver(_side_by_side(record, judgement, options), options.output), 0
    text = render(
        record,
        judgement,
        options.format,
        width=options.width if on_terminal else 100,
        colour=options.colour and on_terminal,
    )
    return deliver(text, options.output), 0


def _side_by_side(record: Record, judgement: Judgement, options: ReportOptions) -> str:
    """The record and another one.

    Raises:
        UnknownName: a format that has no such table.
    """
    from bench.commands.outcome import outcome
    from bench.report import beside
    from bench.store import load_record

    if options.format not in beside.FORMATS:
        raise UnknownName("format of `--beside`", options.format, beside.FORMATS)
    settings = options.settings
    other = load_record(find_record(str(options.beside), settings, cwd=options.cwd))
    second, _ = outcome(other, settings)
    on_terminal = options.output is None
    return beside.render(
        (record, judgement),
        (other, second),
        options.format,
        width=options.width if on_terminal else 100,
        colour=options.colour and on_terminal,
    )
