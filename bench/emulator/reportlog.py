"""The platform lines in a log of Lambda or of this emulator, among whatever the function printed.

Both log formats, before and after init became billed, of Lambda and of AWS's own emulator. A line
is Lambda's only if all of it has Lambda's form: it begins at the start of a line, the request id
is a UUID, fields are divided by tabs and known by their whole label, numbers have the decimals
and the unit they must have, and nothing that belongs there is missing. The order of the fields is
free, as it has changed. Fields with an unknown label are passed over, so that a field that Lambda
adds does not make its lines unreadable.

What cannot be told apart: a function that prints a complete, correct platform line at the start
of a line of its own. The log carries no mark of who wrote a line. Who waits for a certain invoke
should give its request id to :func:`parse_report`; the last ``REPORT`` of a log is then Lambda's,
because it is written after the function was stopped or frozen.

Also None: the ``REPORT`` of Lambda Managed Instances, which has no billed duration.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from bench.emulator.platform_json import parse_json
from bench.emulator.platform_lines import PlatformLine, Report
from bench.emulator.platform_text import TEXT_KEY_LENGTH, TEXT_KEYS, parse_text

_REPORT_OPENING = "REPORT RequestId: "
_TRACE_OPENING = "XRAY TraceId: "


def parse_line(line: str) -> PlatformLine | None:
    """What Lambda says in this line; None if the line is the function's own.

    ``line`` may end with a line break, also ``CRLF``. It may be a whole CloudWatch event, in which
    the X-Ray part of a ``REPORT`` stands on a second line.
    """
    if line[:TEXT_KEY_LENGTH] in TEXT_KEYS:
        return parse_text(line)
    # `"platform.` is in every object of Lambda's and in hardly any of a user's.
    if line[:1] == "{" and '"platform.' in line:
        return parse_json(line)
    return None


def platform_lines(text: str) -> Iterator[PlatformLine]:
    """The platform lines of a whole log in their order; an X-Ray line becomes part of its report.

    Only a line feed divides lines: awslambdaric writes ``CR`` inside the text of an error.
    """
    report = ""
    for line in chain(text.split("\n"), [""]):
        if report:
            traced = parse_line(f"{report}\n{line}") if line.startswith(_TRACE_OPENING) else None
            found = traced or parse_line(report)
            report = ""
            if found is not None:
                yield found
        if line.startswith(_REPORT_OPENING):
            report = line
            continue
        found = parse_line(line)
        if found is not None:
            yield found


def parse_report(text: str, request_id: str | None = None) -> Report | None:
    """The last report in a log, a tail of a log or a single line; None if there is none.

    Args:
        text: log in the text or the JSON format.
        request_id: consider only the reports of this invoke.
    """
    last = None
    for line in platform_lines(text):
        if isinstance(line, Report) and request_id in (None, line.request_id):
            last = line
    return last
