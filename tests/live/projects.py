"""Projects in a directory of their own, on which the real command runs as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from bootstraps import ANSWER, write_bootstrap

from bench.model import Record
from bench.session.dialogue import STOP_SIGNALS
from bench.session.schedule import Slot, rounds
from bench.store import TRIALS_FILE, load_record

#: How long something that happens within moments may take on a busy machine.
_PATIENCE_S = 20.0
_POLL_S = 0.002
_SOCKETS = Path("/proc/net/unix")
#: A handler that answers, but waits first as long as the mark `hold` is there, and says so.
_HOLDING = """\
while {hold!r} in open("/proc/net/unix").read():
    if "held" not in globals():
        held = socket.socket(socket.AF_UNIX)
        held.bind("\\0" + {held!r})
    time.sleep(0.01)
{answer}"""


class Mark:
    """The name of a socket: seen by functions too, which do not see our files."""

    def __init__(self) -> None:
        self.name = f"mark-{uuid.uuid4().hex}"
        self._socket: socket.socket | None = None

    def touch(self) -> None:
        """Make it."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind("\0" + self.name)

    def unlink(self) -> None:
        """Remove it, if it is ours and there."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def exists(self) -> bool:
        """Whether somebody has made it."""
        return self.name in _SOCKETS.read_text()


class Project:
    """A project below ``root``, with its own build cache and temporary directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directory = root / "project"
        self.out = self.directory / "reports"
        self.stage = root / "cache" / "stage"
        self.hold = Mark()
        self.held = Mark()
        self.temporary = root / "temporary"
        for path in (self.directory / "functions", self.temporary):
            path.mkdir(parents=True)

    def add_function(
        self, name: str = "quick", *, events: int = 1, handler: str = ANSWER, init: str = ""
    ) -> Path:
        """Write a custom function with so many events, called ``order-0`` and so on."""
        directory = write_bootstrap(self.directory / "functions" / name, handler=handler, init=init)
        (directory / "events").mkdir()
        for number in range(events):
            (directory / "events" / f"order-{number}.json").write_text("{}")
        return directory

    def add_holding_function(self, *, events: int = 1) -> Path:
        """Write a function whose handler waits while the mark ``hold`` exists."""
        handler = _HOLDING.format(hold=self.hold.name, held=self.held.name, answer=ANSWER)
        return self.add_function(events=events, handler=handler)

    def add_variants(self, name: str, statements: Mapping[str, Mapping[str, str]]) -> Path:
        """Write a custom function with pre-built variants; the first is the baseline."""
        directory = self.directory / "functions" / name
        directory.mkdir()
        tables = ["timeout = 0.5\n"]
        for variant, parts in statements.items():
            write_bootstrap(directory / variant, **parts)
            tables.append(f'[variants.{variant}]\npath = "{variant}"\n')
        (directory / "function.toml").write_text("".join(tables))
        return directory

    def add_broken_go_function(self, name: str = "broken") -> Path:
        """Write a Go function that needs no dependencies and does not compile."""
        directory = self.directory / "functions" / name
        directory.mkdir()
        (directory / "go.mod").write_text("module example.com/broken\n\ngo 1.24\n")
        (directory / "main.go").write_text("package main\n\nfunc main() {\n\tundefinedName()\n}\n")
        (directory / "function.toml").write_text('variants = ["default"]\n')
        return directory

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``coldbench`` in the project's directory."""
        return self._start("bench", *arguments)

    def start_measuring(self, order: Path) -> subprocess.Popen[str]:
        """Start a measuring process alone, as the reporting process does: with signals blocked."""
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            return self._start("bench.session", str(order), str(os.getpid()))
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("COLDBENCH_")}
        environment |= {
            "COLDBENCH_CACHE": str(self.root / "cache"),
            "TMPDIR": str(self.temporary),
        }
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``coldbench`` to its end."""
        return finished(self.start(*arguments))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``coldbench run`` at the one memory size that is measured everywhere."""
        return self.call("run", "--memory", "1769", *arguments)

    def record_directories(self) -> list[Path]:
        """All recorded runs, oldest first."""
        return sorted((self.out / "records").glob("[!.]*"))

    @property
    def record_directory(self) -> Path:
        """The only recorded run."""
        (directory,) = self.record_directories()
        return directory

    def record(self) -> Record:
        """Load the only recorded run."""
        return load_record(self.record_directory)

    def recorded_trials(self) -> bytes:
        """What the only run has recorded so far; nothing before it exists."""
        files = list(self.out.glob(f"records/[!.]*/{TRIALS_FILE}"))
        return files[0].read_bytes() if files else b""

    def wait_for_trials(self, count: int) -> None:
        """Wait until so many trials are recorded."""
        eventually(lambda: self.recorded_trials().count(b"\n") >= count, f"{count} trials")

    def processes(self) -> list[str]:
        """Processes that run in, from or with something of this project."""
        return [" ".join(words) for words in _all_processes() if str(self.root) in str(words)]

    def staged(self) -> list[Path]:
        """Staged copies, of any run."""
        return sorted(self.stage.glob("stage-*"))


def finished(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a process and collect what it said."""
    stdout, stderr = process.communicate(timeout=_PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(_POLL_S)


def measuring_process(process: subprocess.Popen[str]) -> psutil.Process:
    """Wait for the measuring process of a run that was started."""
    return descendant(process, "bench.session")


def launcher_process(process: subprocess.Popen[str]) -> psutil.Process:
    """Wait for the launcher of a run that was started."""
    return descendant(process, "emulator.launcher")


def groups_of(pid: int) -> list[str]:
    """The cgroups that a measuring process made, in any hierarchy."""
    return [
        os.path.join(place, name)
        for place, names, _ in os.walk("/sys/fs/cgroup")
        for name in names
        if name.startswith(f"coldbench-{pid}-")
    ]


def planned(record: Record) -> list[tuple[object, ...]]:
    """The keys of all trials of a plan, in the order in which they are due."""
    return [_key(slot) for slots in rounds(record.plan) for slot in slots]


def recorded(record: Record) -> list[tuple[object, ...]]:
    """The keys of the recorded trials, in the order in which they ended."""
    return [(t.round, t.cell, t.arm) for t in record.trials]


def _key(slot: Slot) -> tuple[object, ...]:
    return (slot.round, slot.cell, slot.arm)


def descendant(process: subprocess.Popen[Any], word: str) -> psutil.Process:
    """Wait for a process below one that was started, with a word in its command line."""
    found: list[psutil.Process] = []

    def look() -> bool:
        assert process.poll() is None, process.communicate()[1]
        found.extend(c for c in _children(process.pid) if word in " ".join(_words(c)))
        return bool(found)

    eventually(look, f"a process of {word}")
    return found[0]


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _all_processes() -> list[Sequence[str]]:
    return [_words(process) for process in psutil.process_iter()]


def _words(process: psutil.Process) -> Sequence[str]:
    """Where a process runs, from what, and with which arguments; nothing if it is gone."""
    try:
        return [process.cwd(), process.exe(), *process.cmdline()]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
