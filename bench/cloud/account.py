"""The way to AWS: a session of boto3, and the two kinds of clients that a run needs.

Credentials, profiles, SSO and ``AWS_ENDPOINT_URL`` are boto3's own affair and so behave as in the
AWS CLI. The one thing it does not know is ``AWS_REGION``, which the CLI prefers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.cloud.faults import (
    Stopped,
    code_of,
    is_dead_end,
    kind_of,
    status_of,
    stopped,
    text_of,
)
from bench.cloud.redaction import Redactor
from bench.errors import UsageError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: An endpoint on this machine takes any credentials, so none of the user's are needed.
_LOCAL_REGION = "us-east-1"
_LOCAL_CREDENTIALS = "local"
#: What a read may take beyond the function's own timeout.
_INVOKE_MARGIN_S = 15.0
_ONE = {"MaxItems": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which AWS: region, endpoint and profile, None where the environment decides."""

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long clients wait for an answer, in seconds, and how often control calls are sent."""

    connect_s: float = 10.0
    read_s: float = 60.0
    attempts: int = 8
    #: botocore's retry mode of control calls; ``adaptive`` slows all calls down after a throttle.
    mode: str = "adaptive"


#: A region that does not work must show in seconds.
_CHECK_PATIENCE = Patience(connect_s=5.0, read_s=10.0, attempts=3)


class Account:
    """Clients of one region.

    Raises:
        UsageError: boto3 is not installed, or there is no such profile, or no region.
        Stopped: there are no credentials.
    """

    def __init__(
        self,
        target: Target,
        *,
        patience: Patience | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._patience = patience or Patience()
        self._endpoint_url = target.endpoint_url
        self.is_local = _is_loopback(
            target.endpoint_url
            or environ.get("AWS_ENDPOINT_URL_LAMBDA")
            or environ.get("AWS_ENDPOINT_URL")
        )
        _check_url(target.endpoint_url)
        self._session = _session(target, self.is_local, environ)
        self.region = str(self._session.region_name)
        self.partition = _partition(self._session, self.region)
        self.redact = Redactor(lambda: _credential_values(self._session))
        #: For the record: whose endpoint, never with what it was reached.
        self.endpoint = urlsplit(target.endpoint_url).hostname if target.endpoint_url else "aws"

    def control(self, service: str, *, region: str | None = None) -> Any:
        """A client that retries, slowing down when it is throttled."""
        from botocore.config import Config

        return self._client(
            service,
            region,
            Config(
                connect_timeout=self._patience.connect_s,
                read_timeout=self._patience.read_s,
                max_pool_connections=32,
                retries={
                    "mode": self._patience.mode,
                    "total_max_attempts": self._patience.attempts,
                },
            ),
        )

    def invoker(self, timeout_s: float, parallel: int) -> Any:
        """A client that never sends an invoke twice, and waits for as long as the function may.

        boto3's defaults invoke up to eight times for one call that takes longer than a minute.
        """
        from botocore.config import Config

        return self._client(
            "lambda",
            None,
            Config(
                connect_timeout=self._patience.connect_s,
                read_timeout=timeout_s + min(_INVOKE_MARGIN_S, self._patience.read_s),
                max_pool_connections=max(10, parallel),
                retries={"total_max_attempts": 1},
                tcp_keepalive=True,
            ),
        )

    def check(self) -> None:
        """Ask for the account's settings, so that a dead end shows before anything is made.

        Who may not ask that, or asks an endpoint that does not know it, lists functions instead.

        Raises:
            Stopped: the region cannot be reached, does not answer, or not with these credentials.
        """
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        config = Config(
            connect_timeout=min(self._patience.connect_s, _CHECK_PATIENCE.connect_s),
            read_timeout=min(self._patience.read_s, _CHECK_PATIENCE.read_s),
            retries={"total_max_attempts": _CHECK_PATIENCE.attempts},
        )
        client = self._client("lambda", None, config)
        error: Exception
        for ask, arguments in ((client.get_account_settings, {}), (client.list_functions, _ONE)):
            try:
                ask(**arguments)
            except (BotoCoreError, ClientError) as refusal:
                error = refusal
            else:
                return
            if is_dead_end(error):
                raise stopped(error, "nothing was made", self.redact) from None
            if status_of(error) == 0:
                break
        if kind_of(error) == "unknown":
            raise self._silent(error)

    def check_role(self, arn: str) -> None:
        """Look a role up: Lambda says of one that does not exist what it says of a new one.

        Raises:
            UsageError: there is none. Who may not look is not kept from using it.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        parts = arn.split(":", 5)
        if len(parts) != 6 or parts[2] != "iam" or not parts[5].startswith("role/"):
            raise UsageError(
                f"`{self.redact(arn)}` is not the ARN of a role",
                hint="`--role arn:aws:iam::ACCOUNT:role/NAME`; `aws iam list-roles` shows them",
            )
        name = arn.rpartition("/")[2]
        try:
            self.control("iam").get_role(RoleName=name)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == "NoSuchEntity":
                raise UsageError(
                    f"there is no role `{name}` in this account",
                    hint="`aws iam list-roles` shows those that exist; without `--role` the run"
                    " makes one of its own",
                ) from None

    def _silent(self, error: Exception) -> Stopped:
        said = self.redact(f"{code_of(error)}: {text_of(error)}")
        return Stopped(
            f"Lambda in `{self.region}` does not answer: {said}",
            hint="it may have no Lambda, or be no region: give another `--region`, or try again"
            " later",
        )

    def lambda_regions(self) -> tuple[str, ...]:
        """All regions of this partition that have Lambda, as far as the client library knows."""
        return tuple(self._session.get_available_regions("lambda"))

    def _client(self, service: str, region: str | None, config: Any) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            return self._session.client(
                service,
                region_name=region or self.region,
                endpoint_url=self._endpoint_url,
                config=config,
            )
        except (BotoCoreError, ValueError) as error:
            raise stopped(error, f"client of {service}", self.redact) from None


def _session(target: Target, is_local: bool, environ: Mapping[str, str]) -> Any:
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise UsageError(
            "real Lambda needs boto3, which is not installed",
            hint="`pip install 'coldbench[aws]'`",
        ) from None
    region = target.region or environ.get("AWS_REGION") or None
    try:
        session = boto3.Session(profile_name=target.profile, region_name=region)
        if session.region_name is None and not is_local:
            raise UsageError(
                "no AWS region is configured",
                hint="`--region us-east-1`, `AWS_REGION=us-east-1` or `aws configure`",
            )
        found = session.get_credentials()
        if found is None and is_local:
            return boto3.Session(
                region_name=session.region_name or _LOCAL_REGION,
                aws_access_key_id=_LOCAL_CREDENTIALS,
                aws_secret_access_key=_LOCAL_CREDENTIALS,
            )
        if session.region_name is None:
            session = boto3.Session(profile_name=target.profile, region_name=_LOCAL_REGION)
    except BotoCoreError as error:
        raise UsageError(
            f"the AWS configuration cannot be used: {Redactor()(str(error))}",
            hint="`aws configure list` shows what is configured",
        ) from None
    if found is None:
        raise Stopped(
            "there are no AWS credentials",
            hint="`aws configure`, `aws sso login --profile NAME` with `AWS_PROFILE=NAME`, or"
            " `coldbench serve` and `--endpoint-url` to try it without an account",
        )
    return session


def _check_url(url: str | None) -> None:
    parts = urlsplit(url or "http://default")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"`--endpoint-url {url}` is not a URL",
            hint="it begins with http:// or https://, for example http://127.0.0.1:4566",
        )


def _partition(session: Any, region: str) -> str:
    from botocore.exceptions import BotoCoreError

    try:
        return str(session.get_partition_for_region(region))
    except BotoCoreError:
        raise UsageError(
            f"`{region}` is not the name of an AWS region",
            hint="it has the form us-east-1; `coldbench prices` lists those with known prices",
        ) from None


def _is_loopback(url: str | None) -> bool:
    return url is not None and urlsplit(url).hostname in _LOOPBACK


def _credential_values(session: Any) -> Iterator[str]:
    """The values that must be seen nowhere; what cannot be had needs no hiding."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        credentials = session.get_credentials()
        frozen = None if credentials is None else credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError):
        return
    if frozen is not None:
        yield from (v for v in (frozen.access_key, frozen.secret_key, frozen.token) if v)
