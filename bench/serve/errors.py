"""What the endpoint refuses, in the form of AWS's own errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal
from xml.sax.saxutils import escape

from bench.serve.messages import HttpResponse


class ServiceError(Exception):
    """An error that the caller of a service gets.

    Args:
        status: of the HTTP answer.
        code: the name of the exception in the service's API.
        message: words for the caller.
        members: further members of the exception, such as ``Reason``.
    """

    def __init__(
        self, status: int, code: str, message: str, members: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.members = dict(members or {})

    def response(self, dialect: Literal["json", "xml"] = "json") -> HttpResponse:
        """The error as AWS sends it: JSON with ``x-amzn-ErrorType``, or XML."""
        if dialect == "xml":
            text = (
                f"<ErrorResponse><Error><Code>{escape(self.code)}</Code>"
                f"<Message>{escape(self.message)}</Message></Error></ErrorResponse>"
            )
            return HttpResponse(self.status, [("Content-Type", "text/xml")], text.encode())
        body = {"__type": self.code, "message": self.message, "Message": self.message}
        body["Type"] = "User" if self.status < 500 else "Service"
        headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", self.code)]
        return HttpResponse(self.status, headers, json.dumps(body | self.members).encode())
