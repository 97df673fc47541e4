"""Throw-away copies: what a run makes in an account, how it is called, and how it is undone.

Everything carries one prefix and the tags below, from the call that makes it on, so that whatever
kills a run, :mod:`bench.cloud.leftovers` finds all of it and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.cloud.control import CONFLICTS, ControlPlane, is_presence
from bench.cloud.faults import Stopped, stopped
from bench.cost.price import Architecture
from bench.errors import UsageError
from bench.model import Arm

PREFIX = "coldbench-"
RUN_TAG = "coldbench:run"
CREATED_TAG = "coldbench:created"
REGIONS_TAG = "coldbench:regions"
LOG_GROUP_PREFIX = f"/aws/lambda/{PREFIX}"
_RETENTION_DAYS = 1
#: Quota "Deployment package, direct upload".
_UPLOAD_MAX_BYTES = 50 * 1024 * 1024
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_VPC_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One function in the account: an arm of a variant at one memory size."""

    name: str
    function: str
    variant: str
    arm: Arm
    memory_mb: int
    architecture: Architecture
    timeout_s: int
    #: None for a container image.
    runtime: str | None
    handler: str | None
    #: A zip file, or its content.
    package: Path | bytes | None = field(default=None, repr=False)
    image: str | None = field(default=None, repr=False)
    #: May hold secrets of a function that is copied.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    layers: tuple[str, ...] = field(default=(), repr=False)
    subnets: tuple[str, ...] = field(default=(), repr=False)
    security_groups: tuple[str, ...] = field(default=(), repr=False)
    tmp_mb: int = 512
    snap_start: bool = False
    provisioned: bool = False

    @property
    def log_group(self) -> str:
        """Where Lambda writes what it and the function say."""
        return f"/aws/lambda/{self.name}"


def name_of(run_id: str, number: int) -> str:
    """The name of a copy, for example ``coldbench-20261121-024500-1f3a-007``."""
    return f"{PREFIX}{run_id}-{number:03}"


def tags_of(run_id: str, started: str) -> dict[str, str]:
    """The tags of everything that a run makes."""
    return {RUN_TAG: run_id, CREATED_TAG: started}


class Workshop:
    """Makes and deletes the copies of one run.

    Args:
        plane: the control plane.
        run_id: names everything.
        started: ISO time for the tag.
        role: the ARN of a role of the user's; None makes one that may write logs and nothing else.
    """

    def __init__(
        self, plane: ControlPlane, *, run_id: str, started: str, role: str | None = None
    ) -> None:
        self._plane = plane
        self._run_id = run_id
        self._tags = tags_of(run_id, started)
        self._role = role
        self._role_name = f"{PREFIX}{run_id}"

    def make_role(self, *, in_vpc: bool) -> None:
        """Make the role of this run, unless the user gave one or it exists from before."""
        if self._role is not None:
            return
        self._ensure(
            "iam",
            "create_role",
            RoleName=self._role_name,
            AssumeRolePolicyDocument=json.dumps(_TRUST),
            Description="Throw-away role of a coldbench run",
            Tags=_pairs(self._tags | {REGIONS_TAG: self._plane.account.region}),
        )
        self._plane.call(
            "iam",
            "put_role_policy",
            RoleName=self._role_name,
            PolicyName="logs",
            PolicyDocument=json.dumps(self._policy(in_vpc=in_vpc)),
        )
        found = self._plane.call("iam", "get_role", RoleName=self._role_name)
        assert found is not None, "a role that was made a moment ago"
        self._role = str(found["Role"]["Arn"])

    def make(self, copy: Copy) -> None:
        """Make the log group, then the function, and wait until it can be used.

        Raises:
            Stopped: Lambda refuses, for example because the region lacks the runtime.
            UsageError: the package is larger than Lambda takes directly.
        """
        self._ensure("logs", "create_log_group", logGroupName=copy.log_group, tags=self._tags)
        self._plane.call(
            "logs",
            "put_retention_policy",
            logGroupName=copy.log_group,
            retentionInDays=_RETENTION_DAYS,
        )
        if not self._create(copy):
            self._check_ours(copy.name)
            self._plane.call("lambda", "delete_function", absent_ok=True, FunctionName=copy.name)
            if not self._create(copy):
                raise Stopped(
                    f"the function {copy.name} of an earlier session cannot be replaced",
                    hint=f"`coldbench clean --run {self._run_id}`",
                )
        self._plane.wait("function_active_v2", FunctionName=copy.name)

    def pin(self, copy: Copy, version_arn: str) -> None:
        """Fix the runtime's patch version, so that no update of it falls into the run."""
        self._plane.call(
            "lambda",
            "put_runtime_management_config",
            FunctionName=copy.name,
            UpdateRuntimeOn="Manual",
            RuntimeVersionArn=version_arn,
        )

    def remove(self, copy: Copy) -> None:
        """Delete a function with all its versions, and its log group."""
        call = self._plane.call
        call("lambda", "delete_function", absent_ok=True, FunctionName=copy.name)
        call("logs", "delete_log_group", absent_ok=True, logGroupName=copy.log_group)

    def _create(self, copy: Copy) -> bool:
        """Create a function; False if one of that name exists already."""
        from botocore.exceptions import ClientError

        try:
            self._plane.call("lambda", "create_function", final=CONFLICTS, **self._arguments(copy))
        except ClientError as error:
            if not is_presence(error):
                raise stopped(
                    error, f"copy of `{copy.function}`", self._plane.account.redact
                ) from None
            return False
        return True

    def _check_ours(self, name: str) -> None:
        found = self._plane.call("lambda", "get_function", FunctionName=name) or {}
        if found.get("Tags", {}).get(RUN_TAG) != self._run_id:
            raise Stopped(
                f"there is a function {name} that this run has not made",
                hint="it is left alone; start a new run, which has other names",
            )

    def _ensure(self, service: str, operation: str, **arguments: Any) -> None:
        """Make something that may exist already, from a call whose answer was lost."""
        from botocore.exceptions import ClientError

        try:
            self._plane.call(
                service,
                operation,
                final=("EntityAlreadyExists", "ResourceAlreadyExistsException"),
                **arguments,
            )
        except ClientError as error:
            if not is_presence(error):
                raise

    def _policy(self, *, in_vpc: bool) -> dict[str, Any]:
        """What the functions may do: write their own logs, and in a VPC join it."""
        group = f"log-group:{LOG_GROUP_PREFIX}{self._run_id}-*"
        statements: list[dict[str, Any]] = [
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": f"arn:{self._plane.account.partition}:logs:*:*:{group}",
            }
        ]
        if in_vpc:
            statements.append({"Effect": "Allow", "Action": list(_VPC_ACTIONS), "Resource": "*"})
        return {"Version": "2012-10-17", "Statement": statements}

    def _arguments(self, copy: Copy) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "FunctionName": copy.name,
            "Role": self._role,
            "Code": _code(copy),
            "Description": "Throw-away copy of a coldbench run",
            "Timeout": copy.timeout_s,
            "MemorySize": copy.memory_mb,
            "Architectures": [copy.architecture],
            "PackageType": "Image" if copy.image else "Zip",
            "Tags": self._tags,
        }
        if not copy.image:
            arguments |= {"Runtime": copy.runtime, "Handler": copy.handler}
        if copy.environment:
            arguments["Environment"] = {"Variables": dict(copy.environment)}
        if copy.layers:
            arguments["Layers"] = list(copy.layers)
        if copy.subnets:
            arguments["VpcConfig"] = {
                "SubnetIds": list(copy.subnets),
                "SecurityGroupIds": list(copy.security_groups),
            }
        if copy.tmp_mb != 512:
            arguments["EphemeralStorage"] = {"Size": copy.tmp_mb}
        if copy.snap_start:
            arguments["SnapStart"] = {"ApplyOn": "PublishedVersions"}
        return arguments


def _code(copy: Copy) -> dict[str, Any]:
    if copy.image:
        return {"ImageUri": copy.image}
    assert copy.package is not None, "a copy without an image has a package"
    data = copy.package if isinstance(copy.package, bytes) else copy.package.read_bytes()
    if len(data) > _UPLOAD_MAX_BYTES:
        raise UsageError(
            f"the package of `{copy.function}`, variant `{copy.variant}`, has {len(data):,} bytes;"
            f" Lambda takes {_UPLOAD_MAX_BYTES:,} in a direct upload",
            hint="measure the variant as an image: `--arm image=URI`, or leave it out",
        )
    return {"ZipFile": data}


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
