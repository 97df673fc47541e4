"""What GitHub Actions is told: ``$GITHUB_OUTPUT`` and ``$GITHUB_STEP_SUMMARY``, where they are set.

Both are files that a step appends to. A step summary is limited to 1 MiB; beyond, GitHub shows
nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import StorageError
from bench.judgement import Judgement
from bench.model import Record
from bench.report import render

OUTPUT_VARIABLE = "GITHUB_OUTPUT"
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Announced:
    """A concluded run: what it found, its exit code, and where it can be read."""

    record: Record
    judgement: Judgement
    exit_code: int
    directory: Path
    #: The files of its report, the Markdown first and the JSON second; empty without one.
    files: tuple[Path, ...] = ()


def announce(run: Announced, environ: Mapping[str, str], *, summary: bool = False) -> None:
    """Append the outputs of the step and, with ``summary``, a summary of the run.

    Raises:
        StorageError: a file that GitHub named cannot be written.
    """
    output = environ.get(OUTPUT_VARIABLE)
    if output:
        _append(Path(output), "".join(f"{k}={v}\n" for k, v in outputs(run).items()))
    target = environ.get(SUMMARY_VARIABLE)
    if target and summary:
        _append(Path(target), render(run.record, run.judgement, "summary") + "\n")


def outputs(run: Announced) -> dict[str, str]:
    """The outputs of a step, by name; each value is one line."""
    report = dict(zip(("report", "json"), map(str, run.files), strict=False))
    return {
        "verdict": run.judgement.verdict,
        "exit_code": str(run.exit_code),
        "run_id": run.record.run_id,
        "record": str(run.directory),
        **report,
    }


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}",
            hint=f"`{OUTPUT_VARIABLE}` and `{SUMMARY_VARIABLE}` name the files of a GitHub step",
        ) from error
