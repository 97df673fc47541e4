"""The Telemetry API and the older Logs API: subscriptions, and what subscribers are told.

Nothing happens unless somebody subscribes, but that what is said before is kept for who does so
during init. The destination is a port of the environment, ``sandbox.localdomain``; the environment
lives on this machine's loopback, and it is we who connect, so the name needs no resolving.
"""

from __future__ import annotations

import json
import time
from typing import Any, Literal, cast

from bench.emulator.extensions import IDENTIFIER_HEADER, Extensions
from bench.emulator.log_frames import Output
from bench.emulator.platform_lines import PlatformLine, TelemetryLine
from bench.emulator.runtime_api import Arrival, error_body, response_bytes
from bench.emulator.telemetry_delivery import Buffering, Delivery, Destination
from bench.emulator.telemetry_records import (
    LOGS_SCHEMAS,
    SCHEMAS,
    TelemetryType,
    output_records,
    platform_record,
)
from bench.frozen import dataclass

_TELEMETRY_PATH = "/2022-07-01/telemetry"
_LOGS_PATH = "/2020-08-15/logs"
_TYPES = ("platform", "function", "extension")
#: Lowest, highest and default value of each setting.
_LIMITS = {
    "maxItems": (1_000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1_000),
}
_HOSTS = ("sandbox.localdomain", "sandbox", "localhost", "127.0.0.1")
_MAX_HISTORY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscription:
    schema: str
    types: tuple[TelemetryType, ...]
    buffering: Buffering
    destination: Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subscriber:
    subscription: _Subscription
    delivery: Delivery


#: What has been said, when (Unix time in ns), and for a piece of output who wrote it.
_Event = tuple[PlatformLine | Output, int, TelemetryType]


class Telemetry:
    """The subscribers of one execution environment.

    Args:
        json_logs: whether the function's log format is JSON.
    """

    def __init__(self, *, json_logs: bool) -> None:
        self._json_logs = json_logs
        self._subscribers: dict[str, _Subscriber] = {}
        self._history: list[_Event] = []
        self._open = True
        #: Those that may subscribe; to be set before the first request.
        self.extensions: Extensions | None = None
        #: Subscriptions that have not been taken note of in the log.
        self.lines: list[TelemetryLine] = []

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody listens."""
        return bool(self._subscribers)

    def close_registration(self) -> None:
        """The init is over: nobody may subscribe any more."""
        self._open = False
        self._history.clear()

    def say(self, event: PlatformLine | Output, kind: TelemetryType = "platform") -> None:
        """Tell the subscribers of this type."""
        if not (self._open or self._subscribers):
            return
        said: _Event = (event, time.time_ns(), kind)
        if self._open and len(self._history) < _MAX_HISTORY:
            self._history.append(said)
        for subscriber in self._subscribers.values():
            self._add(subscriber, said)

    def pause(self) -> None:
        """The environment is being frozen."""
        for subscriber in self._subscribers.values():
            subscriber.delivery.pause()

    def resume(self) -> None:
        """It has been thawed."""
        for subscriber in self._subscribers.values():
            subscriber.delivery.resume()

    def flush(self, limit_s: float) -> None:
        """Deliver what there is: the environment is about to be shut down."""
        deadline = time.monotonic() + limit_s
        for subscriber in self._subscribers.values():
            subscriber.delivery.flush(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End all deliveries."""
        for subscriber in self._subscribers.values():
            subscriber.delivery.close()
        self._subscribers.clear()

    def answer(self, arrival: Arrival) -> bool:
        """Answer a request of one of the two APIs; False if it belongs to another."""
        request = arrival.request
        if request.path not in (_TELEMETRY_PATH, _LOGS_PATH):
            return False
        if request.method != "PUT":
            text = f"{request.method[:20]} is not for {request.path}"
            arrival.connection.send(_refused(405, "MethodNotAllowed", text))
            return True
        arrival.connection.send(self._subscribe(arrival))
        return True

    def _subscribe(self, arrival: Arrival) -> bytes:
        request = arrival.request
        identifier = request.headers.get(IDENTIFIER_HEADER, "")
        name = None if self.extensions is None else self.extensions.name_of(identifier)
        if name is None:
            text = f"Unknown extension {identifier[:80]}"
            return _refused(403, "Extension.UnknownExtensionIdentifier", text)
        is_logs = request.path == _LOGS_PATH
        api: Literal["TELEMETRY", "LOGS"] = "LOGS" if is_logs else "TELEMETRY"
        if not self._open:
            text = "subscriptions are possible during the init phase only"
            return _refused(403, f"{api.capitalize()}.SubscriptionClosed", text)
        try:
            wanted = _parsed(request.body, LOGS_SCHEMAS if is_logs else SCHEMAS)
        except ValueError as error:
            return _refused(400, "ValidationError", str(error))
        known = self._subscribers.pop(identifier, None)
        if known is not None:
            known.delivery.close()
        subscriber = _Subscriber(
            subscription=wanted, delivery=Delivery(wanted.destination, wanted.buffering)
        )
        line = TelemetryLine(name=name, state="Subscribed", types=wanted.types, api=api)
        self.lines.append(line)
        self._subscribers[identifier] = subscriber
        for said in self._history:
            self._add(subscriber, said)
        return response_bytes(200, b'"OK"')

    def _add(self, subscriber: _Subscriber, said: _Event) -> None:
        event, time_ns, kind = said
        wanted = subscriber.subscription
        if kind not in wanted.types:
            return
        if isinstance(event, Output):
            for record in output_records(
                event, kind, time_ns, wanted.schema, structured=self._json_logs
            ):
                subscriber.delivery.add(record)
            return
        line = platform_record(event, time_ns, wanted.schema)
        if line is not None:
            subscriber.delivery.add(line)


def _parsed(body: bytes, schemas: tuple[str, ...]) -> _Subscription:
    """The subscription in the body of a request.

    Raises:
        ValueError: it is not what the API expects.
    """
    try:
        wanted = json.loads(body)
    except RecursionError:
        raise ValueError("the subscription is nested too deeply") from None
    if not isinstance(wanted, dict):
        raise ValueError("the subscription is not an object")
    schema = wanted.get("schemaVersion", schemas[0])
    if schema not in schemas:
        raise ValueError(f"schemaVersion is none of {', '.join(schemas)}")
    types = wanted.get("types")
    if not isinstance(types, list) or not types or any(t not in _TYPES for t in types):
        raise ValueError(f"types is not a list of {', '.join(_TYPES)}")
    return _Subscription(
        schema=schema,
        types=cast(tuple[TelemetryType, ...], tuple(dict.fromkeys(types))),
        buffering=_buffering(wanted.get("buffering", {})),
        destination=_destination(wanted.get("destination")),
    )


def _buffering(settings: Any) -> Buffering:
    if not isinstance(settings, dict):
        raise ValueError("buffering is not an object")
    values = []
    for name, (low, high, default) in _LIMITS.items():
        value = settings.get(name, default)
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{name} is not between {low} and {high}")
        values.append(value)
    max_items, max_bytes, timeout_ms = values
    return Buffering(max_items=max_items, max_bytes=max_bytes, timeout_ms=timeout_ms)


def _destination(wanted: Any) -> Destination:
    if not isinstance(wanted, dict):
        raise ValueError("destination is not an object")
    protocol = wanted.get("protocol")
    if protocol == "TCP":
        port = wanted.get("port")
        if type(port) is not int or not 1 <= port <= 65_535:
            raise ValueError("destination has no port")
        return Destination(protocol="TCP", port=port)
    uri = wanted.get("URI")
    if protocol != "HTTP" or not isinstance(uri, str):
        raise ValueError("destination is neither HTTP with a URI nor TCP with a port")
    from urllib.parse import urlsplit

    parts = urlsplit(uri)
    if parts.scheme != "http" or parts.hostname not in _HOSTS:
        raise ValueError("the URI is not one of http://sandbox.localdomain:PORT")
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    if not (path.isascii() and path.isprintable() and " " not in path):
        raise ValueError("the path of the URI has characters that no path has")
    return Destination(protocol="HTTP", port=parts.port or 80, path=path)


def _refused(status: int, kind: str, text: str) -> bytes:
    return response_bytes(status, error_body(kind, text))
