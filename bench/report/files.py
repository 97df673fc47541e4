"""Report files: complete or not there, and never somebody else's."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.errors import cannot_write
from bench.judgement import Judgement
from bench.model import Record
from bench.report import chart, markdown, result
from bench.report.chart_data import charted_functions
from bench.report.contents import compose
from bench.report.findings import Findings

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
#: A chart's mark stands in its first bytes.
_HEAD_BYTES = 1_024


def write_report(
    record: Record, judgement: Judgement, directory: Path, *, stem: str = "latest"
) -> tuple[Path, ...]:
    """Write ``STEM.md``, ``STEM.json`` and one ``STEM-FUNCTION.svg`` per function.

    Everything is written aside and synced before the first file is renamed, so a full disk
    changes nothing. Charts of an earlier report with the same stem that this one does not have
    are removed. Runs that finish at the same time write one after the other.

    Returns:
        The files of the report, the Markdown first.

    Raises:
        StorageError: the directory cannot be made or written to.
    """
    contents = _contents(record, judgement, stem)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory) as descriptor:
            _replace_all(directory, contents)
            _sweep(directory, contents, stem)
            os.fsync(descriptor)
    except OSError as error:
        raise cannot_write(
            directory,
            error,
            instead="choose another directory with `--out DIR`; the record is kept, so"
            " `coldbench report RECORD` can still show it",
        ) from error
    return tuple(directory / name for name in contents)


def chart_name(function: str, stem: str) -> str:
    """Name the chart of a function; ids that a file name cannot hold get a digest."""
    safe = _UNSAFE.sub("-", function)
    if safe != function.replace("/", "-", 1):
        safe = f"{safe}-{hashlib.sha256(function.encode()).hexdigest()[:8]}"
    return f"{stem}-{safe}.svg"


def _contents(record: Record, judgement: Judgement, stem: str) -> dict[str, str]:
    findings = Findings.of(record, judgement)
    names = {f: chart_name(f, stem) for f in charted_functions(findings)}
    return {
        f"{stem}.md": markdown.render(compose(record, judgement), charts=names),
        f"{stem}.json": result.render(record, judgement),
        **{name: chart.render_function(findings, f) for f, name in names.items()},
    }


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[int]:
    """Hold the directory for this report: half of one and half of another would be neither."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _replace_all(directory: Path, contents: Mapping[str, str]) -> None:
    staged: dict[Path, Path] = {}
    try:
        for name, text in contents.items():
            aside = directory / f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
            staged[aside] = directory / name
            with aside.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for aside, target in staged.items():
            aside.replace(target)
    finally:
        for aside in staged:
            aside.unlink(missing_ok=True)


def _sweep(directory: Path, contents: Mapping[str, str], stem: str) -> None:
    for stale in sorted(directory.glob(f"{_glob_escaped(stem)}-*.svg")):
        if stale.name not in contents and _is_ours(stale):
            stale.unlink()


def _glob_escaped(stem: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", stem)


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return chart.MARK.encode() in file.read(_HEAD_BYTES)
