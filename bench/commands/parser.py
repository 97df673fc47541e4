"""The parser of a command: our errors, near misses, and settings named by their table."""

from __future__ import annotations

import argparse
from typing import NoReturn

from bench.commands import COMMANDS
from bench.errors import UnknownName, UsageError
from bench.settings import SETTINGS, Setting


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
    import shutil  # which takes 3 ms that only a help text is worth

    width = min(100, shutil.get_terminal_size().columns)
    return argparse.HelpFormatter(prog, max_help_position=28, width=width)


def _default(setting: Setting) -> str:
    """Word the default of a setting."""
    if setting.default is None:
        return setting.unset
    if isinstance(setting.default, tuple):
        return ",".join(str(item) for item in setting.default) or "none"
    return str(setting.default)
