from __future__ import annotations

import pytest

from bench.emulator.faults import FunctionFault
from bench.emulator.invocation import Caller, Invocation
from bench.emulator.outcome import Outcome, ending, xray_fields

_EXIT = FunctionFault("Runtime.ExitError", "Runtime exited with error: exit status 1")
_LATE = FunctionFault("Sandbox.Timedout", "Task timed out after 1.00 seconds")
_CRASH = FunctionFault("Extension.Crash", "extension x: exit status 7")
_OWN = FunctionFault("ValueError", "no stock")
_ROOT = "1-5e1b4151-5ac6c58f5b5daa6a5b5daa6a"


def _outcome(
    error: FunctionFault | None = None, ended: FunctionFault | None = None, *, answered: bool = True
) -> Outcome:
    invocation = Invocation(
        request_id="id",
        body=b"{}",
        content_type="application/json",
        released_ns=1,
        received_ns=2,
        next_ns=3,
        error=error,
        ended=ended,
    )
    return Outcome(
        begin_ns=0, duration_ns=4, invocation=invocation if answered else None, fault=error
    )


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (_outcome(), {}),
        (_outcome(_OWN), {}),
        (_outcome(FunctionFault("Extension.Crash", "called so by the function")), {}),
        (_outcome(ended=_EXIT), {"status": "error", "error_type": "Runtime.ExitError"}),
        (_outcome(ended=_CRASH), {"status": "error", "error_type": "Extension.Crash"}),
        (_outcome(ended=_LATE), {"status": "timeout"}),
        (_outcome(_OWN, _LATE), {"status": "timeout"}),
        (_outcome(_LATE, answered=False), {"status": "timeout"}),
        (_outcome(_OWN, answered=False), {"status": "error", "error_type": "Function.Unknown"}),
    ],
)
def test_the_report_has_what_became_of_the_environment(
    outcome: Outcome, said: dict[str, str]
) -> None:
    """Whatever the caller got; an error that leaves the environment as it was is not in it."""
    assert ending(outcome) == said
    assert (outcome.failure is None) == (not said)


@pytest.mark.parametrize(
    ("parent", "kept"), [(";Parent=53995c3f42cd8ad8", "53995c3f42cd8ad8"), (";Parent=x", None)]
)
def test_the_trace_of_a_sampled_invoke(parent: str, kept: str | None) -> None:
    """Root and parent are the caller's, if they have the form of one."""
    fields = xray_fields(Caller(trace_id=f"Root={_ROOT}{parent};Sampled=1"))

    assert (fields["xray_trace_id"], fields["xray_parent_id"]) == (_ROOT, kept)
    assert xray_fields(Caller(trace_id=f"Root={_ROOT}{parent};Sampled=0")) == {}
