"""The standard library's ``logging`` as one JSON object per line.

The field names are those of Lambda's own JSON log format, so that one CloudWatch query serves
both. Under Lambda's runtime client the records go through the handler that it installed, which
frames them for the platform; anywhere else they go to standard output.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time

DEFAULT_LEVEL = "INFO"

# What every record has of itself; anything else on a record came in through ``extra``.
_OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {
    "asctime",
    "aws_request_id",
    "message",
    "tenant_id",
}


class Invocation:
    """What is true of all lines of one invocation.

    One object for the process and not a context variable: an environment runs one invocation at
    a time, and lines of threads that the function starts belong to it too.
    """

    def __init__(self) -> None:
        self.request_id: str | None = None
        self.cold_start: bool | None = None

    def begin(self, request_id: str | None) -> None:
        """Start the next invocation; the first one of an environment is its cold start."""
        self.cold_start = self.cold_start is None
        self.request_id = request_id


class JsonFormatter(logging.Formatter):
    """Formats a record, the fields of its ``extra`` and those of the invocation as JSON."""

    def __init__(self, invocation: Invocation, terminator: str) -> None:
        super().__init__()
        self.converter = time.gmtime
        self._invocation = invocation
        self._terminator = terminator

    def format(self, record: logging.LogRecord) -> str:
        """Make the line; a value that JSON does not know is shown as text."""
        seconds = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        line: dict[str, object] = {
            "timestamp": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "requestId": self._invocation.request_id,
            "coldStart": self._invocation.cold_start,
        }
        if record.exc_info and record.exc_info[0]:
            line |= {
                "errorType": record.exc_info[0].__name__,
                "errorMessage": str(record.exc_info[1]),
                "stackTrace": self.formatException(record.exc_info).splitlines(),
                "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
            }
        line = {key: value for key, value in line.items() if value is not None}
        extra = record.__dict__.keys() - _OWN_ATTRIBUTES - line.keys()
        line |= {key: record.__dict__[key] for key in sorted(extra)}
        return json.dumps(line, default=str) + self._terminator


def configure(invocation: Invocation) -> None:
    """Make every logger of the process write JSON lines at the level of the environment.

    ``LOG_LEVEL`` is the function's own setting, ``AWS_LAMBDA_LOG_LEVEL`` the one of Lambda's
    logging configuration. A level that does not exist is reported and replaced by INFO.
    """
    root = logging.getLogger()
    if root.handlers:
        for handler in root.handlers:
            # The runtime client's handlers write what they are given, without a line end.
            handler.setFormatter(JsonFormatter(invocation, "\n"))
    else:
        own = logging.StreamHandler(sys.stdout)
        own.setFormatter(JsonFormatter(invocation, ""))
        root.addHandler(own)
    wanted = os.environ.get("LOG_LEVEL") or os.environ.get("AWS_LAMBDA_LOG_LEVEL") or DEFAULT_LEVEL
    level = _level(wanted)
    root.setLevel(DEFAULT_LEVEL if level is None else level)
    if level is None:
        logging.getLogger(__name__).warning(
            "unknown log level, using %s", DEFAULT_LEVEL, extra={"wanted": wanted}
        )


def _level(name: str) -> int | None:
    # Lambda has TRACE below DEBUG; the standard library does not.
    levels = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    return levels.get(name.upper())
