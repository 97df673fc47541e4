"""Execution environments: created when an invoke finds none idle, reused, counted, ended.

The rules are Lambda's: an environment serves one event at a time and one revision only; a function
with reserved concurrency has that much and no more, the others share what is left of the account.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import count
from pathlib import Path

from bench.errors import BenchError
from bench.serve.environment import Environment
from bench.serve.errors import ServiceError
from bench.serve.revision import Revision
from bench.serve.slots import Slots
from bench.subjects import CpuMode

_REAP_EVERY_S = 1.0
_END_LIMIT_S = 15.0
#: Each takes a dozen descriptors and the memory of its process; Lambda has other machines.
IDLE_LIMIT = 64

FunctionKey = tuple[str, str, str]


class Environments:
    """All environments of the endpoint. Thread-safe.

    Args:
        work_directory: for their ``/tmp`` and logs.
        endpoint_url: gives the address that functions reach AWS at.
        account_limit: how many may be busy at once in an account and region.
        idle_s: after how long without an event an environment ends.
        idle_limit: how many may be idle; beyond it the least recently used end.
        cpu_mode: when the CPU quota is in force.
    """

    def __init__(
        self,
        *,
        work_directory: Path,
        endpoint_url: Callable[[], str],
        account_limit: int,
        idle_s: float,
        idle_limit: int = IDLE_LIMIT,
        cpu_mode: CpuMode = "on-demand",
    ) -> None:
        self._work_directory = work_directory
        self._endpoint_url = endpoint_url
        self.account_limit = account_limit
        self._idle_s = idle_s
        self._idle_limit = idle_limit
        self._cpu_mode = cpu_mode
        self._slots = Slots()
        self._numbers = count()
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._idle: defaultdict[int, list[Environment]] = defaultdict(list)
        self._all: set[Environment] = set()
        self._busy: Counter[FunctionKey] = Counter()
        self._reserved: dict[FunctionKey, int] = {}
        self._retired: set[int] = set()
        self._stop = threading.Event()
        self._reaper = threading.Thread(target=self._reap, name="reaper", daemon=True)
        self._reaper.start()

    def reserve(self, function: FunctionKey, concurrency: int | None) -> None:
        """Set or lift the reserved concurrency of a function."""
        with self._lock:
            if concurrency is None:
                self._reserved.pop(function, None)
            else:
                self._reserved[function] = concurrency

    def acquire(self, revision: Revision) -> Environment:
        """An idle environment of the revision, else a new one. Give it back by :meth:`release`.

        Raises:
            ServiceError: 429, with the reason.
        """
        with self._lock:
            self._admit(revision.function_key)
            self._busy[revision.function_key] += 1
            idle = self._idle.get(revision.serial)
            if idle:
                return idle.pop()
            surplus = self._least_recent(self._idle_limit - 1)
        try:
            for environment in surplus:  # before the next one, which can use their slot
                self._end(environment)
            return self._create(revision, self._cpu_mode)
        except BaseException:
            with self._lock:
                self._leave(revision.function_key)
            raise

    def release(self, environment: Environment, *, broken: bool = False) -> None:
        """Take back an environment; one that is broken or of an old revision ends."""
        revision = environment.revision
        with self._lock:
            self._leave(revision.function_key)
            ended = broken or revision.serial in self._retired or self._stop.is_set()
            if not ended:
                environment.idle_since = time.monotonic()
                self._idle[revision.serial].append(environment)
        if ended:
            self._end(environment, broken=broken)

    def retire(self, serial: int) -> None:
        """End the environments of a revision: idle ones now, busy ones when they are through."""
        with self._lock:
            self._retired.add(serial)
            idle = self._idle.pop(serial, [])
        for environment in idle:
            self._end(environment)

    def provision(self, revision: Revision, wanted: int) -> None:
        """Have ``wanted`` environments initialised ahead of events, under the quota from the start.

        Lambda's provisioned concurrency: their init is not part of any invoke.
        """
        with self._lock:
            mine = [e for e in self._all if e.revision.serial == revision.serial and e.provisioned]
            surplus = [e for e in self._idle[revision.serial] if e.provisioned][: -wanted or None]
            surplus = surplus[: max(0, len(mine) - wanted)]
            for environment in surplus:
                self._idle[revision.serial].remove(environment)
        for environment in surplus:
            self._end(environment)
        for _ in range(wanted - len(mine)):
            environment = self._create(revision, "provisioned")
            environment.function.initialise()
            environment.idle_since = time.monotonic()
            with self._lock:
                self._idle[revision.serial].append(environment)

    def concurrent_executions(self) -> int:
        """How many are busy now."""
        with self._lock:
            return sum(self._busy.values())

    def close(self) -> None:
        """End everything, also what is in the middle of an event."""
        self._stop.set()
        self._reaper.join()
        deadline = time.monotonic() + _END_LIMIT_S
        with self._changed:
            idle = {e for environments in self._idle.values() for e in environments}
            self._idle.clear()
            while self._all - idle and time.monotonic() < deadline:
                for environment in self._all - idle:
                    environment.kill()
                self._changed.wait(0.05)
        for environment in idle:
            self._end(environment)
        self._slots.close()

    def _admit(self, function: FunctionKey) -> None:
        if self._stop.is_set():
            raise ServiceError(503, "ServiceException", "the endpoint is shutting down")
        reserved = self._reserved.get(function)
        if reserved is not None:
            if self._busy[function] >= reserved:
                raise throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
            return
        place = function[:2]
        set_aside = sum(n for key, n in self._reserved.items() if key[:2] == place)
        busy = sum(
            n for key, n in self._busy.items() if key[:2] == place and key not in self._reserved
        )
        if busy >= self.account_limit - set_aside:
            raise throttled("ConcurrentInvocationLimitExceeded")

    def _leave(self, function: FunctionKey) -> None:
        self._busy[function] -= 1
        if not self._busy[function]:
            del self._busy[function]
        self._changed.notify_all()

    def _create(self, revision: Revision, cpu_mode: CpuMode) -> Environment:
        slot = self._slots.take()
        scratch = self._work_directory / f"{time.time_ns():016x}{next(self._numbers):016x}"
        scratch.mkdir(parents=True)
        environment = Environment(revision, slot, scratch, self._endpoint_url(), cpu_mode)
        with self._lock:
            self._all.add(environment)
        return environment

    def _end(self, environment: Environment, *, broken: bool = False) -> None:
        try:
            try:
                environment.function.close()
            except (OSError, BenchError):
                broken = True  # its launcher is gone: nobody is to have that slot
            if broken:
                self._slots.dissolve(environment.slot)
            else:
                self._slots.give_back(environment.slot)
        finally:
            shutil.rmtree(environment.scratch, ignore_errors=True)
            with self._lock:  # close() waits for this, after which nothing of it is left
                self._all.discard(environment)
                self._changed.notify_all()

    def _reap(self) -> None:
        while not self._stop.wait(_REAP_EVERY_S):
            with self._lock:
                oldest = time.monotonic() - self._idle_s
                tired = [e for e in self._endable() if e.idle_since < oldest]
                self._take_out(tired)
                tired += self._least_recent(self._idle_limit)
            for environment in tired:
                self._end(environment)

    def _least_recent(self, limit: int) -> list[Environment]:
        """Take out what is idle beyond ``limit``, with the least recently used first."""
        idle = sorted(self._endable(), key=lambda e: e.idle_since)
        surplus = idle[: max(0, len(idle) - limit)]
        self._take_out(surplus)
        return surplus

    def _endable(self) -> list[Environment]:
        return [e for idle in self._idle.values() for e in idle if not e.provisioned]

    def _take_out(self, environments: list[Environment]) -> None:
        for environment in environments:
            serial = environment.revision.serial
            self._idle[serial].remove(environment)
            if not self._idle[serial]:
                del self._idle[serial]


def throttled(reason: str) -> ServiceError:
    """What Lambda answers when there is no room for one more invoke."""
    return ServiceError(429, "TooManyRequestsException", "Rate Exceeded.", {"Reason": reason})
