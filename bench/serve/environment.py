"""One execution environment of a deployed function."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from bench.emulator.conversation import ResponseSink
from bench.emulator.function import Answer, LocalFunction
from bench.emulator.invocation import Caller
from bench.emulator.processes import kill_group
from bench.serve.log_book import LogBook, LogEvent
from bench.serve.revision import Revision, deployment_of
from bench.serve.slots import Slot
from bench.subjects import CpuMode


@dataclass(frozen=True, slots=True)
class Invoked:
    """An answered event and what was logged about it."""

    answer: Answer
    events: list[LogEvent]
    log_stream: str


class Environment:
    """One environment of a revision. Used by one thread at a time."""

    def __init__(
        self, revision: Revision, slot: Slot, scratch: Path, endpoint_url: str, cpu_mode: CpuMode
    ) -> None:
        date = time.strftime("%Y/%m/%d", time.gmtime())
        self.revision = revision
        self.slot = slot
        self.scratch = scratch
        self.provisioned = cpu_mode == "provisioned"
        self.idle_since = 0.0
        self.log_stream = f"{date}/[{revision.version}]{scratch.name}"
        self.log_book = LogBook(revision)
        deployment = deployment_of(
            revision, endpoint_url=endpoint_url, log_stream=self.log_stream, cpu_mode=cpu_mode
        )
        self.function = LocalFunction(
            deployment,
            slot.launcher,
            slot.cgroup,
            scratch,
            self.log_book,
            revision.configuration,
            live=lambda: True,
            whole_log=False,
        )

    def invoke(
        self,
        event: bytes,
        *,
        caller: Caller,
        request_id: str | None,
        stream_to: ResponseSink | None,
    ) -> Invoked:
        """Hand it one event; see :meth:`LocalFunction.invoke`."""
        answer = self.function.invoke(
            event, caller=caller, request_id=request_id, stream_to=stream_to
        )
        return Invoked(answer, self.log_book.take(), self.log_stream)

    def kill(self) -> None:
        """Kill what runs, so that an invoke in another thread ends."""
        pid = self.slot.launcher.pid
        if pid:
            kill_group(pid)
