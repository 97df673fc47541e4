"""An endpoint for the tests of a module, clients of it, and functions made from source."""

from __future__ import annotations

import io
import os
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config

from bench.config import user_cache
from bench.serve.endpoint import Endpoint, EndpointOptions

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def package(**files: str) -> bytes:
    """A zip archive; ``__`` in a name is a dot."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for name, text in files.items():
            opened.writestr(name.replace("__", "."), text)
    return archive.getvalue()


def clients_of(url: str, region: str = "us-east-1") -> Callable[[str], Any]:
    """``client(service)`` for an endpoint, without retries."""

    @cache
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=region,
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(retries={"max_attempts": 0}, max_pool_connections=30),
        )

    return client


class Aws:
    """An endpoint as a test uses it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = clients_of(url)
        self.role = self.client("iam").create_role(
            RoleName=f"role-{uuid.uuid4().hex[:8]}", AssumeRolePolicyDocument="{}"
        )["Role"]["Arn"]

    def deploy(self, source: str, **members: Any) -> str:
        """A function with ``handler`` in ``source``, active; returns its name."""
        name = members.pop("FunctionName", f"f-{uuid.uuid4().hex[:12]}")
        defaults = {
            "Runtime": RUNTIME,
            "Handler": "app.handler",
            "Code": {"ZipFile": package(app__py=source)},
            "MemorySize": 1769,
            "Timeout": 20,
        }
        client = self.client("lambda")
        client.create_function(FunctionName=name, Role=self.role, **{**defaults, **members})
        client.get_waiter("function_active_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        return name

    def settle(self, name: str) -> None:
        """Wait until an update has taken effect."""
        self.client("lambda").get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )

    def bucket(self) -> str:
        """A new bucket."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self.client("s3").create_bucket(Bucket=name)
        return name

    def objects(
        self, bucket: str, count: int, prefix: str = "", limit_s: float = 30
    ) -> list[bytes]:
        """The objects of a bucket, as soon as there are so many."""
        s3 = self.client("s3")
        deadline = time.monotonic() + limit_s
        while True:
            listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
            if len(listed) >= count or time.monotonic() > deadline:
                keys = [item["Key"] for item in listed]
                return [s3.get_object(Bucket=bucket, Key=k)["Body"].read() for k in keys]
            time.sleep(0.1)


@pytest.fixture(name="endpoint_options", scope="session")
def _endpoint_options() -> EndpointOptions:
    return EndpointOptions(cache=user_cache(os.environ), retry_delays_s=(0.1, 0.1))


@pytest.fixture(name="aws", scope="module")
def _aws(endpoint_options: EndpointOptions) -> Iterator[Aws]:
    """The endpoint of a module: moto allows one at a time in a process."""
    with Endpoint(endpoint_options, warn=print) as endpoint:
        yield Aws(endpoint.url)
