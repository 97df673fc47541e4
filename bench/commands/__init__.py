"""The commands of ``coldbench``, one module each, with ``execute(options) -> (text, exit code)``.

The names and summaries below are all that ``coldbench --help`` needs: plain data, so that showing
the help imports nothing.
"""

from __future__ import annotations

COMMANDS = {
    "run": "build, measure, judge and report",
    "build": "artifacts and exact metrics only",
    "invoke": "one execution environment: give a function an event, see what Lambda would print",
    "list": "what can be measured: functions, variants and events",
    "report": "a stored record as text, Markdown, JSON, …",
    "judge": "verdicts again from the stored trials of a record",
    "doctor": "what this machine can measure, and how to make it better",
    "config": "each setting, its value and where it came from",
}
