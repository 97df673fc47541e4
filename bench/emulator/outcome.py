"""How an invoke went, in the words and figures of its report."""

from __future__ import annotations

import re
import time
from typing import Any

from bench.emulator.faults import FunctionFault
from bench.emulator.identifiers import random_uuid
from bench.emulator.invocation import Caller, Invocation, trace_fields
from bench.frozen import dataclass

_root = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}").fullmatch
_parent = re.compile(r"[0-9a-f]{16}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What ran before the event: an init, a restore, or both; in ns."""

    init_ns: int | None = None
    restore_ns: int | None = None
    #: Why there is nobody to take the event, where a restore failed.
    fault: FunctionFault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an invoke ended."""

    begin_ns: int
    duration_ns: int
    #: None if neither a response nor an error came from the runtime.
    invocation: Invocation | None
    #: What the caller gets instead of a response.
    fault: FunctionFault | None

    @property
    def failure(self) -> FunctionFault | None:
        """Why the environment cannot go on, whatever the caller got; it is to be reset then."""
        return self.fault if self.invocation is None else self.invocation.ended


def end_ns(invocation: Invocation | None) -> int:
    """When runtime and extensions were through; now, where the runtime will not ask for more."""
    if invocation is None or invocation.next_ns is None or invocation.ended is not None:
        return time.monotonic_ns()
    return max(invocation.next_ns, invocation.extensions_ns or 0)


def phases(before: Before, outcome: Outcome) -> dict[str, int]:
    """The phases of an :class:`~bench.emulator.answer.Answer`, in ns."""
    times = {"init": before.init_ns, "restore": before.restore_ns}
    invocation = outcome.invocation
    if invocation is not None:
        begin_ns, received_ns = outcome.begin_ns, invocation.received_ns
        times["invoke"] = received_ns - begin_ns
        if invocation.first_byte_ns is not None:
            times["first_byte"] = invocation.first_byte_ns - begin_ns
        if invocation.extensions_ns is not None:
            times["extensions"] = invocation.extensions_ns - received_ns
    return {name: ns for name, ns in times.items() if ns is not None}


def ending(outcome: Outcome) -> dict[str, Any]:
    """What the report says of how it ended; nothing of an error that the function reported."""
    failure = outcome.failure
    if failure is None:
        return {}
    if failure.kind == "Sandbox.Timedout":
        return {"status": "timeout"}
    return {"status": "error", "error_type": failure.platform_type}


def xray_fields(caller: Caller) -> dict[str, Any]:
    """The X-Ray part of the report of a sampled invoke."""
    fields = trace_fields(caller.trace_id or "")
    if fields.get("Sampled") != "1" or not _root(fields.get("Root", "")):
        return {}
    parent = fields.get("Parent", "")
    return {
        "xray_trace_id": fields["Root"],
        "xray_parent_id": parent if _parent(parent) else None,
        "segment_id": random_uuid().replace("-", "")[:16],
        "sampled": True,
    }


def is_of_environment(fault: FunctionFault) -> bool:
    """Whether it is about the processes, and nothing that the function itself reported."""
    return fault.kind.startswith(
        ("Runtime.ExitError", "Runtime.InvalidEntrypoint", "Sandbox.", "Extension.")
    )


def with_request_id(fault: FunctionFault, request_id: str) -> FunctionFault:
    """A failure of the environment names the request, also when init failed inside it."""
    if is_of_environment(fault) and request_id not in fault.message:
        return FunctionFault(fault.kind, f"RequestId: {request_id} Error: {fault.message}")
    return fault
