"""Faults on purpose, at the level of HTTP: what a client of AWS has to live with.

For tests of clients: a :class:`SeededFaults` given to the endpoint makes, at each call that
matches, one of the faults with a given probability. The same seed gives the same sequence of
decisions for the same sequence of calls.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal, Protocol

from bench.serve.errors import ServiceError
from bench.serve.messages import HttpRequest, HttpResponse

#: ``throttle``: 429, nothing done. ``error``: 500, nothing done. ``error-after``: 500, but the
#: call was carried out. ``reset``: connection reset, nothing done. ``reset-after``: carried out,
#: then reset. ``hang-after``: carried out, and no answer for ``hang_s``, then reset.
#: ``skew``: the answer says that the clock of the client is wrong, and its Date is shifted.
Fault = Literal["throttle", "error", "error-after", "reset", "reset-after", "hang-after", "skew"]
FAULTS: tuple[Fault, ...] = (
    "throttle",
    "error",
    "error-after",
    "reset",
    "reset-after",
    "hang-after",
    "skew",
)
_SKEW = timedelta(minutes=20)

Handle = Callable[[HttpRequest], HttpResponse]


class Reset(Exception):
    """The connection is to be reset instead of answered."""


class Faults(Protocol):
    """Stands between the front and whoever answers."""

    def apply(self, request: HttpRequest, handle: Handle) -> HttpResponse:
        """Answer ``request``, by ``handle`` or otherwise.

        Raises:
            Reset: there is no answer.
        """


class NoFaults:
    """Nothing goes wrong."""

    def apply(self, request: HttpRequest, handle: Handle) -> HttpResponse:
        """Answer by ``handle``."""
        return handle(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """One fault that was made: for the assertions of a test."""

    fault: Fault
    method: str
    path: str


@dataclass(slots=True)
class Rule:
    """Which calls get which faults, and how often.

    ``matches`` is searched in ``METHOD /path``; ``weights`` are probabilities, whose sum is at
    most 1; ``limit`` is how many faults the rule makes at most.
    """

    weights: Mapping[Fault, float]
    matches: str = ""
    limit: int | None = None
    made: int = field(default=0, init=False)

    def choose(self, dice: float) -> Fault | None:
        """The fault for a number in [0, 1), or None."""
        if self.limit is not None and self.made >= self.limit:
            return None
        for fault, weight in self.weights.items():
            if dice < weight:
                self.made += 1
                return fault
            dice -= weight
        return None


class SeededFaults:
    """Makes the faults of the first rule that matches a call. Thread-safe.

    Args:
        seed: of the sequence of decisions.
        rules: in the order in which they are tried.
        hang_s: how long ``hang-after`` leaves the client waiting.
    """

    def __init__(self, seed: int, rules: Sequence[Rule], *, hang_s: float = 2.0) -> None:
        self._random = random.Random(seed)
        self._rules = tuple(rules)
        self._hang_s = hang_s
        self._lock = threading.Lock()
        #: False lets every call pass: for setting up and for looking at what is left.
        self.enabled = True
        #: Every fault made so far.
        self.injected: list[Injected] = []

    def apply(self, request: HttpRequest, handle: Handle) -> HttpResponse:
        """Answer by ``handle``, or with a fault."""
        fault = self._choose(request)
        if fault is None:
            return handle(request)
        if fault == "throttle":
            return _throttle(request)
        if fault == "error":
            return _server_error(request)
        if fault == "skew":
            return _skewed(request)
        if fault == "reset":
            raise Reset
        handle(request)
        if fault == "error-after":
            return _server_error(request)
        if fault == "hang-after":
            time.sleep(self._hang_s)
        raise Reset

    def _choose(self, request: HttpRequest) -> Fault | None:
        if not self.enabled:
            return None
        call = f"{request.method} {request.path}"
        with self._lock:
            rule = next((r for r in self._rules if re.search(r.matches, call)), None)
            fault = None if rule is None else rule.choose(self._random.random())
            if fault is not None:
                self.injected.append(
                    Injected(fault=fault, method=request.method, path=request.path)
                )
            return fault


def _throttle(request: HttpRequest) -> HttpResponse:
    text = "Rate exceeded"
    if _is_lambda(request):
        reason = {"Reason": "CallerRateLimitExceeded"}
        return ServiceError(429, "TooManyRequestsException", text, reason).response()
    return ServiceError(400, "ThrottlingException", text).response(_dialect(request))


def _server_error(request: HttpRequest) -> HttpResponse:
    kind = "ServiceException" if _is_lambda(request) else "InternalFailure"
    text = "The service encountered an internal error."
    return ServiceError(500, kind, text).response(_dialect(request))


def _skewed(request: HttpRequest) -> HttpResponse:
    """What a signature too old gets; SDKs correct their clock by the Date of this answer."""
    now = datetime.now(UTC) + _SKEW
    text = "Signature expired: the clock of the caller is 20 minutes behind"
    response = ServiceError(403, "RequestTimeTooSkewed", text).response(_dialect(request))
    response.headers.append(("Date", format_datetime(now, usegmt=True)))
    return response


def _is_lambda(request: HttpRequest) -> bool:
    return "/lambda/aws4_request" in request.header("authorization")


def _dialect(request: HttpRequest) -> Literal["json", "xml"]:
    """IAM, SQS of old, SNS and S3 speak XML; the rest JSON."""
    authorization = request.header("authorization")
    services = ("/iam/", "/sts/", "/sns/", "/s3/")
    return "xml" if any(service in authorization for service in services) else "json"
