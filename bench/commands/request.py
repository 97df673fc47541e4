"""Parsed arguments -> the typed options of a command, with the checks that need no function."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.commands.formats import check_format
from bench.commands.options import (
    AnyOptions,
    BuildOptions,
    ConfigOptions,
    DoctorOptions,
    InvokeOptions,
    JudgeOptions,
    ListOptions,
    ReportOptions,
    RunOptions,
)
from bench.config import Settings
from bench.errors import UnknownName, UsageError
from bench.settings import parse_memory, whole_number
from bench.units import parse_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a command is started in, as opposed to what it is asked for."""

    settings: Settings
    cwd: Path
    command: str
    environ: Mapping[str, str]
    colour: bool
    stderr_colour: bool
    width: int


def options_of(command: str, parsed: argparse.Namespace, around: Surroundings) -> AnyOptions:
    """Make the options of ``command``.

    Raises:
        UnknownName: a format or backend that does not exist.
        UsageError: options that exclude each other.
    """
    if parsed.quiet and parsed.verbose:
        raise UsageError("`--quiet` and `--verbose` exclude each other")
    shared: dict[str, Any] = {
        "settings": around.settings,
        "cwd": around.cwd,
        "command": around.command,
        "verbosity": int(parsed.verbose) - int(parsed.quiet),
        "colour": around.colour,
        "stderr_colour": around.stderr_colour,
        "width": around.width,
    }
    if command == "doctor":
        return DoctorOptions(**shared, environ=around.environ, json=parsed.json)
    return _MAKERS[command](parsed, shared, around.cwd)


def _run(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> RunOptions:
    if parsed.resume is not None and parsed.target:
        raise UsageError(
            "`--resume` goes on with the plan of a run and takes no targets",
            hint=f"`coldbench run --resume {parsed.resume}`",
        )
    if parsed.resume is not None:
        _refuse_new_plan(parsed)
    return RunOptions(
        **shared,
        targets=tuple(parsed.target),
        variants=tuple(parsed.variant or ()),
        baseline=parsed.baseline,
        event=parsed.event,
        backend=_backend(parsed.backend),
        format=_format(parsed),
        output=_output(parsed, cwd),
        strict=parsed.strict,
        resume=parsed.resume,
        dry_run=parsed.dry_run,
        smoke=parsed.smoke,
        everything=parsed.all,
    )


def _refuse_new_plan(parsed: argparse.Namespace) -> None:
    """A resumed run has its plan: options that would shape another one are a mistake."""
    options = ("variant", "baseline", "event", "all", "smoke", "dry_run")
    settings = ("memory", "rounds", "budget", "warm", "seed", "page_cache", "cpu")
    names = [*options, *(f"setting_{name}" for name in settings)]
    given = [name.removeprefix("setting_") for name in names if getattr(parsed, name)]
    if given:
        flag = "--" + given[0].replace("_", "-")
        raise UsageError(
            f"`--resume` goes on with the plan of a run, which `{flag}` cannot change",
            hint=f"leave out `{flag}`, or start a new run",
        )


def _build(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> BuildOptions:
    return BuildOptions(
        **shared,
        targets=tuple(parsed.target),
        variants=tuple(parsed.variant or ()),
        json=parsed.json,
    )


def _invoke(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> InvokeOptions:
    if parsed.log_format not in ("text", "json"):
        raise UnknownName("log format", parsed.log_format, ("text", "json"))
    try:
        memory_mb = None if parsed.memory is None else parse_memory(parsed.memory)
        timeout_s = None if parsed.timeout is None else parse_seconds(parsed.timeout)
        repeat = whole_number(parsed.repeat, 1)
    except ValueError as error:
        words = str(error) or f"`--repeat` must be a whole number, 1 or more: {parsed.repeat}"
        raise UsageError(words) from None
    return InvokeOptions(
        **shared,
        directory=parsed.directory or ".",
        event=parsed.event,
        memory_mb=memory_mb,
        timeout_s=timeout_s,
        repeat=repeat,
        environment=dict(_variable(text) for text in parsed.env or ()),
        variant=parsed.variant,
        function_name=parsed.function_name,
        log_json=parsed.log_format == "json",
        json=parsed.json,
    )


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"`--env {text}` is not of the form NAME=VALUE")
    return name, value


def _list(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ListOptions:
    return ListOptions(**shared, targets=tuple(parsed.target), json=parsed.json)


def _report(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ReportOptions:
    return ReportOptions(
        **shared, record=parsed.record, format=_format(parsed), output=_output(parsed, cwd)
    )


def _judge(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> JudgeOptions:
    return JudgeOptions(**shared, record=parsed.record, json=parsed.json, strict=parsed.strict)


def _config(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ConfigOptions:
    return ConfigOptions(**shared, json=parsed.json)


_MAKERS: dict[str, Callable[[argparse.Namespace, Mapping[str, Any], Path], AnyOptions]] = {
    "run": _run,
    "build": _build,
    "invoke": _invoke,
    "list": _list,
    "report": _report,
    "judge": _judge,
    "config": _config,
}


def _format(parsed: argparse.Namespace) -> str:
    if parsed.json and parsed.format not in ("text", "json"):
        raise UsageError(f"`--json` and `--format {parsed.format}` exclude each other")
    return "json" if parsed.json else check_format(parsed.format)


def _output(parsed: argparse.Namespace, cwd: Path) -> Path | None:
    """Where ``-o`` points; ``-`` is stdout, which is the default."""
    if parsed.output in (None, "-"):
        return None
    path = cwd / Path(parsed.output).expanduser()
    if path.is_dir():
        raise UsageError(f"`{parsed.output}` is a directory", hint="name a file in it")
    if not path.parent.is_dir():
        raise UsageError(f"there is no directory `{path.parent}` to write a report to")
    return path


def _backend(name: str) -> Literal["local"]:
    if name != "local":
        raise UnknownName("backend", name, ("local",))
    return "local"
