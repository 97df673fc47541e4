"""Hand an invoice to bookkeeping over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from payments import DeliveryError, InvalidRequestError

TIMEOUT_S = 5.0

_CONNECTIONS = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}


def deliver(url: str, invoice: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """Post an invoice as JSON, or only prepare to, and tell what was sent where.

    Raises:
        InvalidRequestError: the address is not one of HTTP.
        DeliveryError: an answer that is not 2xx, or none within 5 seconds.
    """
    connection, path = _connect(url)
    body = json.dumps(invoice).encode()
    sent = {"host": connection.host, "port": connection.port, "path": path, "bytes": len(body)}
    if dry_run:
        return {**sent, "status": None}
    status = _post(connection, path, body)
    if not 200 <= status < 300:
        raise DeliveryError(f"bookkeeping answered with status {status}")
    return {**sent, "status": status}


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryError(f"bookkeeping could not be reached: {error}") from error
    finally:
        connection.close()


def _connect(url: str) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        kind = _CONNECTIONS[parts.scheme]
    except (KeyError, ValueError):
        raise InvalidRequestError("url is not an address of HTTP or HTTPS") from None
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not host or not path.isascii() or not path.isprintable() or " " in path:
        raise InvalidRequestError("url has no host, or characters that must be percent-encoded")
    return kind(host, port, timeout=TIMEOUT_S), path
