"""What moto passes over in calls of CloudWatch Logs, put in terms that it knows."""

from __future__ import annotations

import json
from dataclasses import replace

from bench.serve.messages import HttpRequest

_START_QUERY = "Logs_20140328.StartQuery"


def understood(request: HttpRequest) -> HttpRequest:
    """The same call for moto: StartQuery with its ``limit`` and log groups by ARN."""
    if request.header("x-amz-target") != _START_QUERY:
        return request
    try:
        query = json.loads(request.body)
        if "limit" in query:
            query["queryString"] += f"\n| limit {int(query['limit'])}"
    except (ValueError, TypeError, KeyError):
        return request  # moto says what is wrong with it
    identifiers = query.pop("logGroupIdentifiers", None)
    if identifiers:
        query["logGroupNames"] = [_name(identifier) for identifier in identifiers]
    body = json.dumps(query).encode()
    headers = [(n, v) for n, v in request.headers if n.lower() != "content-length"]
    return replace(
        request,
        headers=[*headers, ("Content-Length", str(len(body)))],
        body=body,
    )


def _name(identifier: str) -> str:
    """The name in the ARN of a log group, which may end with ``:*``."""
    return identifier.split(":")[6] if identifier.startswith("arn:") else identifier
