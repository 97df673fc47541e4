"""The control plane: every call through one token bucket, and repeated where that is safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from bench.cloud.account import Account
from bench.cloud.faults import (
    Stopped,
    code_of,
    is_skewed,
    kind_of,
    stopped,
    text_of,
)
from bench.cloud.tokens import CONTROL_CALLS_PER_S, LOCAL_CALLS_PER_S, TokenBucket
from bench.errors import Interrupted

#: How long a refused call is repeated: states settle in seconds, new roles within half a minute.
_PATIENCE_S = 120.0
_SKEW_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_LOCAL_PACE = {"Delay": 0.05, "MaxAttempts": 6_000}
_ROLE_WORDS = "cannot be assumed"
#: That something exists already, or is being changed: Lambda's word, and that of moto for aliases.
CONFLICTS = ("ResourceConflictException", "ConflictException")
_PROVISIONED_READY = {
    "version": 2,
    "waiters": {
        "ProvisionedConcurrencyReady": {
            "operation": "GetProvisionedConcurrencyConfig",
            "delay": 2,
            "maxAttempts": 150,
            "acceptors": [
                {
                    "matcher": "path",
                    "argument": "Status",
                    "expected": status,
                    "state": state,
                }
                for status, state in (("READY", "success"), ("FAILED", "failure"))
            ],
        }
    },
}


class ControlPlane:
    """Calls of Lambda, IAM and CloudWatch Logs that make, change and delete things.

    Args:
        account: where.
        stop: set to break off every wait.
        bucket: the rate of calls; by default below what Lambda allows an account.
        clock: monotonic, in seconds.
        say: told what takes long, once.
    """

    def __init__(
        self,
        account: Account,
        stop: threading.Event,
        bucket: TokenBucket | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.account = account
        self.stop = stop
        rate = LOCAL_CALLS_PER_S if account.is_local else CONTROL_CALLS_PER_S
        self._bucket = bucket or TokenBucket(rate, wait=stop.wait)
        self._clock = clock
        self._say = say
        self._said: set[str] = set()
        self._clients: dict[str, Any] = {}
        #: An endpoint on this machine settles in moments; its waiters may look more often.
        self._pace = {"WaiterConfig": _LOCAL_PACE} if account.is_local else {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service; made once, because making it takes long."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.account.control(service)
            return self._clients[service]

    def call(
        self,
        service: str,
        operation: str,
        *,
        absent_ok: bool = False,
        final: tuple[str, ...] = (),
        **arguments: Any,
    ) -> dict[str, Any] | None:
        """Call one operation, and again while it is refused only for now.

        All operations used here may be repeated: what exists already or is gone already is what
        was wanted, which is for the caller to see.

        Args:
            service: name of the client, such as ``lambda``.
            operation: its method.
            absent_ok: None is given if what it is about does not exist.
            final: error codes that the caller deals with: raised as they come, not repeated.
            arguments: of the operation.

        Raises:
            Stopped: it cannot succeed, or not in time.
            ClientError: with one of the codes in ``final``.
            Interrupted: the run is being stopped.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        method = getattr(self.client(service), operation)
        pauses = _Pauses(self)
        while True:
            if service == "lambda":
                self._bucket.take()
            if self.stop.is_set():
                raise Interrupted("interrupted")
            try:
                return dict(method(**arguments))
            except (ClientError, BotoCoreError) as error:
                if code_of(error) in final:
                    raise
                if absent_ok and is_absence(error):
                    return None
                if not _is_passing(error, pauses):
                    raise stopped(error, f"{service} {operation}", self.account.redact) from None
                if _is_role_unknown(error):
                    self._say_once("waiting for IAM: the role cannot be assumed yet")
                pauses.pause()

    def wait(self, waiter: str, **arguments: Any) -> None:
        """Wait for a state with a waiter of the client library.

        Raises:
            Stopped: the state was not reached; with Lambda's reason for it.
        """
        from botocore.exceptions import BotoCoreError, ClientError, WaiterError

        pauses = _Pauses(self)
        while True:
            try:
                self._waiter(waiter).wait(**arguments, **self._pace)
            except WaiterError as error:
                if _may_wait_again(error) and pauses.remain():
                    pauses.pause()
                    continue
                raise self._not_reached(waiter, error) from None
            except (ClientError, BotoCoreError) as error:
                if not _is_passing(error, pauses):
                    what = f"waiting for {waiter}"
                    raise stopped(error, what, self.account.redact) from None
                pauses.pause()
                continue
            return

    def _say_once(self, text: str) -> None:
        with self._lock:
            if text in self._said:
                return
            self._said.add(text)
        self._say(text)

    def _waiter(self, name: str) -> Any:
        from botocore.waiter import WaiterModel, create_waiter_with_client

        client = self.client("lambda")
        if name == "provisioned_concurrency_ready":
            model = WaiterModel(_PROVISIONED_READY)
            return create_waiter_with_client("ProvisionedConcurrencyReady", model, client)
        return client.get_waiter(name)

    def _not_reached(self, waiter: str, error: Any) -> Stopped:
        found: Mapping[str, Any] = error.last_response or {}
        state = found.get("Configuration", found)
        reason = state.get("StateReason") or state.get("LastUpdateStatusReason") or str(error)
        return Stopped(
            self.account.redact(f"Lambda did not reach {waiter}: {reason}"),
            hint="the reason is Lambda's own; a function that fails in init cannot be published"
            " with SnapStart",
        )


class _Pauses:
    """Growing pauses until the patience with one call is used up."""

    def __init__(self, plane: ControlPlane) -> None:
        self._stop = plane.stop
        self._clock = plane._clock
        self._deadline_s = self._clock() + _PATIENCE_S
        self._next_s = _FIRST_PAUSE_S
        self.taken = 0

    def remain(self) -> bool:
        return self._clock() < self._deadline_s and not self._stop.is_set()

    def pause(self) -> None:
        self.taken += 1
        self._stop.wait(self._next_s)
        self._next_s = min(2 * self._next_s, _LONGEST_PAUSE_S)


def is_absence(error: BaseException) -> bool:
    """Whether what a call is about does not exist."""
    return code_of(error) in (
        "ResourceNotFoundException",
        "NoSuchEntity",
        "NoSuchEntityException",
        "ResourceNotFound",
    )


def is_presence(error: BaseException) -> bool:
    """Whether what a call was to make exists already."""
    code = code_of(error)
    if code in CONFLICTS:
        return "exist" in text_of(error).lower()
    return code in ("EntityAlreadyExists", "ResourceAlreadyExistsException")


def _is_passing(error: BaseException, pauses: _Pauses) -> bool:
    if not pauses.remain():
        return False
    if is_skewed(error):
        return pauses.taken < _SKEW_ATTEMPTS
    if _is_role_unknown(error):
        return True
    return kind_of(error) in ("refused", "unknown")


def _is_role_unknown(error: BaseException) -> bool:
    """A role is known to Lambda some seconds after IAM has made it."""
    return code_of(error) == "InvalidParameterValueException" and _ROLE_WORDS in text_of(error)


def _may_wait_again(error: Any) -> bool:
    """Whether a waiter ended on an answer that says nothing about the state."""
    code = (error.last_response or {}).get("Error", {}).get("Code")
    return code is not None
