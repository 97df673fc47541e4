"""The grammar of each command."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from bench.commands import COMMANDS
from bench.commands.parser import CommandParser
from bench.errors import UnknownName
from bench.settings import PROJECT_ONLY, SETTINGS

_TARGET_HELP = (
    "function id (`go/hello`), name (`hello`), directory or glob; "
    "none = this directory if it is a function, else all"
)
_VARIANT_HELP = "only these variants; repeatable"


def _run(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.value("--variant", action="append", metavar="GLOB[,GLOB…]", help=_VARIANT_HELP)
    parser.value("--baseline", metavar="ID", help="the variant that the others are compared with")
    _measured(parser)
    parser.flag("--all", help="measure every cell, also those left out by default to save time")
    # An optional value, so not a `value`.
    parser.options.append("--resume")
    parser.section.add_argument(
        "--resume",
        nargs="?",
        const="latest",
        metavar="RUN_ID",
        help="go on with an interrupted run; without RUN_ID the latest",
    )
    _concluded(parser)
    _aws_options().declare_run(parser)


def _compare(parser: CommandParser) -> None:
    parser.argument(
        "rev_a",
        nargs="?",
        help="the baseline: a git revision, `WORKTREE` (uncommitted work), a directory or a "
        "deployment package (zip)",
    )
    parser.argument("rev_b", nargs="?", help="the candidate, likewise")
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.value(
        "--variant",
        action="append",
        metavar="GLOB[,GLOB…]",
        help="compare these builds, not the baseline of each runtime; repeatable",
    )
    parser.flag("--changed", help="only functions whose files differ between the revisions")
    parser.value(
        "--handler", metavar="NAME", help="the handler in zip files, such as `app.handler`"
    )
    _measured(parser)
    parser.flag("--allow-missing", help="let functions pass that only one revision has")
    _concluded(parser)


def _aws_options() -> ModuleType:
    """The options for AWS, imported by the commands that have them only."""
    from bench.commands import aws_options

    return aws_options


def _measured(parser: CommandParser) -> None:
    parser.value(
        "--event", metavar="NAME|FILE", help="only this event, or a JSON file as the event"
    )
    parser.value(
        "--backend", metavar="NAME", default="local", help="where trials run: `local` or `aws`"
    )
    parser.flag("--smoke", help="one trial of each cell to see that it works; no verdicts")
    parser.flag("--dry-run", help="show what would be measured and how long it would take")


def _concluded(parser: CommandParser) -> None:
    _demands(parser)
    _format(parser)
    parser.flag("--json", help="short for `--format json`")
    parser.settings(*(s.name for s in SETTINGS if s.name not in PROJECT_ONLY))


def _demands(parser: CommandParser) -> None:
    parser.value(
        "--fail-on",
        action="append",
        metavar="RULE",
        help="exit 1 when `slower:5%%` or `larger:1%%` than the baseline; repeatable",
    )
    parser.flag("--strict", help="exit 5 when a verdict is inconclusive")


def _invoke(parser: CommandParser) -> None:
    from bench.commands import invoke_options

    invoke_options.declare(parser)


def _build(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.value("--variant", action="append", metavar="GLOB[,GLOB…]", help=_VARIANT_HELP)
    parser.flag("--json", help="print JSON")
    parser.settings("cache")


def _list(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.flag("--json", help="print JSON")


def _report(parser: CommandParser) -> None:
    _record(parser)
    parser.value(
        "--beside",
        metavar="RECORD",
        help="both runs in one table, such as one on this machine and one on AWS",
    )
    _format(parser)
    parser.flag("--json", help="short for `--format json`")
    parser.settings("out", "margin", "confidence")


def _judge(parser: CommandParser) -> None:
    _record(parser)
    _demands(parser)
    parser.flag("--allow-missing", help="let functions pass that only one revision has")
    parser.flag("--json", help="print JSON")
    parser.settings("out", "margin", "confidence")


def _trend(parser: CommandParser) -> None:
    from bench.commands import trend_options

    trend_options.declare(parser, _TARGET_HELP)


def _doctor(parser: CommandParser) -> None:
    parser.flag("--json", help="print JSON")
    parser.settings("out", "cache")


def _serve(parser: CommandParser) -> None:
    parser.value("--port", metavar="N", default="4566", help="0 takes a free one [4566]")
    parser.value("--host", metavar="ADDRESS", default="127.0.0.1", help="[127.0.0.1]")
    parser.value("--state", metavar="DIR", help="keep functions there over restarts [not kept]")
    parser.value(
        "--concurrency",
        metavar="N",
        default="1000",
        help="concurrent executions of an account and region [1000]",
    )
    parser.value(
        "--idle", metavar="SECONDS", default="300", help="when an idle environment ends [300]"
    )
    parser.value(
        "--retry-delays",
        metavar="S,S",
        default="1,2",
        help="before the retries of a failed asynchronous invoke; 60,120 on AWS [1,2]",
    )
    parser.settings("cache", "cpu")


def _config(parser: CommandParser) -> None:
    parser.flag("--json", help="print JSON")


def _record(parser: CommandParser) -> None:
    parser.argument("record", help="run id, directory of a record, or its `record.json`")


def _format(parser: CommandParser) -> None:
    from bench.commands.formats import FORMATS

    parser.value(
        "--format", metavar="F", default="text", help=f"form of the report: {', '.join(FORMATS)}"
    )
    parser.value("-o", "--output", metavar="FILE", help="write the report there, not to stdout")


def _shared(parser: CommandParser) -> None:
    parser.section = parser.add_argument_group("shared options")
    parser.value(
        "--color", metavar="WHEN", default="auto", help="`auto`, `always` or `never` [auto]"
    )
    parser.flag("-q", "--quiet", help="no progress on stderr")
    parser.flag("-v", "--verbose", help="say more on stderr; tracebacks of internal errors")
    parser.flag("-h", "--help", help="show this help")


def _clean(parser: CommandParser) -> None:
    _aws_options().declare_place(parser)
    parser.flag("--all-regions", help="look into every region that has Lambda")
    parser.value("--run", metavar="RUN_ID", help="only what this run has left")
    parser.value("--older-than", metavar="AGE", help="only what is older, such as `1d` or `6h`")
    parser.flag("--dry-run", help="show what would be deleted")
    parser.settings("out")


def _mine(parser: CommandParser) -> None:
    parser.argument("file", nargs="*", help="saved logs, plain or gzip; `-` is stdin")
    parser.value("--log-group", action="append", metavar="G", help="a log group; repeatable")
    parser.value("--since", metavar="AGE", default="7d", help="how far back [7d]")
    parser.value(
        "--method",
        metavar="M",
        default="insights",
        help="`insights` (Logs Insights, charged by GB) or `events` (slower, free) [insights]",
    )
    parser.flag("--xray", help="add the init subsegments of X-Ray traces")
    _aws_options().declare_place(parser)
    parser.flag("--json", help="print JSON, not Markdown")
    parser.settings("cache")


def _prices(parser: CommandParser) -> None:
    parser.flag("--refresh", help="ask the AWS Price List API, and keep its answer")
    _aws_options().declare_place(parser)
    parser.flag("--json", help="print JSON")
    parser.settings("cache")


_GRAMMARS: dict[str, Callable[[CommandParser], None]] = {
    "run": _run,
    "compare": _compare,
    "build": _build,
    "invoke": _invoke,
    "list": _list,
    "report": _report,
    "judge": _judge,
    "trend": _trend,
    "doctor": _doctor,
    "config": _config,
    "clean": _clean,
    "mine": _mine,
    "prices": _prices,
    "serve": _serve,
}


def parser_of(command: str) -> CommandParser:
    """Build the parser of one command.

    Raises:
        UnknownName: there is no such command; with the nearest ones.
    """
    if command not in _GRAMMARS:
        raise UnknownName("command", command, COMMANDS)
    parser = CommandParser(command)
    _GRAMMARS[command](parser)
    _shared(parser)
    return parser
