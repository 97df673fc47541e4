"""What AWS, or the way to it, said no with: sorted by what can be done about it."""

from __future__ import annotations

from typing import Literal

from bench.cloud.redaction import Redactor
from bench.errors import MeasurementError

#: ``refused``: nothing was done, and it may be tried again. ``unknown``: perhaps it was done.
#: ``stop``: nothing that follows can succeed. ``final``: this call cannot succeed.
Kind = Literal["refused", "unknown", "stop", "final"]

_THROTTLED = frozenset(
    [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "SlowDown",
        "EC2ThrottledException",
    ]
)
_NOT_READY = frozenset(
    [
        "ResourceConflictException",
        "ResourceNotFoundException",
        "SnapStartNotReadyException",
        "ResourceNotReadyException",
        "ConcurrentModificationException",
        "OperationAbortedException",
    ]
)
#: Refused before anything was done, because of the time in the signature.
_SKEWED = frozenset(
    ["RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired"]
)
_EXPIRED = frozenset(
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "AuthFailure",
        "InvalidAccessKeyId",
        "TokenRefreshRequired",
    ]
)
#: Said of wrong credentials, and of good ones in a region that is not enabled for the account.
_UNRECOGNIZED = frozenset(["UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"])
_DENIED = frozenset(
    ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "OptInRequired"]
)
_CREDENTIAL_CLASSES = frozenset(
    [
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
        "SSOError",
        "LoginRefreshRequired",
    ]
)
#: The connection was never made, so nothing can have been done.
_NOT_CONNECTED = frozenset(
    ["EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"]
)


class Stopped(MeasurementError):
    """Nothing more can be measured now: credentials, permissions, network or quota."""


class Unrecognized(Stopped):
    """The credentials are not known: they are wrong, or the region is not enabled."""


def code_of(error: BaseException) -> str:
    """AWS's own error code, or the name of the exception of the client library."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return str(response["Error"].get("Code", "Unknown"))
    return type(error).__name__


def text_of(error: BaseException) -> str:
    """AWS's own message, or that of the client library."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return str(response["Error"].get("Message", error))
    return str(error)


def status_of(error: BaseException) -> int:
    """The HTTP status, 0 where there was no answer."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return 0
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_skewed(error: BaseException) -> bool:
    """Whether the signature's time was refused: a clock is wrong, here or on the way."""
    return code_of(error) in _SKEWED


def is_dead_end(error: BaseException) -> bool:
    """Whether no call at all can succeed: there is no connection, or there are no credentials."""
    code = code_of(error)
    return code in _NOT_CONNECTED or code in _EXPIRED or code in _CREDENTIAL_CLASSES


def is_throttled(error: BaseException) -> bool:
    """Whether too much was asked in too short a time."""
    return code_of(error) in _THROTTLED


def kind_of(error: BaseException) -> Kind:
    """What an error means for the call that met it."""
    code = code_of(error)
    if code in _EXPIRED or code in _DENIED or code in _CREDENTIAL_CLASSES:
        return "stop"
    if code in _THROTTLED or code in _NOT_READY or code in _SKEWED or code in _NOT_CONNECTED:
        return "refused"
    if code in ("ServiceQuotaExceededException", "CodeStorageExceededException"):
        return "stop"
    if code == "ParamValidationError":
        return "final"
    status = status_of(error)
    if status >= 500 or status == 0 or status == 408:
        return "unknown"
    return "final"


def stopped(error: BaseException, what: str, redact: Redactor) -> Stopped:
    """The error that ends a run, with what to do about it."""
    code = code_of(error)
    said = redact(f"{what}: {code}: {text_of(error)}")
    if code in _UNRECOGNIZED:
        return Unrecognized(
            f"AWS does not know these credentials in this region: {said}",
            hint="they are wrong, or the region is not enabled for the account: see `aws sts"
            " get-caller-identity` and `aws account list-regions`",
        )
    if code in _EXPIRED or code in _CREDENTIAL_CLASSES:
        return Stopped(
            f"the AWS credentials are missing, expired or wrong: {said}",
            hint="renew them, for example with `aws sso login`, and check with"
            " `aws sts get-caller-identity`",
        )
    if code in _DENIED:
        return Stopped(
            f"AWS does not permit this: {said}",
            hint="docs/aws.md lists the permissions that are needed; `--role ARN` spares those"
            " of IAM",
        )
    if code in _SKEWED:
        return Stopped(
            f"AWS refuses the time in the signature: {said}",
            hint="set this machine's clock: `timedatectl set-ntp true`",
        )
    if code == "CodeStorageExceededException":
        return Stopped(
            f"the code storage of the account is full in this region: {said}",
            hint="delete old versions, or leftovers with `coldbench clean`",
        )
    if code == "InvalidParameterValueException" and "untime" in said:
        return Stopped(
            f"Lambda refuses the runtime: {said}",
            hint="the region may not have it yet, or not any more: try another `--region`",
        )
    if code in _NOT_CONNECTED:
        return Stopped(
            f"cannot reach AWS: {said}",
            hint="check the network, the region and `--endpoint-url`; a local endpoint must be"
            " running: `coldbench serve`",
        )
    return Stopped(said, hint="see docs/aws.md, or try again later")
