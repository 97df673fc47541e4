"""What the caller of a function gets, and what is written about the invoke."""

from __future__ import annotations

import base64

from bench.emulator.log_stream import tail
from bench.emulator.platform_lines import Report
from bench.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the caller of a function gets, and what is written about the invoke."""

    payload: bytes
    #: ``Unhandled``, or None if the function succeeded.
    function_error: str | None
    report: Report
    #: In ns: ``init`` and ``restore`` where they came before the event, ``invoke`` up to the end of
    #: the response as seen by the caller, ``first_byte`` of a streamed response, ``extensions``
    #: from the end of the response until the last extension was through.
    phases: dict[str, int]
    content_type: str = "application/json"
    #: Everything logged since the previous answer, or its end if nobody wants all of it.
    log: bytes = b""
    #: Whether the log is JSON, whose tail consists of whole lines.
    json_log: bool = False
    #: The trace header under which the function ran.
    trace_id: str = ""

    @property
    def log_result(self) -> str:
        """``LogResult`` of the Invoke API: the last 4 KB of the log in base64."""
        return base64.b64encode(tail(self.log, whole=self.json_log)).decode()
