"""Registered extensions: what is known about each, and what it may ask for."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import field

from bench.emulator.connection import Connection
from bench.emulator.identifiers import random_uuid
from bench.frozen import dataclass

_EVENTS = ("INVOKE", "SHUTDOWN")


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionIdentity:
    """What an extension is told about its function when it registers."""

    name: str
    version: str
    handler: str
    account: str


@dataclasses.dataclass(slots=True, kw_only=True)
class Extension:
    """What is known about one, external or internal."""

    name: str
    #: Process id of an external extension; None for an internal one.
    pid: int | None
    identifier: str = field(default_factory=random_uuid)
    events: tuple[str, ...] = ()
    #: ``Started``, ``Registered``, ``Ready``, ``Running``, or how it failed.
    state: str = "Started"
    error_type: str | None = None
    parked: Connection | None = None
    #: An event that came while it was busy, as a complete answer.
    pending: bytes | None = None

    @property
    def registered(self) -> bool:
        """Whether it has introduced itself."""
        return self.state != "Started"


def wanted_events(body: bytes) -> tuple[str, ...]:
    """The events in the body of a registration.

    Raises:
        ValueError: it is not what the API expects.
    """
    try:
        registration = json.loads(body) if body.strip() else {}
        if not isinstance(registration, dict):
            raise ValueError("the registration is not an object")
        events = registration.get("events") or []
        if not isinstance(events, list) or not all(isinstance(e, str) for e in events):
            raise ValueError("events is not a list of strings")
    except RecursionError:
        raise ValueError("the registration is nested too deeply") from None
    return tuple(dict.fromkeys(events))


def refused_events(events: tuple[str, ...], *, internal: bool) -> str:
    """Why these events cannot be had; empty if they can."""
    unknown = [e for e in events if e not in _EVENTS]
    if unknown:
        return f"Invalid event type: {unknown[0][:80]}"
    if internal and "SHUTDOWN" in events:
        return "SHUTDOWN is not for internal extensions"
    return ""
