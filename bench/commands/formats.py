"""The forms that a report can take, by name: known before anything is measured.

Kept apart from ``bench.report``, which imports the charts that a measuring process must not load.
"""

from __future__ import annotations

from bench.errors import UnknownName

FORMATS = (
    "text",
    "markdown",
    "json",
    "csv",
    "html",
    "svg",
    "summary",
    "comment",
    "benchstat",
    "hyperfine",
    "pytest-benchmark",
    "github-action-benchmark",
    "junit",
)


def check_format(name: str) -> str:
    """Return ``name`` if it is a format.

    Raises:
        UnknownName: it is none; with the nearest ones.
    """
    if name not in FORMATS:
        raise UnknownName("format", name, FORMATS)
    return name
