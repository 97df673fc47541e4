"""The command line: help, near misses, exit codes, streams and colours."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bench.cli import guarded, help_text, main, use_colour
from bench.commands import COMMANDS
from bench.commands.grammar import parser_of
from bench.commands.options import BuildOptions, RunOptions
from bench.commands.request import options_of
from bench.commands.surroundings import Surroundings
from bench.config import load_settings
from bench.errors import BuildError, MeasurementError, UnknownName, UsageError
from bench.settings import PROJECT_ONLY, SETTINGS

Captured = pytest.CaptureFixture[str]

#: What scripts may call, by contract.
CONTRACT = {
    "run": (
        *("--variant", "--baseline", "--memory", "--event", "--page-cache", "--cpu", "--budget"),
        *("--rounds", "--seed", "--backend", "--out", "--format", "-o", "--strict", "--resume"),
        *("--dry-run", "--smoke", "--all", "--json", "--warm", "-q", "-v", "--fail-on"),
    ),
    "compare": (
        *("--variant", "--memory", "--event", "--page-cache", "--cpu", "--budget", "--rounds"),
        *("--seed", "--backend", "--out", "--format", "-o", "--strict", "--fail-on", "--changed"),
        *("--dry-run", "--smoke", "--json", "--allow-missing", "--handler", "-q", "-v"),
    ),
    "build": ("--variant", "--json"),
    "invoke": (
        *("--event", "--memory", "--timeout", "--repeat", "--env", "--variant", "--function-name"),
        *("--log-format", "--cpu", "--layer", "--client-context", "--trace-id", "--json"),
    ),
    "list": ("--json",),
    "report": ("--format", "-o"),
    "judge": ("--json", "--strict", "--fail-on", "--allow-missing"),
    "doctor": ("--json",),
    "config": ("--json",),
    "serve": ("--port", "--host", "--state"),
    "clean": ("--dry-run", "--run", "--older-than", "--region", "--endpoint-url"),
    "mine": ("--log-group", "--since", "--endpoint-url", "--json"),
    "prices": ("--refresh", "--region", "--json"),
    "trend": ("--anchor", "--measure", "--append", "--no-confirm", "--json"),
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test starts in an empty directory without colours or settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", *(setting.variable for setting in SETTINGS)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_names_every_command(arguments: list[str], capsys: Captured) -> None:
    """No arguments at all are a question, not a mistake."""
    assert main(arguments) == 0
    assert capsys.readouterr().out == help_text()
    assert all(f"\n  {name} " in help_text() for name in COMMANDS)


def test_help_fits_a_terminal() -> None:
    """No line is longer than 100 columns."""
    assert max(map(len, help_text().splitlines())) <= 100


@pytest.mark.parametrize("argument", ["-V", "--version"])
def test_version(argument: str, capsys: Captured) -> None:
    """The version is one line that names the program."""
    assert main([argument]) == 0
    assert capsys.readouterr().out.startswith("coldbench ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_its_options(command: str, capsys: Captured) -> None:
    """The help of a command is data, and shows each option that its parser knows."""
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: coldbench {command}" in shown
    assert [name for name in parser_of(command).options if f"{name}" not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_has_words(command: str) -> None:
    """An option without a help text would be undocumented."""
    parser = parser_of(command)
    silent = [action.dest for action in parser._actions if not action.help]

    assert silent == []


@pytest.mark.parametrize("command", CONTRACT)
def test_the_contract_is_kept(command: str) -> None:
    """Names that scripts call do not go away."""
    assert set(CONTRACT[command]) <= set(parser_of(command).options)


def test_the_contract_knows_every_command() -> None:
    """A new command has to be promised or left out on purpose."""
    assert set(CONTRACT) == set(COMMANDS)


def test_every_setting_is_a_flag_of_run() -> None:
    """But for what describes the project, whatever can be configured can be tried once."""
    flags = {setting.flag for setting in SETTINGS if setting.name not in PROJECT_ONLY}

    assert flags <= set(parser_of("run").options)


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["rnu"], "unknown command `rnu`", "`run`"),
        (["xyz"], "unknown command `xyz`", "run"),
        (["-v", "run"], "`-v` is not a command", "options follow the command"),
        (["run", "--memroy", "128"], "unknown option `--memroy`", "`--memory`"),
        (["run", "--mem", "128"], "unknown option `--mem`", "`--memory`"),
        (["run", "--memory=127"], "from 128 to 10,240, not `127`", ""),
        (["run", "--memory", "10241"], "from 128 to 10,240, not `10241`", ""),
        (["run", "--memory", "lots"], "from 128 to 10,240, not `lots`", ""),
        (["run", "--memory"], "`--memory`: expected one argument", "coldbench run --help"),
        (["run", "--format", "markdwon"], "unknown format `markdwon`", "`markdown`"),
        (["run", "--backend", "lcal"], "unknown backend `lcal`", "`local`"),
        (["run", "--color", "allways"], "unknown colour mode `allways`", "`always`"),
        (["run", "-q", "-v"], "`--quiet` and `--verbose` exclude each other", ""),
        (["run", "--json", "--format", "csv"], "exclude each other", ""),
        (["run", "--fail-on", "slower:5"], "`--fail-on slower:5` is not a rule", "slower:5%"),
        (["run", "--smoke", "--fail-on", "slower"], "`--smoke` gives no verdicts", ""),
        (["compare", "main"], "`compare` needs two revisions", "coldbench compare main WORKTREE"),
        (["run", "--resume", "some-run", "go/hello"], "takes no targets", "--resume some-run"),
        (["run", "--page-cache", "cold"], "must be `warm` or `evicted`, not `cold`", ""),
        (["run", "-o", "."], "`.` is a directory", ""),
        (["run", "-o", "no/such/file"], "there is no directory", ""),
        (["list", "hallo"], "unknown function `hallo`", ""),
        (["list", "--json", "--yaml"], "unknown option `--yaml`", "hint: "),
        (["list"], "no function in", "coldbench run path/to/function"),
        (["report"], "required: RECORD", "coldbench report --help"),
        (["report", "one", "two"], "unexpected argument `two`", ""),
        (["report", "20260101"], "unknown record `20260101`", "no record here"),
        (["config", "here"], "unexpected argument `here`", ""),
    ],
)
def test_a_mistake_on_the_command_line(
    arguments: list[str], message: str, hint: str, capsys: Captured
) -> None:
    """A mistake is told in one line with a way out, on stderr, with exit code 2."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err.splitlines()[0]
    assert hint in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("command", ["list", "build", "run"])
def test_a_directory_without_a_function(command: str, tmp_path: Path, capsys: Captured) -> None:
    """Every command that takes functions says what it looked for, before doing anything."""
    (tmp_path / "empty").mkdir()

    assert main([command, "empty"]) == 2
    assert "looked for an executable `bootstrap`" in capsys.readouterr().err


def test_targets_may_stand_anywhere(tmp_path: Path) -> None:
    """Targets and options mix freely, as in any other tool."""
    parsed = parser_of("run").parse(["a", "--memory", "128", "b", "--smoke", "c"])

    assert parsed.target == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("m", hint="h"), 2),
        (UnknownName("event", "m", ()), 2),
        (UnicodeEncodeError("utf-8", "reports/\udcff", 8, 9, "surrogates not allowed"), 2),
        (BuildError("m"), 3),
        (MeasurementError("m"), 4),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "file"), 4),
        (RuntimeError("m"), 4),
    ],
)
def test_every_failure_has_its_exit_code(error: BaseException, code: int, capsys: Captured) -> None:
    """A failure is one line on stderr and a code, never a traceback."""

    def fail(arguments: list[str]) -> tuple[str, int]:
        raise error

    assert guarded(["run"], fail) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert "Traceback" not in captured.out + captured.err


def test_a_message_has_an_error_and_a_hint_line(capsys: Captured) -> None:
    """What happened and what to try are two lines, each with its word."""

    def fail(arguments: list[str]) -> tuple[str, int]:
        raise UsageError("it is wrong", hint="do it right")

    guarded(["run"], fail)

    assert capsys.readouterr().err == "error: it is wrong\nhint: do it right\n"


def test_a_bug_is_called_one(capsys: Captured) -> None:
    """What nobody expected is our mistake; its traceback is shown on request."""

    def fail(arguments: list[str]) -> tuple[str, int]:
        raise RuntimeError("oops")

    guarded(["run"], fail)
    quiet = capsys.readouterr().err
    guarded(["run", "-v"], fail)
    verbose = capsys.readouterr().err

    assert "this is a bug in coldbench" in quiet
    assert "Traceback" in verbose


def test_text_and_code_of_a_command_pass_through(capsys: Captured) -> None:
    """Data goes to stdout and nothing to stderr."""
    assert guarded(["run"], lambda arguments: ("data\n", 5)) == 5
    assert capsys.readouterr() == ("data\n", "")


@pytest.mark.parametrize(
    ("arguments", "environ", "coloured"),
    [
        ([], {}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
        (["--color=never"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours_of_messages(
    arguments: list[str],
    environ: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """The flag wins over NO_COLOR, which wins over FORCE_COLOR; a pipe is plain."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    main(["run", "--memory", "1", *arguments])

    assert ("\033[" in capsys.readouterr().err) is coloured


@pytest.mark.parametrize(
    ("environ", "coloured"), [({}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)]
)
def test_a_terminal_is_coloured_unless_it_cannot_be(
    environ: dict[str, str], coloured: bool
) -> None:
    """A terminal gets colours, a dumb one does not."""
    assert use_colour("auto", environ, Terminal()) is coloured


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_stream_that_is_not_utf_8_shows_what_it_can(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it cannot show is escaped: a reader's terminal is no bug of ours."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2))
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stderr", err)

    assert main(["run", "--help"]) == 0
    assert main(["list", "\udcff…"]) == 2
    err.flush()

    assert b"MB[,MB" in out.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"error: unknown function `\\udcff" in err.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "variants"),
    [
        (["--variant", "eager,lazy"], ("eager", "lazy")),
        (["--variant", "eager, s*", "--variant", "lazy"], ("eager", "s*", "lazy")),
        (["--variant", ","], (",",)),
        ([], ()),
    ],
)
def test_variants_are_separated_by_commas(
    arguments: list[str], variants: tuple[str, ...], tmp_path: Path
) -> None:
    """As memory sizes and regions are; a list of nothing is no wish for everything."""
    around = Surroundings(
        settings=load_settings({}, cwd=tmp_path, environ={}),
        cwd=tmp_path,
        command="",
        environ={},
        colour=False,
        stderr_colour=False,
        width=100,
    )
    for command in ("run", "build"):
        options = options_of(command, parser_of(command).parse(arguments), around)
        assert isinstance(options, RunOptions | BuildOptions)
        assert options.variants == variants
