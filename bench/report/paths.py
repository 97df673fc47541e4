"""Other people's words without the paths of the machine that a run was made on.

Reports are committed and sent around. What failed is quoted in the words of a compiler or a
function, which know where their files are: inside a run's staged copies, a cache or a home.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from bench.model import Record, Trial
from bench.store import LOGS_DIRECTORY
from bench.subjects import FailedBuild

#: Where Lambda has a function's package.
_TASK_ROOT = "/var/task"
_IN_PATH = r"[^\s\"'`:;,()\[\]=]"
#: A path begins at no word, so that it is not the rest of another or of an address.
_BEGIN = r"(?:(?<![\w./-])|(?<=file://)|(?<=-[IL]))"
_STAGE = rf"{_BEGIN}/{_IN_PATH}*?/stage-\d+-\w+"
#: One staged copy of a package.
_STAGED = re.compile(rf"{_STAGE}/(?!trial-){_IN_PATH.replace('[^', '[^/')}+")
#: A trial's own directory, in which its ``/tmp`` is.
_SCRATCH = re.compile(rf"{_STAGE}/trial-\w+(?=/)")
_HOMES = ("/home/[^/\\s]+", "/Users/[^/\\s]+", "/root")
#: Any absolute path but those that are alike on every machine.
_ANYWHERE = re.compile(
    rf"{_BEGIN}/(?!/|(?:usr|opt|lib|lib64|bin|sbin|etc|proc|dev|var/task)(?![\w-])){_IN_PATH}+"
)


def path_free(record: Record) -> Record:
    """The record with its failures in words that name no directory of the machine."""
    words = _Words.of(record)
    return replace(
        record,
        failed_builds=tuple(words.build(build) for build in record.failed_builds),
        trials=tuple(words.trial(trial) for trial in record.trials),
    )


@dataclass(frozen=True, slots=True)
class _Words:
    #: Paths in the directories that hold this run's functions and packages, and in homes.
    machine: re.Pattern[str]

    @classmethod
    def of(cls, record: Record) -> _Words:
        directories = [
            *(function.directory for function in record.functions),
            *(artifact.tree_path for artifact in record.artifacts),
        ]
        roots = "|".join([*_roots(directories), *_HOMES])
        return cls(re.compile(rf"{_BEGIN}(?:{roots})(?![\w-]){_IN_PATH}*"))

    def build(self, failed: FailedBuild) -> FailedBuild:
        """A tool's command and message; nothing in them is a path by name only, as in a URL."""
        command, message = (
            _ANYWHERE.sub(_last_part, self.said(text)) for text in (failed.command, failed.message)
        )
        return replace(failed, command=command, message=message)

    def trial(self, trial: Trial) -> Trial:
        """A function's error and the end of its log; the whole log is beside the record."""
        error = trial.error
        if error is None:
            return trial
        log = error.log_path and f"{LOGS_DIRECTORY}/{PurePath(error.log_path).name}"
        return replace(
            trial,
            error=replace(
                error,
                message=self.said(error.message),
                log_tail=self.said(error.log_tail),
                log_path=log,
            ),
        )

    def said(self, text: str) -> str:
        """A text with staged packages where Lambda has them, and other paths as file names."""
        text = _SCRATCH.sub("", _STAGED.sub(_TASK_ROOT, text))
        return self.machine.sub(_last_part, text)


def _roots(directories: Iterable[Path]) -> list[str]:
    """The first two parts of each absolute directory: a project or cache, and what is beside it."""
    found = {Path(*directory.parts[:3]) for directory in directories if directory.is_absolute()}
    return sorted(re.escape(str(root)) for root in found)


def _last_part(path: re.Match[str]) -> str:
    return PurePath(path.group()).name
