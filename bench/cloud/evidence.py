"""Whether a sample was a cold start, from what Lambda itself says about the invoke.

The user's handler is never wrapped: a wrapper would be part of what is measured. What a handler
could tell, Lambda tells as well. An execution environment belongs to one version, so an invoke
answered by a version that nobody has invoked before met an environment nobody had used: that is
the fresh marker and the counter of 1 at once. ``Init Duration`` says that the environment was
initialised for it. And the caller had to wait for the init: a round trip shorter than init and
duration together means that Lambda had initialised the environment ahead (a proactive init).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.cloud.versions import Fresh
from bench.emulator.platform_lines import InitStart, Report, RestoreStart, Start
from bench.emulator.reportlog import parse_report, platform_lines

#: REPORT has hundredths of a millisecond; Lambda's clock and ours may differ in rate a little.
_TOLERANCE_NS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """One invoke that was answered."""

    request_id: str
    #: What the caller waited for, in ns.
    round_trip_ns: int
    executed_version: str
    #: ``Handled`` or ``Unhandled``; None for a success.
    function_error: str | None
    payload: bytes
    log: str
    report: Report | None

    @property
    def cold_start_ns(self) -> int | None:
        """Init or restore, whichever Lambda reports; None for neither."""
        if self.report is None:
            return None
        if self.report.init_duration_ns is not None:
            return self.report.init_duration_ns
        return self.report.restore_duration_ns


def read_answer(answer: Mapping[str, Any], round_trip_ns: int) -> Invoked:
    """What the answer of ``Invoke`` with ``LogType=Tail`` says."""
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    request_id = str(answer["ResponseMetadata"].get("RequestId", ""))
    report = parse_report(log, request_id) if request_id else None
    return Invoked(
        request_id=request_id,
        round_trip_ns=round_trip_ns,
        executed_version=str(answer.get("ExecutedVersion", "")),
        function_error=answer.get("FunctionError"),
        payload=answer["Payload"].read(),
        log=log,
        report=report,
    )


def why_not_cold(invoked: Invoked, fresh: Fresh) -> str | None:
    """Why an invoke is no cold-start sample, in a word or two; None if it is one.

    An invoke that ended with an error of the function is judged by the same rules: an init that
    failed has no ``Init Duration``, so errors are looked at before this.
    """
    report = invoked.report
    if report is None:
        return "no REPORT"
    if invoked.executed_version not in ("", fresh.version):
        return "another version"
    starts = (line for line in _lines(invoked) if isinstance(line, Start))
    if any(start.request_id != invoked.request_id for start in starts):
        return "used before"
    if fresh.copy.provisioned:
        return None
    waited_ns = invoked.cold_start_ns
    if waited_ns is None:
        return "warm"
    if invoked.round_trip_ns + _TOLERANCE_NS < waited_ns + report.duration_ns:
        return "proactive init"
    return None


def runtime_of(invoked: Invoked) -> str | None:
    """The runtime version ARN that ``INIT_START`` or ``RESTORE_START`` names, where it does."""
    for line in _lines(invoked):
        if isinstance(line, (InitStart, RestoreStart)) and line.runtime_version_arn:
            return line.runtime_version_arn
    return None


def _lines(invoked: Invoked) -> list[object]:
    return list(platform_lines(invoked.log))
