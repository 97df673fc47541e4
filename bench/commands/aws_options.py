"""The options of ``coldbench run --backend aws`` and of the other commands that speak to AWS."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, cast

from bench.cloud.redaction import Redactor
from bench.errors import UnknownName, UsageError
from bench.settings import whole_number

if TYPE_CHECKING:
    from bench.commands.parser import CommandParser

ARCHITECTURES = ("x86_64", "arm64")
METHODS = ("version", "environment")
_MAX_COST_USD = 1.0
_PARALLEL = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsOptions:
    """Where on AWS, how, and how much it may cost."""

    #: Empty: the region that the environment names.
    regions: tuple[str, ...] = ()
    profile: str | None = None
    endpoint_url: str | None = None
    #: Empty: that of this machine, whose packages are built here.
    architectures: tuple[Literal["x86_64", "arm64"], ...] = ()
    #: ``--arm`` words, checked where they are used.
    arms: tuple[str, ...] = ()
    role: str | None = None
    max_cost_usd: float = _MAX_COST_USD
    yes: bool = False
    method: Literal["version", "environment"] = "version"
    parallel: int = _PARALLEL
    pin_runtime: bool = False
    probe: bool = True
    #: Functions of the account that are copied and measured.
    from_functions: tuple[str, ...] = ()
    #: Whether any of these options was given, so that a local run can say they are not for it.
    given: tuple[str, ...] = field(default=())


def declare_place(parser: CommandParser) -> None:
    """Declare which AWS a command speaks to."""
    parser.value(
        "--region", metavar="R[,R…]", help="AWS regions [AWS_REGION, then the AWS configuration]"
    )
    parser.value("--profile", metavar="NAME", help="profile of the AWS configuration [AWS_PROFILE]")
    parser.value(
        "--endpoint-url",
        metavar="URL",
        help="another AWS: `coldbench serve`, LocalStack, moto [AWS_ENDPOINT_URL]",
    )


def declare_run(parser: CommandParser) -> None:
    """Declare the options of ``run`` that are only for real Lambda."""
    parser.section = parser.add_argument_group("options of --backend aws")
    declare_place(parser)
    parser.value(
        "--architecture", metavar="A[,A]", help="x86_64, arm64 or both [that of this machine]"
    )
    parser.value(
        "--arm",
        action="append",
        metavar="NAME[=…]",
        help="measure the baseline also with snapstart, provisioned, tmp=MB, layer=ARN,"
        " vpc=SUBNET,GROUP or image=URI; repeatable",
    )
    parser.value(
        "--role", metavar="ARN", help="role of the copies [a minimal one, made and deleted]"
    )
    parser.value(
        "--from-function",
        action="append",
        metavar="NAME",
        help="copy and measure a function of the account, not a target; repeatable",
    )
    parser.value("--max-cost", metavar="USD", help=f"stop above this estimate [{_MAX_COST_USD:g}]")
    parser.flag("--yes", help="go on above --max-cost")
    parser.value(
        "--method",
        metavar="M",
        help="how cold starts are forced: `version` or `environment` [version]",
    )
    parser.value("--parallel", metavar="N", help=f"trials at the same time [{_PARALLEL}]")
    parser.flag("--pin-runtime", help="fix the runtime's patch version for the run")
    parser.flag("--no-probe", help="do not look which CPU models the region has")


_NAMES = (
    "region",
    "profile",
    "endpoint_url",
    "architecture",
    "arm",
    "role",
    "from_function",
    "max_cost",
    "yes",
    "method",
    "parallel",
    "pin_runtime",
    "no_probe",
)


def read(parsed: argparse.Namespace) -> AwsOptions:
    """Check and convert what was given.

    Raises:
        UnknownName: an architecture or method that does not exist.
        UsageError: a number that is none.
    """
    given = tuple(name for name in _NAMES if getattr(parsed, name, None))
    architectures = _words(getattr(parsed, "architecture", None))
    for name in architectures:
        if name not in ARCHITECTURES:
            raise UnknownName("architecture", name, ARCHITECTURES)
    method = getattr(parsed, "method", None) or METHODS[0]
    if method not in METHODS and hasattr(parsed, "backend"):
        raise UnknownName("method", method, METHODS)
    return AwsOptions(
        regions=_words(getattr(parsed, "region", None)),
        profile=getattr(parsed, "profile", None),
        endpoint_url=getattr(parsed, "endpoint_url", None),
        architectures=cast(tuple[Literal["x86_64", "arm64"], ...], architectures),
        arms=tuple(getattr(parsed, "arm", None) or ()),
        role=getattr(parsed, "role", None),
        max_cost_usd=_usd(getattr(parsed, "max_cost", None)),
        yes=bool(getattr(parsed, "yes", False)),
        method=cast(Literal["version", "environment"], method),
        parallel=_count(getattr(parsed, "parallel", None)),
        pin_runtime=bool(getattr(parsed, "pin_runtime", False)),
        probe=not getattr(parsed, "no_probe", False),
        from_functions=tuple(getattr(parsed, "from_function", None) or ()),
        given=given,
    )


def kept_flags(options: AwsOptions) -> str:
    """What a resumed run must be given again, as flags; its region and method are on record.

    Credentials and account numbers are masked, as wherever something is shown.
    """
    values = [
        ("--profile", options.profile),
        ("--endpoint-url", options.endpoint_url),
        *(("--arm", arm) for arm in options.arms),
        ("--role", options.role),
        ("--parallel", None if options.parallel == _PARALLEL else options.parallel),
    ]
    text = "".join(f" {name} {shlex.quote(str(value))}" for name, value in values if value)
    return Redactor()(text) + (" --pin-runtime" if options.pin_runtime else "")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in (text or "").split(",") if word.strip()))


def _usd(text: str | None) -> float:
    if text is None:
        return _MAX_COST_USD
    try:
        value = float(text.removeprefix("$"))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(f"`--max-cost {text}` is not an amount of US dollars")
    return value


def _count(text: str | None) -> int:
    if text is None:
        return _PARALLEL
    try:
        return whole_number(text, 1, 500)
    except ValueError:
        raise UsageError(f"`--parallel` must be a whole number from 1 to 500: {text}") from None
