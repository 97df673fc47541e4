"""Asynchronous invokes: a queue, retries with delays, dead-letter queues and destinations.

As on Lambda a failed event is tried twice more, and a throttled one again and again until it is
too old; the delays are shorter than Lambda's (60 s and 120 s; 1 s to 5 min).
"""

from __future__ import annotations

import heapq
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from bench.serve.destinations import Destinations, Outcome
from bench.serve.environment import Invoked
from bench.serve.errors import ServiceError
from bench.serve.services import Target

_WORKERS = 64
_MAX_AGE_S = 6 * 3600.0
_THROTTLED_FIRST_S = 0.25
_THROTTLED_MAX_S = 30.0
_CONFLICT = 409


class Invoke(Protocol):
    """Runs an event and waits for it."""

    def __call__(self, target: Target, event: bytes, *, request_id: str | None) -> Invoked:
        """Invoke under this request id."""


@dataclass(slots=True)
class _Item:
    """An event on its way."""

    arn: str
    event: bytes
    request_id: str
    since: float
    #: How often the function ran on it, and how often it was throttled.
    attempts: int = 0
    throttles: int = 0


@dataclass(order=True, slots=True)
class _Due:
    at: float
    number: int
    item: _Item = field(compare=False)


class AsyncQueue:
    """Runs events later, in threads of its own.

    Args:
        resolve: finds the target by the ARN that was invoked, anew at each attempt.
        invoke: runs an event and waits for it.
        destinations: where outcomes go.
        retry_delays_s: before the first and the second retry.
        warn: is told what nobody else is.
    """

    def __init__(
        self,
        resolve: Callable[[str], Target],
        invoke: Invoke,
        destinations: Destinations,
        retry_delays_s: tuple[float, ...],
        warn: Callable[[str], None],
    ) -> None:
        self._resolve = resolve
        self._invoke = invoke
        self._destinations = destinations
        self._delays_s = retry_delays_s or (0.0,)
        self._warn = warn
        self._due: list[_Due] = []
        self._numbers = count()
        self._changed = threading.Condition()
        self._closed = False
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="asynchronous")
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        self._dispatcher.start()

    def submit(self, arn: str, event: bytes) -> str:
        """Accept an event; returns its request id."""
        item = _Item(arn, event, str(uuid.uuid4()), time.monotonic())
        self._put(item, 0.0)
        return item.request_id

    def close(self) -> None:
        """Drop what waits. What runs is ended by whoever ends the environments."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        self._dispatcher.join()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _put(self, item: _Item, delay_s: float) -> None:
        with self._changed:
            if self._closed:
                return
            heapq.heappush(self._due, _Due(time.monotonic() + delay_s, next(self._numbers), item))
            self._changed.notify_all()

    def _dispatch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                if not self._due or self._due[0].at > now:
                    self._changed.wait(self._due[0].at - now if self._due else None)
                    continue
                item = heapq.heappop(self._due).item
                self._workers.submit(self._run, item)

    def _run(self, item: _Item) -> None:
        try:
            self._attempt(item)
        except ServiceError as error:
            self._warn(f"asynchronous invoke of {item.arn} is lost: {error.code}: {error}")
        except Exception as error:
            self._warn(f"asynchronous invoke of {item.arn}: {type(error).__name__}: {error}")

    def _attempt(self, item: _Item) -> None:
        try:
            target = self._resolve(item.arn)
        except ServiceError as error:
            if error.status != _CONFLICT:
                raise
            self._again(item)  # the function is Pending: services try again, and so does this
            return
        configs = target.function.event_invoke_config
        config = configs[0].config if configs else {}
        age_s = time.monotonic() - item.since
        if age_s > config.get("MaximumEventAgeInSeconds", _MAX_AGE_S):
            self._settle(target, item, "EventAgeExceeded", None)
            return
        try:
            invoked = self._invoke(target, item.event, request_id=item.request_id)
        except ServiceError as error:
            self._throttled(target, item, error)
            return
        item.attempts += 1
        if invoked.answer.function_error is None:
            self._settle(target, item, "Success", invoked)
            return
        retries = min(config.get("MaximumRetryAttempts", 2), 2)
        if item.attempts > retries:
            self._settle(target, item, "RetriesExhausted", invoked)
        else:
            self._put(item, self._delays_s[min(item.attempts, len(self._delays_s)) - 1])

    def _throttled(self, target: Target, item: _Item, error: ServiceError) -> None:
        if target.function.reserved_concurrency == 0:
            self._settle(target, item, "ZeroReservedConcurrency", None)
            return
        if error.status < 429:
            raise error
        self._again(item)

    def _again(self, item: _Item) -> None:
        delay_s = min(_THROTTLED_FIRST_S * 2**item.throttles, _THROTTLED_MAX_S)
        item.throttles += 1
        self._put(item, delay_s)

    def _settle(self, target: Target, item: _Item, condition: str, invoked: Invoked | None) -> None:
        outcome = Outcome(
            request_id=item.request_id,
            event=item.event,
            condition=condition,
            attempts=item.attempts,
            invoked=invoked,
        )
        self._destinations.settle(target, outcome)
