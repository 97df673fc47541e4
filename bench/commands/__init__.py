"""The commands of ``coldbench``, one module each, with ``execute(options) -> (text, exit code)``.

The names and summaries below are all that ``coldbench --help`` needs: plain data, so that showing
the help imports nothing.
"""

from __future__ import annotations

COMMANDS = {
    "run": "build, measure, judge and report",
    "compare": "two revisions of the same functions, in one interleaved run",
    "build": "artifacts and exact metrics only",
    "invoke": "one execution environment: give a function an event, see what Lambda would print",
    "list": "what can be measured: functions, variants and events",
    "report": "a stored record as text, Markdown, JSON, …",
    "judge": "verdicts again from the stored trials of a record",
    "serve": "a local AWS endpoint: moto's control plane, functions run by our emulator",
    "trend": "the history of cold starts, and the changes in it that were confirmed",
    "doctor": "what this machine can measure, and how to make it better",
    "clean": "what runs on real Lambda have left behind, deleted",
    "mine": "cold starts in production logs",
    "prices": "what Lambda charges, by region",
    "config": "each setting, its value and where it came from",
}
