"""Child processes of a build: argument lists, explicit environments, nothing left running.

The runner is injected everywhere (:class:`Runner`), so that builds can be tested without a
compiler, and so that one Ctrl-C ends whatever the worker threads have started. Should this process
be killed with -9, a watcher ends it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.errors import Interrupted
from bench.frozen import dataclass

if TYPE_CHECKING:
    import subprocess

#: A compiler can print megabytes; people read the beginning, where the first error is, or the end.
_TAIL_LINES = 60
#: Reads which process groups run, as words for `kill`, and kills the last ones when we are gone.
_WATCHER = 'while read -r line; do groups=$line; done; [ -z "$groups" ] || kill -s KILL -- $groups'
_SHELL = "/bin/sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process to run. ``environment`` is complete: nothing is inherited beside it."""

    arguments: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a process ended, and what it said."""

    status: int
    stdout: str
    stderr: str

    @property
    def message(self) -> str:
        """The tool's own words: the tail of stderr, else of stdout, else the exit status."""
        said = self.stderr.strip() or self.stdout.strip()
        if not said:
            return f"exit status {self.status}, without a message"
        return "\n".join(said.splitlines()[-_TAIL_LINES:])


class Runner(Protocol):
    """What builds run processes with."""

    def __call__(self, command: Command) -> Completed:
        """Run ``command`` to its end.

        Raises:
            OSError: the program cannot be started.
            Interrupted: the runner was stopped.
        """

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called: waiting loops must give up."""

    def stop(self) -> None:
        """End everything that is running, and refuse to start more."""


@contextlib.contextmanager
def stopped_by_interruption(run: Runner) -> Iterator[None]:
    """Stop the runner when the code inside is interrupted.

    Stands inside the ``with`` of a pool, which at its end waits for its threads, which wait for
    compilers.
    """
    try:
        yield
    except (KeyboardInterrupt, Interrupted):
        run.stop()
        raise


class _Watcher:
    """A shell that survives this process, however that ends, and then kills process groups.

    The kernel's own ``PR_SET_PDEATHSIG`` would end a compiler driver, but not what that started.
    """

    def __init__(self) -> None:
        read, self._write = os.pipe2(os.O_CLOEXEC)
        pid = os.posix_spawn(
            _SHELL,
            ["sh", "-c", _WATCHER],
            {},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, read, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
        os.close(read)
        weakref.finalize(self, _dismiss, self._write, pid, os.getpid())

    def watch(self, groups: Iterable[int]) -> None:
        """Take note of all groups that run now."""
        os.write(self._write, (" ".join(f"-{group}" for group in groups) + "\n").encode())


def _dismiss(write: int, pid: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked child inherits the finalizer, but not the watcher
        os.close(write)
        os.waitpid(pid, 0)


class ProcessRunner:
    """Runs real processes, each in a process group of its own."""

    def __init__(self) -> None:
        self._watcher: _Watcher | None = None
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __call__(self, command: Command) -> Completed:
        """Run one process; its whole group is killed if this thread is interrupted."""
        process = self._start(command)
        try:
            stdout, stderr = process.communicate()
        finally:
            if process.returncode is None:
                _kill_group(process)
                process.communicate()
            with self._lock:
                self._running.discard(process)
                self._watch()
        if self._stopped:
            raise Interrupted("the build was interrupted")
        return Completed(status=process.returncode, stdout=stdout, stderr=stderr)

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped

    def stop(self) -> None:
        """Kill the process groups that are running; later calls raise ``Interrupted``."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill_group(process)

    def _start(self, command: Command) -> subprocess.Popen[str]:
        import subprocess  # what is cached already starts nothing

        with self._lock:
            if self._stopped:
                raise Interrupted("the build was interrupted")
            process = subprocess.Popen(
                command.arguments,
                cwd=command.cwd,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            self._watch()
            return process

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = _Watcher()
        self._watcher.watch(process.pid for process in self._running)


def shell_line(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """The command as a person would type it: settings first, then the quoted arguments."""
    settings = [f"{name}={shlex.quote(value)}" for name, value in environment.items()]
    return " ".join([*settings, shlex.join(arguments)])


def _kill_group(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
