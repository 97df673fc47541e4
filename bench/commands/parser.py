"""The grammar of each command. Options that are settings take name and help from their table."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from typing import NoReturn

from bench.commands import COMMANDS
from bench.errors import UnknownName, UsageError
from bench.settings import PROJECT_ONLY, SETTINGS, Setting

_TARGET_HELP = (
    "function id (`go/hello`), name (`hello`), directory or glob; "
    "none = this directory if it is a function, else all"
)


class CommandParser(argparse.ArgumentParser):
    """A parser that raises our errors, knows near misses, and never prints or exits."""

    def __init__(self, command: str) -> None:
        super().__init__(
            prog=f"coldbench {command}",
            description=COMMANDS[command],
            add_help=False,
            allow_abbrev=False,
            exit_on_error=False,
            formatter_class=_formatter,
        )
        self.options: list[str] = []
        self.positionals = self.add_argument_group("arguments")
        self.section = self.add_argument_group("options")

    def argument(self, name: str, *, nargs: str | None = None, help: str) -> None:  # noqa: A002
        """Declare a positional argument."""
        self.positionals.add_argument(name, nargs=nargs, help=help, metavar=name.upper())

    def flag(self, *names: str, help: str) -> None:  # noqa: A002
        """Declare an option without a value."""
        self.options += names
        self.section.add_argument(*names, action="store_true", help=help)

    def value(
        self,
        *names: str,
        help: str,  # noqa: A002
        metavar: str,
        action: str = "store",
        default: str | None = None,
    ) -> None:
        """Declare an option with a value; values stay text, their meaning is checked later."""
        self.options += names
        self.section.add_argument(
            *names, help=help, metavar=metavar, action=action, default=default
        )

    def settings(self, *names: str) -> None:
        """Declare the flags of settings, stored under ``setting_NAME``."""
        self.section = self.add_argument_group("settings")
        for setting in (s for s in SETTINGS if s.name in names):
            self.options.append(setting.flag)
            self.section.add_argument(
                setting.flag,
                dest=f"setting_{setting.name}",
                metavar=setting.metavar,
                help=f"{setting.help} [{_default(setting)}]".replace("%", "%%"),
            )

    def parse(self, arguments: list[str]) -> argparse.Namespace:
        """Parse what follows the command.

        Raises:
            UnknownName: an option that does not exist, with the nearest ones.
            UsageError: a missing value or argument, or one too many.
        """
        try:
            namespace, extra = self.parse_known_intermixed_args(arguments)
        except argparse.ArgumentError as error:
            self.error(f"`{error.argument_name}`: {error.message}")
        for word in extra:
            if word.startswith("-") and word != "-":
                raise UnknownName("option", word.partition("=")[0], self.options)
            self.error(f"unexpected argument `{word}`")
        return namespace

    def error(self, message: str) -> NoReturn:
        """Report what argparse found wrong, in our form."""
        raise UsageError(message, hint=f"`{self.prog} --help` shows all arguments")


def _formatter(prog: str) -> argparse.HelpFormatter:
    width = min(100, shutil.get_terminal_size().columns)
    return argparse.HelpFormatter(prog, max_help_position=28, width=width)


def _default(setting: Setting) -> str:
    """Word the default of a setting."""
    if setting.default is None:
        return setting.unset
    if isinstance(setting.default, tuple):
        return ",".join(str(item) for item in setting.default) or "none"
    return str(setting.default)


def _run(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.value(
        "--variant", action="append", metavar="GLOB", help="only these variants; repeatable"
    )
    parser.value("--baseline", metavar="ID", help="the variant that the others are compared with")
    parser.value(
        "--event", metavar="NAME|FILE", help="only this event, or a JSON file as the event"
    )
    parser.value("--backend", metavar="NAME", default="local", help="where trials run: `local`")
    parser.flag("--all", help="measure every cell, also those left out by default to save time")
    parser.flag("--smoke", help="one trial of each cell to see that it works; no verdicts")
    parser.flag("--dry-run", help="show what would be measured and how long it would take")
    # An optional value, so not a `value`.
    parser.options.append("--resume")
    parser.section.add_argument(
        "--resume",
        nargs="?",
        const="latest",
        metavar="RUN_ID",
        help="go on with an interrupted run; without RUN_ID the latest",
    )
    parser.flag("--strict", help="exit 5 when a verdict is inconclusive")
    _format(parser)
    parser.flag("--json", help="short for `--format json`")
    parser.settings(*(s.name for s in SETTINGS if s.name not in PROJECT_ONLY))


def _invoke(parser: CommandParser) -> None:
    parser.argument("directory", nargs="?", help="the function's directory; none = this one")
    parser.value(
        "--event",
        metavar="FILE|-|JSON",
        help="a file, `-` for stdin, JSON, or an event's name [the function's first event]",
    )
    parser.value("--memory", metavar="MB", help="memory size [that of the function, or 1769]")
    parser.value("--timeout", metavar="SECONDS", help="timeout [that of the function, or 30]")
    parser.value("--repeat", metavar="N", default="1", help="invoke N times, one environment [1]")
    parser.value(
        "--env", action="append", metavar="NAME=VALUE", help="an environment variable; repeatable"
    )
    parser.value("--variant", metavar="ID", help="which build [the baseline]")
    parser.value("--function-name", metavar="NAME", help="its name [that of the directory]")
    parser.value("--log-format", metavar="FORMAT", default="text", help="`text` or `json` [text]")
    parser.flag("--json", help="response, error, log, report and phases as JSON")
    parser.settings("cache", "cpu")


def _build(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.value(
        "--variant", action="append", metavar="GLOB", help="only these variants; repeatable"
    )
    parser.flag("--json", help="print JSON")
    parser.settings("cache")


def _list(parser: CommandParser) -> None:
    parser.argument("target", nargs="*", help=_TARGET_HELP)
    parser.flag("--json", help="print JSON")


def _report(parser: CommandParser) -> None:
    _record(parser)
    _format(parser)
    parser.flag("--json", help="short for `--format json`")
    parser.settings("out", "margin", "confidence")


def _judge(parser: CommandParser) -> None:
    _record(parser)
    parser.flag("--strict", help="exit 5 when a verdict is inconclusive")
    parser.flag("--json", help="print JSON")
    parser.settings("out", "margin", "confidence")


def _doctor(parser: CommandParser) -> None:
    parser.flag("--json", help="print JSON")
    parser.settings("out", "cache")


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


_GRAMMARS: dict[str, Callable[[CommandParser], None]] = {
    "run": _run,
    "build": _build,
    "invoke": _invoke,
    "list": _list,
    "report": _report,
    "judge": _judge,
    "doctor": _doctor,
    "config": _config,
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
