"""Clients of this endpoint's own services: for pollers, dead-letter queues and destinations."""

from __future__ import annotations

import threading
from typing import Any

from botocore.config import Config
from botocore.session import Session

_DEFAULT_ACCOUNT = "123456789012"
_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"max_attempts": 1}, max_pool_connections=50
)


class Clients:
    """botocore clients by service, account and region, made once each. Thread-safe.

    Args:
        url: of the endpoint.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = Session()
        self._made: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def get(self, service: str, account: str, region: str) -> Any:
        """The client of a service."""
        key = (service, account, region)
        with self._lock:
            if key not in self._made:
                self._made[key] = self._make(service, account, region)
            return self._made[key]

    def _make(self, service: str, account: str, region: str) -> Any:
        client = self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self._url,
            aws_access_key_id="coldbench",
            aws_secret_access_key="coldbench",
            config=_CONFIG,
        )
        if account != _DEFAULT_ACCOUNT:

            def name_account(request: Any, **_: object) -> None:
                request.headers["x-moto-account-id"] = account

            client.meta.events.register("before-sign", name_account)
        return client
