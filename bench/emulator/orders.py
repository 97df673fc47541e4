"""What the launcher is asked to start, and how it ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a function finds where, by the host's paths; see :mod:`bench.emulator.root_filesystem`.

    ``argv``, ``environment`` and ``directory`` of an order with files have the paths that the
    function sees.
    """

    #: The package: ``/var/task``.
    task: Path
    #: A directory, or an image of :mod:`bench.emulator.ephemeral_storage`: ``/tmp``.
    tmp: Path
    #: ``/var/runtime``.
    runtime: Path | None = None
    #: Merged layers: ``/opt``.
    opt: Path | None = None
    #: Directories that would be hidden below ``/tmp`` and ``/opt``, shown at their own paths.
    visible: Sequence[Path] = ()

    def message(self) -> dict[str, Any]:
        """What the launcher is told of them, as JSON."""
        return {
            "task": str(self.task),
            "tmp": str(self.tmp),
            "runtime": None if self.runtime is None else str(self.runtime),
            "opt": None if self.opt is None else str(self.opt),
            "visible": [str(path) for path in self.visible],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOrder:
    """What to start: program, environment (the whole of it), directory, log and placement."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log_path: Path
    #: The number of a further descriptor on the log; None opens none.
    log_fd: int | None = None
    #: Processors the function may use; None leaves the choice to the scheduler.
    cpus: Sequence[int] | None = None
    #: A root directory of its own, where :attr:`Launcher.root_obstacle` permits; None: the host's.
    files: Files | None = None

    def message(self) -> dict[str, Any]:
        """What the launcher is told of it, as JSON."""
        return {
            "argv": list(self.argv),
            "environment": dict(self.environment),
            "directory": str(self.directory),
            "log": str(self.log_path),
            "log_fd": self.log_fd,
            "cpus": None if self.cpus is None else list(self.cpus),
            "files": None if self.files is None else self.files.message(),
        }


class CannotExecute(Exception):
    """The program of a :class:`ProcessOrder` could not be executed; the message is the system's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStatus:
    """How a process ended; ``str()`` gives the words Lambda uses."""

    pid: int
    status: int

    def __str__(self) -> str:
        if os.WIFSIGNALED(self.status):
            name = signal.strsignal(os.WTERMSIG(self.status)) or str(os.WTERMSIG(self.status))
            return f"signal: {name.lower()}"
        return f"exit status {os.waitstatus_to_exitcode(self.status)}"
