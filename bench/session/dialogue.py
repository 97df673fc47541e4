"""What the measuring and the reporting process say to each other, as JSON lines over two pipes.

The measuring process tells events on its stdout, at most a few a second and never during a trial.
At the looks of a run, and only then, it asks what to measure next and waits for the answer on its
stdin.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.codec import from_json
from bench.errors import Interrupted
from bench.model import Allocation, Trial

Observer = Callable[[Mapping[str, Any]], None]
#: Given the seconds left of the budget (None without one), the next rounds; empty at the end.
Advisor = Callable[[float | None], tuple[Allocation, ...]]

#: What ends a session early.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_PROGRESS_INTERVAL_NS = 400_000_000
_PR_SET_PDEATHSIG = 1


class Narrator:
    """Writes events to stdout, batched: a reader woken at each trial would disturb the next."""

    def __init__(self) -> None:
        self._pending: list[Mapping[str, Any]] = []
        self._next_ns = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Tell an event, now or with the next ones."""
        self._pending.append(event)
        now_ns = time.monotonic_ns()
        if now_ns >= self._next_ns:
            self.flush()
            self._next_ns = now_ns + _PROGRESS_INTERVAL_NS

    def flush(self) -> None:
        """Write what is pending; a reader that went away is no reason to stop measuring."""
        lines = "".join(json.dumps(event) + "\n" for event in self._pending)
        self._pending.clear()
        try:
            sys.stdout.write(lines)
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115


class Question:
    """Asks the reporting process for the next rounds."""

    def __init__(self, narrator: Narrator, answers_fd: int, stop_fd: int) -> None:
        self._narrator = narrator
        self._answers_fd = answers_fd
        self._stop_fd = stop_fd
        self._heard = b""

    def __call__(self, remaining_s: float | None) -> tuple[Allocation, ...]:
        """Ask, and wait for the answer.

        Raises:
            Interrupted: by a signal, or because nobody is there any more to answer.
        """
        self._narrator({"event": "look", "remaining_s": remaining_s})
        self._narrator.flush()
        answer = json.loads(self._line())
        return tuple(from_json(Allocation, item) for item in answer["allocations"])

    def _line(self) -> bytes:
        while b"\n" not in self._heard:
            ready, _, _ = select.select([self._answers_fd, self._stop_fd], [], [])
            if self._stop_fd in ready:
                raise Interrupted("interrupted")
            piece = os.read(self._answers_fd, 65_536)
            if not piece:
                raise Interrupted("interrupted: the reporting process is gone")
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return line


def ignore_signals() -> None:
    """Have no signal decide any more how the process ends: the record is sealed.

    The interpreter's end makes every handler the default one, which kills.
    """
    for signum in (*STOP_SIGNALS, signal.SIGALRM):
        signal.signal(signum, signal.SIG_IGN)


class StopPipe:
    """A descriptor that becomes readable when SIGINT, SIGTERM or the alarm of a budget has come.

    The signals themselves raise nothing: an exception at any instant could come between the making
    of something and its being known. Waiting points look at the descriptor instead.
    """

    def __init__(self) -> None:
        self.fd, write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_fd, warn_on_full_buffer=False)
        for signum in (*STOP_SIGNALS, signal.SIGALRM):
            signal.signal(signum, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)

    def alarm(self, seconds: float | None) -> None:
        """Have the descriptor become readable after so many seconds; None takes that back."""
        signal.setitimer(signal.ITIMER_REAL, seconds or 0.0)

    def was_only_alarm(self) -> bool:
        """Whether it was the alarm that came, and no signal besides. Empties the pipe."""
        heard = b""
        while select.select([self.fd], [], [], 0)[0]:
            heard += os.read(self.fd, 256)
        return set(heard) == {signal.SIGALRM}


def die_with(parent: int) -> None:
    """Have SIGTERM sent to us when the reporting process ends, however it ends.

    Raises:
        Interrupted: it has ended already.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise Interrupted("interrupted: the reporting process is gone")


def told(trial: Trial) -> dict[str, Any]:
    """What an observer is told of a trial that ended."""
    return {
        "event": "trial",
        "function": trial.function,
        "variant": trial.variant,
        "memory_mb": trial.memory_mb,
        "input": trial.event,
        "round": trial.round,
        "discarded": trial.discarded,
        "outcome": trial.outcome,
        "cold_total_ns": trial.phases.get("cold_total"),
    }
