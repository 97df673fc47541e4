"""The Extensions API: who has registered, who waits for the next event, who has failed.

Rules and answers as AWS documents the API (2020-01-01) and as its own emulator gives them. External
extensions are executables in ``/opt/extensions`` that are started before the runtime and register
before it starts; internal ones register from the runtime's process during init.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from bench.emulator.connection import Connection
from bench.emulator.faults import FunctionFault
from bench.emulator.http1_head import Request
from bench.emulator.identifiers import random_uuid
from bench.emulator.platform_lines import ExtensionLine
from bench.emulator.processes import ExitStatus
from bench.emulator.registration import (
    Extension,
    FunctionIdentity,
    refused_events,
    wanted_events,
)
from bench.emulator.runtime_api import ACCEPTED, Arrival, error_body, response_bytes

_API = "/2020-01-01/extension"
#: Lambda's limit on extensions, internal and external together.
MAX_EXTENSIONS = 10
IDENTIFIER_HEADER = "lambda-extension-identifier"
_ERROR_TYPE_HEADER = "lambda-extension-function-error-type"


class Extensions:
    """The extensions of one execution environment.

    Args:
        function: what they are told about it.
        exited: how a process ended, or None while it lives.
    """

    def __init__(
        self, function: FunctionIdentity, exited: Callable[[int], ExitStatus | None]
    ) -> None:
        self._function = function
        self._exited = exited
        self._extensions: list[Extension] = []
        self._fault: FunctionFault | None = None
        #: Whether internal extensions may still register; to be cleared when init is over.
        self.registration_open = True

    def launched(self, name: str, pid: int) -> None:
        """An external extension has been started."""
        self._extensions.append(Extension(name=name, pid=pid))

    def launch_failed(self, name: str, reason: str) -> FunctionFault:
        """An external extension could not be started, which fails the init.

        ``reason`` is the system's; the log has it in one word.
        """
        word = "".join(part.capitalize() for part in reason.split())
        self._extensions.append(
            Extension(name=name, pid=None, state="LaunchError", error_type=word)
        )
        return FunctionFault("Extension.LaunchError", f"extension {name}: {reason}")

    @property
    def exist(self) -> bool:
        """Whether there is any; if not, nothing here takes time."""
        return bool(self._extensions)

    @property
    def externals_registered(self) -> bool:
        """Whether the runtime may be started."""
        return all(e.registered for e in self._extensions)

    @property
    def all_wait(self) -> bool:
        """Whether each one has asked for its next event."""
        return all(e.parked is not None for e in self._extensions)

    @property
    def invoked_wait(self) -> bool:
        """Whether each one that is told of invokes has asked for its next event."""
        return all(e.parked is not None for e in self._extensions if "INVOKE" in e.events)

    @property
    def shutdown_wait(self) -> bool:
        """Whether each one that is told of the shutdown has ended or asked for more."""
        return all(
            e.parked is not None or (e.pid is not None and self._exited(e.pid) is not None)
            for e in self._extensions
            if "SHUTDOWN" in e.events
        )

    @property
    def has_external(self) -> bool:
        """Whether a process of its own is among them."""
        return any(e.pid is not None for e in self._extensions)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the external ones."""
        return tuple(e.pid for e in self._extensions if e.pid is not None)

    def lines(self) -> tuple[ExtensionLine, ...]:
        """What the log says of them when the init is over."""
        return tuple(
            ExtensionLine(name=e.name, state=e.state, events=e.events, error_type=e.error_type)
            for e in self._extensions
        )

    def name_of(self, identifier: str) -> str | None:
        """The name of the extension with this identifier."""
        found = self._by_identifier(identifier)
        return None if found is None else found.name

    def release(self, event: Mapping[str, object]) -> None:
        """Tell an event, which has its type in ``eventType``, to those who asked for that type."""
        body = json.dumps(event, separators=(",", ":")).encode()
        for extension in self._extensions:
            if event["eventType"] not in extension.events:
                continue
            headers = (
                ("Lambda-Extension-Event-Identifier", random_uuid()),
                ("Lambda-Extension-Identifier", extension.identifier),
            )
            extension.pending = response_bytes(200, body, headers=headers)
            if extension.parked is not None:
                _hand_over(extension, extension.parked)

    @property
    def have_failed(self) -> bool:
        """Whether one of them has reported an error or ended."""
        ended = any(self._exited(pid) is not None for pid in self.pids)
        return ended or self._fault is not None

    def check(self) -> None:
        """Look whether one has failed.

        Raises:
            FunctionFault: one reported an error, or its process ended.
        """
        if self._fault is not None:
            raise self._fault
        for pid in self.pids:
            status = self._exited(pid)
            if status is not None:
                raise self.crashed(pid, str(status))

    def crashed(self, pid: int, status: str = "it has ended") -> FunctionFault:
        """The process of an external extension has ended before its time."""
        extension = next(e for e in self._extensions if e.pid == pid)
        extension.state = "ExitError"
        extension.error_type = "Extension.Crash"
        return FunctionFault("Extension.Crash", f"extension {extension.name}: {status}")

    def answer(self, arrival: Arrival) -> bool:
        """Answer a request of this API; False if it belongs to another."""
        request = arrival.request
        if not request.path.startswith(f"{_API}/"):
            return False
        call = (request.method, request.path.removeprefix(_API))
        match call:
            case ("POST", "/register"):
                answer = self._register(request)
            case ("GET", "/event/next"):
                self._next(arrival)
                return True
            case ("POST", "/init/error"):
                answer = self._failed(request, "Extension.InitError", "InitError")
            case ("POST", "/exit/error"):
                answer = self._failed(request, "Extension.ExitError", "ExitError")
            case (_, "/register" | "/event/next" | "/init/error" | "/exit/error"):
                answer = _refused(405, "MethodNotAllowed", f"{call[0]} is not for {request.path}")
            case _:
                answer = _refused(404, "NotFound", f"no such resource: {request.path[:200]}")
        arrival.connection.send(answer)
        return True

    def _register(self, request: Request) -> bytes:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return _refused(403, "Extension.InvalidExtensionName", "Empty extension name")
        extension = next((e for e in self._extensions if e.name == name), None)
        if extension is not None and extension.registered:
            text = f"Extension {name} is registered already"
            return _refused(403, "Extension.InvalidExtensionState", text)
        if not self.registration_open:
            text = "Extension registration is closed: the init phase is over"
            return _refused(403, "Extension.RegistrationClosed", text)
        if extension is None and len(self._extensions) >= MAX_EXTENSIONS:
            text = f"Extension limit ({MAX_EXTENSIONS}) reached"
            return _refused(403, "Extension.TooManyExtensions", text)
        try:
            events = wanted_events(request.body)
        except ValueError as error:
            return _refused(400, "InvalidRequestFormat", str(error))
        refused = refused_events(events, internal=extension is None)
        if refused:
            return _refused(403, "Extension.InvalidEventType", refused)
        if extension is None:
            extension = Extension(name=name, pid=None)
            self._extensions.append(extension)
        extension.events = events
        extension.state = "Registered"
        return self._registered(extension, request)

    def _registered(self, extension: Extension, request: Request) -> bytes:
        function = self._function
        body = {
            "functionName": function.name,
            "functionVersion": function.version,
            "handler": function.handler,
        }
        features = request.headers.get("lambda-extension-accept-feature", "")
        if "accountId" in (f.strip() for f in features.split(",")):
            body["accountId"] = function.account
        headers = (("Lambda-Extension-Identifier", extension.identifier),)
        return response_bytes(200, json.dumps(body).encode(), headers=headers)

    def _next(self, arrival: Arrival) -> None:
        extension = self._identified(arrival.request)
        if isinstance(extension, bytes):
            arrival.connection.send(extension)
            return
        if extension.parked is not None and extension.parked is not arrival.connection:
            extension.parked.close()
        extension.parked = arrival.connection
        extension.state = "Ready"
        if extension.pending is not None:
            _hand_over(extension, arrival.connection)

    def _failed(self, request: Request, kind: str, state: str) -> bytes:
        extension = self._identified(request)
        if isinstance(extension, bytes):
            return extension
        reason = request.headers.get(_ERROR_TYPE_HEADER, "")
        if not reason:
            text = "Lambda-Extension-Function-Error-Type is missing"
            return _refused(403, "Extension.MissingHeader", text)
        extension.state = state
        extension.error_type = reason if reason.isascii() and reason.isprintable() else kind
        extension.error_type = extension.error_type.replace(" ", "")
        if self._fault is None:
            self._fault = FunctionFault(kind, f"extension {extension.name}: {reason}")
        return response_bytes(202, ACCEPTED)

    def _identified(self, request: Request) -> Extension | bytes:
        """The extension that asks, or the answer to somebody who is none."""
        identifier = request.headers.get(IDENTIFIER_HEADER, "")
        if not identifier:
            return _refused(
                403, "Extension.MissingHeader", "Lambda-Extension-Identifier is missing"
            )
        extension = self._by_identifier(identifier)
        if extension is None:
            text = f"Unknown extension {identifier[:80]}"
            return _refused(403, "Extension.UnknownExtensionIdentifier", text)
        return extension

    def _by_identifier(self, identifier: str) -> Extension | None:
        return next(
            (e for e in self._extensions if e.registered and e.identifier == identifier), None
        )


def _hand_over(extension: Extension, connection: Connection) -> None:
    assert extension.pending is not None
    connection.send(extension.pending)
    extension.pending = extension.parked = None
    extension.state = "Running"


def _refused(status: int, kind: str, text: str) -> bytes:
    return response_bytes(status, error_body(kind, text))
