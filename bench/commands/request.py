"""Parsed arguments -> the typed options of a command, with the checks that need no function."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from bench.commands.aws_options import AwsOptions
from bench.commands.aws_options import read as read_aws
from bench.commands.formats import check_format
from bench.commands.invoke_options import read as read_invoke
from bench.commands.options import (
    AnyOptions,
    BuildOptions,
    CleanOptions,
    CompareOptions,
    ConfigOptions,
    DoctorOptions,
    JudgeOptions,
    ListOptions,
    MineOptions,
    PricesOptions,
    ReportOptions,
    RunOptions,
    ServeOptions,
)
from bench.commands.surroundings import Surroundings as Surroundings
from bench.commands.surroundings import shared_fields
from bench.commands.trend_options import read as read_trend
from bench.errors import UnknownName, UsageError
from bench.model import Demands
from bench.rules import parse_rule
from bench.settings import whole_number
from bench.units import parse_seconds

_Value = TypeVar("_Value")


def options_of(command: str, parsed: argparse.Namespace, around: Surroundings) -> AnyOptions:
    """Make the options of ``command``.

    Raises:
        UnknownName: a format or backend that does not exist.
        UsageError: options that exclude each other.
    """
    shared = shared_fields(parsed, around)
    if command == "doctor":
        return DoctorOptions(**shared, json=parsed.json)
    return _MAKERS[command](parsed, shared, around.cwd)


def _run(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> RunOptions:
    if parsed.resume is not None and parsed.target:
        raise UsageError(
            "`--resume` goes on with the plan of a run and takes no targets",
            hint=f"`coldbench run --resume {parsed.resume}`",
        )
    if parsed.resume is not None:
        _refuse_new_plan(parsed)
    return RunOptions(**_run_fields(parsed, shared, cwd), resume=parsed.resume)


def _compare(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> CompareOptions:
    if parsed.rev_a is None or parsed.rev_b is None:
        raise UsageError(
            "`compare` needs two revisions",
            hint="for example `coldbench compare main WORKTREE`",
        )
    return CompareOptions(
        **_run_fields(parsed, shared, cwd),
        baseline_revision=parsed.rev_a,
        candidate_revision=parsed.rev_b,
        changed=parsed.changed,
        handler=parsed.handler,
    )


def _run_fields(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> dict[str, Any]:
    """What ``run`` and ``compare`` have in common."""
    if parsed.smoke and parsed.fail_on:
        raise UsageError(
            "`--smoke` gives no verdicts, so `--fail-on` can hold it to nothing",
            hint="leave out one of them",
        )
    return dict(
        **shared,
        targets=tuple(parsed.target),
        variants=_variants(parsed.variant or ()),
        baseline=getattr(parsed, "baseline", None),
        event=parsed.event,
        backend=_backend(parsed.backend),
        aws=_aws(parsed),
        format=_format(parsed),
        output=_output(parsed, cwd),
        demands=_demands(parsed),
        dry_run=parsed.dry_run,
        smoke=parsed.smoke,
        everything=getattr(parsed, "all", False),
    )


def _variants(given: Iterable[str]) -> tuple[str, ...]:
    """Globs of variants, each of which may be a list with commas; a mere comma is kept as it is."""
    lists = ([part.strip() for part in text.split(",") if part.strip()] or [text] for text in given)
    return tuple(itertools.chain.from_iterable(lists))


def _demands(parsed: argparse.Namespace) -> Demands:
    return Demands(
        fail_on=tuple(parse_rule(text).text for text in parsed.fail_on or ()),
        strict=parsed.strict,
        allow_missing=getattr(parsed, "allow_missing", False),
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
        variants=_variants(parsed.variant or ()),
        json=parsed.json,
    )


def _list(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ListOptions:
    return ListOptions(**shared, targets=tuple(parsed.target), json=parsed.json)


def _report(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ReportOptions:
    return ReportOptions(
        **shared,
        record=parsed.record,
        beside=parsed.beside,
        format=_format(parsed),
        output=_output(parsed, cwd),
    )


def _judge(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> JudgeOptions:
    return JudgeOptions(**shared, record=parsed.record, json=parsed.json, demands=_demands(parsed))


def _config(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ConfigOptions:
    return ConfigOptions(**shared, json=parsed.json)


def _serve(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> ServeOptions:
    port = _value("--port", parsed.port, "a port from 0 to 65535", _port)
    concurrency = _value("--concurrency", parsed.concurrency, "a whole number from 1 on", _count)
    duration = "a duration such as `90`, `2m` or `500ms`"
    idle_s = _value("--idle", parsed.idle, duration, parse_seconds)
    delays = _value("--retry-delays", parsed.retry_delays, "durations such as `1,2`", _durations)
    return ServeOptions(
        **shared,
        host=parsed.host,
        port=port,
        state=None if parsed.state is None else cwd / Path(parsed.state).expanduser(),
        concurrency=concurrency,
        idle_s=idle_s,
        retry_delays_s=delays,
    )


def _value(option: str, text: str, form: str, read: Callable[[str], _Value]) -> _Value:
    try:
        return read(text)
    except ValueError:
        raise UsageError(
            f"`{option} {text}` is not {form}", hint="`coldbench serve --help` shows the forms"
        ) from None


def _port(text: str) -> int:
    return whole_number(text, 0, 65_535)


def _count(text: str) -> int:
    return whole_number(text, 1)


def _durations(text: str) -> tuple[float, ...]:
    return tuple(parse_seconds(part) for part in text.split(",") if part)


def _clean(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> CleanOptions:
    return CleanOptions(
        **shared,
        aws=read_aws(parsed),
        dry_run=parsed.dry_run,
        run=parsed.run,
        older_than_s=None if parsed.older_than is None else _age(parsed.older_than, "older-than"),
        all_regions=parsed.all_regions,
    )


def _mine(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> MineOptions:
    if parsed.method not in ("insights", "events"):
        raise UnknownName("method", parsed.method, ("insights", "events"))
    if bool(parsed.file) == bool(parsed.log_group):
        raise UsageError(
            "`mine` reads either saved logs or log groups",
            hint="`coldbench mine FILE.gz`, `coldbench mine -` or `coldbench mine --log-group G`",
        )
    return MineOptions(
        **shared,
        aws=read_aws(parsed),
        files=tuple(parsed.file),
        log_groups=tuple(parsed.log_group or ()),
        since_s=_age(parsed.since, "since"),
        method=parsed.method,
        xray=parsed.xray,
        json=parsed.json,
    )


def _prices(parsed: argparse.Namespace, shared: Mapping[str, Any], cwd: Path) -> PricesOptions:
    return PricesOptions(**shared, aws=read_aws(parsed), refresh=parsed.refresh, json=parsed.json)


def _age(text: str, flag: str) -> float:
    """``7d``, ``12h``, ``30m`` in seconds."""
    try:
        if text.endswith("d"):
            return 24 * parse_seconds(f"{text[:-1]}h")
        return parse_seconds(text)
    except ValueError:
        raise UsageError(f"`--{flag} {text}` is not a time such as `12h` or `7d`") from None


_MAKERS: dict[str, Callable[[argparse.Namespace, Mapping[str, Any], Path], AnyOptions]] = {
    "run": _run,
    "compare": _compare,
    "build": _build,
    "invoke": read_invoke,
    "list": _list,
    "report": _report,
    "judge": _judge,
    "trend": read_trend,
    "config": _config,
    "clean": _clean,
    "mine": _mine,
    "prices": _prices,
    "serve": _serve,
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


def _backend(name: str) -> Literal["local", "aws"]:
    if name == "local":
        return "local"
    if name == "aws":
        return "aws"
    raise UnknownName("backend", name, ("local", "aws"))


def _aws(parsed: argparse.Namespace) -> AwsOptions:
    """Options for real Lambda; with a resumed run, its record says whether they are needed."""
    options = read_aws(parsed)
    if parsed.backend == "aws" and hasattr(parsed, "rev_a"):
        raise UsageError(
            "`compare` measures on this machine only",
            hint="build both revisions as variants, and `coldbench run --backend aws`",
        )
    if options.given and parsed.backend != "aws" and not getattr(parsed, "resume", None):
        flag = "--" + options.given[0].replace("_", "-")
        raise UsageError(f"`{flag}` is for real Lambda", hint=f"`--backend aws {flag} …`")
    return options
