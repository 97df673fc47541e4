"""The command line: the only place that parses, prints and exits.

``--help``, ``--version`` and no arguments at all are answered before anything is imported: a tool
about start-up time should not be slow to start. For the same reason ``typing`` is not imported.
"""

from __future__ import annotations

import sys

from bench.commands import COMMANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from bench.commands.options import AnyOptions
    from bench.errors import BenchError

_EXIT_INTERNAL = 4
_EXIT_INTERRUPTED = 130
_BOLD_RED, _CYAN, _RESET = "\033[1;31m", "\033[36m", "\033[0m"

_HELP = """\
Measure, explain and optimise AWS Lambda cold starts in Go and Python, on this machine.

Usage: coldbench COMMAND [OPTIONS]

Commands:
{commands}

`coldbench COMMAND --help` shows the options of a command, `coldbench --version` the version.

Examples:
  coldbench run                          this directory's function, or all configured ones
  coldbench run go/hello --variant 's*'  one function, the variants whose names begin with s
  coldbench run path/to/function         any directory with a handler or a `bootstrap`

Exit codes: 0 ok, 1 regression, 2 usage, 3 build failed, 4 measurement failed or unfit,
5 inconclusive (with --strict), 6 incomparable, 130 interrupted (run --resume goes on)
"""


def help_text() -> str:
    """Give the text of ``coldbench --help``."""
    return _HELP.format(commands="\n".join(f"  {n:<8} {s}" for n, s in COMMANDS.items()))


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code; ``argv`` is without the program's name."""
    arguments = sys.argv[1:] if argv is None else argv
    _escape_unencodable()
    if not arguments or arguments[0] in ("-h", "--help"):
        return _print(help_text(), 0)
    if arguments[0] in ("-V", "--version"):
        from bench import __version__

        return _print(f"coldbench {__version__}\n", 0)
    _fill_standard_streams()
    return guarded(arguments, _command)


def _escape_unencodable() -> None:
    """Let a terminal or pipe that is not UTF-8 show what it can, and the rest as ``\\u2026``."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _fill_standard_streams() -> None:
    """Open what the caller has closed (``>&-``), before some other file gets its number."""
    import os

    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != fd:
                os.dup2(null, fd)
                os.close(null)
            os.set_inheritable(fd, True)
            setattr(sys, name, os.fdopen(fd, "r" if fd == 0 else "w", closefd=False))


def guarded(arguments: list[str], command: Callable[[list[str]], tuple[str | bytes, int]]) -> int:
    """Run ``command`` and print its text; every failure becomes advice on stderr and a code."""
    import gc
    import signal

    from bench.errors import BenchError

    def stop(*_: object) -> None:
        # Cleaning up follows and then the end, which an impatient second one must not cut short.
        for signum in before:
            signal.signal(signum, lambda *_: None)
        raise KeyboardInterrupt

    before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}
    for signum in before:
        signal.signal(signum, stop)
    try:
        text, code = command(arguments)
        return _print(text, code)
    except BenchError as error:
        _complain(error, arguments)
        return error.exit_code
    except KeyboardInterrupt:
        _warn("error", "interrupted", arguments)
        return _EXIT_INTERRUPTED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _warn("error", f"{where}{error.strerror or error}", arguments)
        _trace(arguments)
        return _EXIT_INTERNAL
    except UnicodeEncodeError as error:
        advice = _undecodable(error)
        _complain(advice, arguments)
        return advice.exit_code
    except Exception as error:
        _warn("error", f"{type(error).__name__}: {error}", arguments)
        _warn("hint", "this is a bug in coldbench; with `-v` it shows its traceback", arguments)
        _trace(arguments)
        return _EXIT_INTERNAL
    finally:
        gc.enable()
        for signum, handler in before.items():
            # The interpreter's end makes a handler the default one, which kills; not so SIG_IGN.
            came = signal.getsignal(signum) is not stop
            signal.signal(signum, signal.SIG_IGN if came else handler)


def _undecodable(error: UnicodeEncodeError) -> BenchError:
    """Only a file's name or an argument has bytes that are no text, and records are UTF-8."""
    from bench.errors import UsageError

    near = error.object[max(0, error.start - 40) : error.end]
    return UsageError(
        f"a name is not UTF-8: `{near.encode('ascii', 'backslashreplace').decode()}`",
        hint="rename the file or directory",
    )


def _command(arguments: list[str]) -> tuple[str | bytes, int]:
    """Parse one command and execute it: the text for stdout and the exit code."""
    import gc
    from importlib import import_module

    # Collections while modules are imported find nothing, and take 5 % of a start.
    gc.disable()
    from bench.commands.grammar import parser_of
    from bench.errors import UsageError

    command, *rest = arguments
    if command.startswith("-"):
        raise UsageError(
            f"`{command}` is not a command",
            hint="options follow the command, as in `coldbench run --verbose`",
        )
    parser = parser_of(command)
    if "-h" in rest or "--help" in rest:
        return parser.format_help(), 0
    options = _options(command, parser.parse(rest), arguments)
    module = import_module(f"bench.commands.{command}")
    gc.enable()
    text, code = module.execute(options)
    return text, int(code)


def _options(command: str, parsed: argparse.Namespace, arguments: list[str]) -> AnyOptions:
    """Resolve the settings and make the typed options of a command."""
    import os
    import shlex
    import shutil
    from pathlib import Path

    from bench.commands.surroundings import Surroundings, shared_fields
    from bench.config import load_settings

    flags = {
        name.removeprefix("setting_"): value
        for name, value in vars(parsed).items()
        if name.startswith("setting_")
    }
    surroundings = Surroundings(
        settings=load_settings(flags, cwd=Path.cwd(), environ=os.environ),
        cwd=Path.cwd(),
        command=shlex.join(["coldbench", *arguments]),
        environ=os.environ,
        colour=use_colour(parsed.color, os.environ, sys.stdout),
        stderr_colour=use_colour(parsed.color, os.environ, sys.stderr),
        width=shutil.get_terminal_size((100, 24)).columns,
    )
    if command == "invoke":  # which waits for none of the other commands' options
        from bench.commands import invoke_options

        return invoke_options.read(parsed, shared_fields(parsed, surroundings), surroundings.cwd)
    from bench.commands.request import options_of

    return options_of(command, parsed, surroundings)


def use_colour(choice: str, environ: Mapping[str, str], stream: TextIO) -> bool:
    """Decide on colours: ``--color``, then ``NO_COLOR``, then ``FORCE_COLOR``, then the terminal.

    Raises:
        UnknownName: ``choice`` is none of auto, always, never.
    """
    from bench.errors import UnknownName

    if choice not in ("auto", "always", "never"):
        raise UnknownName("colour mode", choice, ("auto", "always", "never"))
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


def _complain(error: BenchError, arguments: list[str]) -> None:
    _warn("error", error.message, arguments)
    if error.hint:
        _warn("hint", error.hint, arguments)


def _warn(kind: str, text: str, arguments: list[str]) -> None:
    """Print one message on stderr; its kind is a word first and a colour second."""
    import os

    choice = "auto"
    for position, word in enumerate(arguments):
        if word in ("--color=always", "--color=never"):
            choice = word.partition("=")[2]
        if word in ("always", "never") and arguments[position - 1] == "--color":
            choice = word
    label = f"{kind}:"
    if use_colour(choice, os.environ, sys.stderr):
        label = f"{_BOLD_RED if kind == 'error' else _CYAN}{label}{_RESET}"
    try:
        print(f"{label} {text}", file=sys.stderr)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _trace(arguments: list[str]) -> None:
    if "-v" in arguments or "--verbose" in arguments:
        import traceback

        traceback.print_exc()


def _print(text: str | bytes, code: int) -> int:
    """Write data to stdout and give ``code``; a reader that left early is not an error."""
    import os

    try:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at exit, which must not fail on the same pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
