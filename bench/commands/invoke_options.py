"""The options of ``coldbench invoke``, apart from those of other commands: it must start fast."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.commands.surroundings import Options
from bench.errors import UnknownName, UsageError
from bench.frozen import dataclass
from bench.functions.manifest import TIMEOUT_MAX_S
from bench.settings import MEMORY_WORDS, parse_memory, whole_number
from bench.subjects import STORAGE_MAX_MB, STORAGE_MIN_MB
from bench.units import parse_seconds

if TYPE_CHECKING:
    from bench.commands.parser import CommandParser
    from bench.subjects import CpuMode

_MAX_REPEAT = 1_000_000
_CPU_MODES = ("on-demand", "provisioned", "snap-start", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeOptions(Options):
    """Options of ``coldbench invoke``."""

    directory: str
    #: A file, ``-``, JSON, or the name of one of the function's events; None = its first event.
    event: str | None = None
    memory_mb: int | None = None
    timeout_s: float | None = None
    repeat: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    variant: str | None = None
    function_name: str | None = None
    #: Directories and zip files, as given; a later one wins.
    layers: tuple[Path, ...] = ()
    #: The size of ``/tmp``; None = Lambda's default, where it can be enforced.
    ephemeral_storage_mb: int | None = None
    #: What the caller hands over besides the event: JSON, JSON, and an X-Ray trace header.
    client_context: str | None = None
    cognito_identity: str | None = None
    trace_id: str | None = None
    #: None = the setting ``cpu``.
    cpu: CpuMode | Literal["snap-start"] | None = None
    log_json: bool = False
    json: bool = False


def declare(parser: CommandParser) -> None:
    """Declare the arguments of ``coldbench invoke``."""
    parser.argument(
        "directory", nargs="?", help="the function's directory, or a zip file; none = this one"
    )
    parser.value(
        "--event",
        metavar="FILE|-|JSON",
        help="a file, `-` for stdin, JSON, the name of one of its events, or a sample: `sqs`, "
        "`s3`, `api-gateway-http`, … [its first event, or the sample of its trigger]",
    )
    parser.value("--memory", metavar="MB", help="memory size [that of the function, or 1769]")
    parser.value("--timeout", metavar="SECONDS", help="timeout [that of the function, or 30]")
    parser.value("--repeat", metavar="N", default="1", help="invoke N times, one environment [1]")
    parser.value(
        "--env", action="append", metavar="NAME=VALUE", help="an environment variable; repeatable"
    )
    parser.value(
        "--layer",
        action="append",
        metavar="DIR|ZIP",
        help="a layer, as in /opt; repeatable, up to 5, a later one wins",
    )
    parser.value(
        "--ephemeral-storage",
        metavar="MB",
        help=f"size of /tmp, {STORAGE_MIN_MB} to {STORAGE_MAX_MB} as on Lambda "
        f"[{STORAGE_MIN_MB} where `doctor` says that it can be limited]",
    )
    parser.value("--variant", metavar="ID", help="which build [the baseline]")
    parser.value("--function-name", metavar="NAME", help="its name [that of the directory]")
    parser.value("--client-context", metavar="JSON", help="the client context of a mobile SDK")
    parser.value("--cognito-identity", metavar="JSON", help="the Cognito identity of the caller")
    parser.value("--trace-id", metavar="HEADER", help="an X-Ray trace: `Root=…;Parent=…;Sampled=…`")
    parser.value("--log-format", metavar="FORMAT", default="text", help="`text` or `json` [text]")
    parser.flag("--json", help="response, error, log, report and phases as JSON")
    parser.value(
        "--cpu",
        metavar="MODE",
        help="when the CPU quota applies: after init (`on-demand`), from the start (`provisioned`) "
        "or never (`none`); `snap-start`: on-demand, with the restore protocol [on-demand]",
    )
    parser.settings("cache")


def read(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> InvokeOptions:
    """The options of ``coldbench invoke``.

    Raises:
        UsageError: an option that does not have the form of its kind.
    """
    if parsed.log_format not in ("text", "json"):
        raise UnknownName("log format", parsed.log_format, ("text", "json"))
    if parsed.cpu not in (None, *_CPU_MODES):
        raise UnknownName("CPU mode", parsed.cpu, _CPU_MODES)
    count = f"a whole number from 1 to {_MAX_REPEAT:,}"
    seconds = f"seconds up to {TIMEOUT_MAX_S}, such as `3` or `0.5`"
    return InvokeOptions(
        **shared,
        directory=parsed.directory or ".",
        event=parsed.event,
        memory_mb=_parsed("--memory", parsed.memory, parse_memory, MEMORY_WORDS),
        timeout_s=_parsed("--timeout", parsed.timeout, _timeout_s, seconds),
        repeat=_parsed("--repeat", parsed.repeat, lambda t: whole_number(t, 1, _MAX_REPEAT), count),
        environment=dict(_variable(text) for text in parsed.env or ()),
        variant=parsed.variant,
        function_name=parsed.function_name,
        ephemeral_storage_mb=_parsed(
            "--ephemeral-storage",
            parsed.ephemeral_storage,
            lambda text: whole_number(text, STORAGE_MIN_MB, STORAGE_MAX_MB),
            f"a whole number of MB from {STORAGE_MIN_MB} to {STORAGE_MAX_MB:,}",
        ),
        layers=tuple(cwd / Path(layer).expanduser() for layer in parsed.layer or ()),
        client_context=_json_option("--client-context", parsed.client_context),
        cognito_identity=_json_option("--cognito-identity", parsed.cognito_identity),
        trace_id=parsed.trace_id,
        cpu=parsed.cpu,
        log_json=parsed.log_format == "json",
        json=parsed.json,
    )


def _parsed(name: str, text: str | None, parse: Callable[[str], Any], words: str) -> Any:
    """The value of an option; None where it was not given."""
    try:
        return None if text is None else parse(text)
    except ValueError:
        raise UsageError(f"`{name}` must be {words}, not `{text}`") from None


def _timeout_s(text: str) -> float:
    seconds = parse_seconds(text)
    if seconds > TIMEOUT_MAX_S:
        raise ValueError(text)
    return seconds


def _json_option(name: str, text: str | None) -> str | None:
    """A JSON object as one line, which is how it travels in a header."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(f"`{name}` is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise UsageError(f"`{name}` must be a JSON object, not `{text[:80]}`")
    return json.dumps(value, separators=(",", ":"))


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"`--env {text}` is not of the form NAME=VALUE")
    return name, value
