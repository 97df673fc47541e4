from __future__ import annotations

from pathlib import Path

import pytest
from scripted_tools import OK, ScriptedTools, a_function, a_workshop, executable, refused

from bench.build.package import Package
from bench.build.process import Completed
from bench.build.python import build_python
from bench.build.workshop import BuildEvent, Outcome, Workshop
from bench.subjects import FailedBuild, Variant

EAGER = Variant(
    id="eager-source-only", runtime="python", summary="", import_style="eager", bytecode="none"
)
LAZY = Variant(
    id="lazy-source-only", runtime="python", summary="", import_style="lazy", bytecode="none"
)


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    directory = tmp_path / "functions" / "hello"
    directory.mkdir(parents=True)
    (directory / "app.py").write_text("def handler(event, context):\n    return event\n")
    return directory


def install_six(target: Path) -> Completed:
    """What `uv` leaves behind, with the traces of a machine that must not be shipped."""
    (target / "six.py").write_text("# six\n")
    (target / "bin").mkdir()
    (target / "bin" / "six").write_text("#!/home/me/python\n")
    (target / ".lock").touch()
    metadata = target / "six-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: six\n")
    (metadata / "RECORD").write_text("six.py,,\nbin/six,,\nsix-1.0.dist-info/METADATA,,\n")
    return OK


def workshop(
    tmp_path: Path, run: ScriptedTools, events: list[BuildEvent] | None = None
) -> Workshop:
    executable(tmp_path / "bin" / "uv")
    return a_workshop(tmp_path, run, events=events)


def build(directory: Path, tmp_path: Path, run: ScriptedTools, *variants: Variant) -> list[Outcome]:
    function = a_function(directory, "python", handler="app.handler")
    pairs = [(function, variant) for variant in variants or (EAGER,)]
    return list(build_python(pairs, workshop(tmp_path, run)).values())


def names(outcome: Outcome) -> set[str]:
    assert isinstance(outcome, Package)
    tree = outcome.directory / "tree"
    return {p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file()}


def test_only_what_the_function_needs_is_shipped(directory: Path, tmp_path: Path) -> None:
    """Data and modules go along; inputs, tests, settings and leftovers do not."""
    for name in (
        "data/table.json",
        "package/tests/cases.py",
        "events/hi.json",
        "tests/test_app.py",
        "test_app.py",
        "conftest.py",
        "function.toml",
        "pyproject.toml",
        ".env",
        ".venv/pyvenv.cfg",
        "venv/pyvenv.cfg",
        "__pycache__/app.cpython-311.pyc",
    ):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    [outcome] = build(directory, tmp_path, ScriptedTools())

    assert {"app.py", "data/table.json", "package/tests/cases.py"} == names(outcome)


def test_both_import_styles_are_one_package(directory: Path, tmp_path: Path) -> None:
    """Eager and lazy differ in the handler; the package is made once."""
    eager, lazy = build(directory, tmp_path, ScriptedTools(), EAGER, LAZY)

    assert eager == lazy


def test_packages_are_shipped_without_traces_of_this_machine(
    directory: Path, tmp_path: Path
) -> None:
    """Scripts name the local interpreter; they and their records are left out."""
    (directory / "requirements.txt").write_text("six==1.0\n")

    [outcome] = build(directory, tmp_path, ScriptedTools(install=install_six))

    assert {"app.py", "six.py", "six-1.0.dist-info/METADATA", "six-1.0.dist-info/RECORD"} == names(
        outcome
    )
    assert isinstance(outcome, Package)
    record = outcome.directory / "tree" / "six-1.0.dist-info" / "RECORD"
    assert "bin/six" not in record.read_text()


def test_packages_are_installed_for_lambda(directory: Path, tmp_path: Path) -> None:
    """Only wheels, for Lambda's platform, from the function's own requirements."""
    (directory / "requirements.txt").write_text("six==1.0\n")
    run = ScriptedTools(install=install_six)

    build(directory, tmp_path, run)

    [install] = [c for c in run.commands if "install" in c.arguments]
    assert str(directory / "requirements.txt") in install.arguments
    assert {"--only-binary", "--no-compile-bytecode", "--python-platform"} < set(install.arguments)
    assert directory == install.cwd


def test_one_installation_serves_all_functions(directory: Path, tmp_path: Path) -> None:
    """Functions with the same requirements share the installed packages."""
    (directory / "requirements.txt").write_text("six==1.0\n")
    other = directory.with_name("other")
    other.mkdir()
    (other / "app.py").write_text("handler = None\n")
    (other / "requirements.txt").write_text("six==1.0\n")
    run = ScriptedTools(install=install_six)

    build(directory, tmp_path, run)
    build(other, tmp_path, run)

    assert len([c for c in run.commands if "install" in c.arguments]) == 1


def test_an_included_file_is_part_of_the_key(directory: Path, tmp_path: Path) -> None:
    """A change in a file that requirements.txt includes installs again."""
    (directory / "requirements.txt").write_text("-r pins.txt\n")
    (directory / "pins.txt").write_text("six==1.0\n")
    run = ScriptedTools(install=install_six)
    build(directory, tmp_path, run)
    (directory / "pins.txt").write_text("six==1.1\n")

    build(directory, tmp_path, run)

    assert len([c for c in run.commands if "install" in c.arguments]) == 2


def test_dependencies_of_a_project_file_are_installed(directory: Path, tmp_path: Path) -> None:
    """Without requirements.txt the dependencies of pyproject.toml count."""
    (directory / "pyproject.toml").write_text('[project]\ndependencies = ["six==1.0"]\n')

    [outcome] = build(directory, tmp_path, ScriptedTools(install=install_six))

    assert "six.py" in names(outcome)


def test_the_function_wins_over_an_installed_module(directory: Path, tmp_path: Path) -> None:
    """A module of the function replaces an installed one, and the cached one stays as it is."""
    (directory / "requirements.txt").write_text("six==1.0\n")
    (directory / "six.py").write_text("# mine\n")

    [outcome] = build(directory, tmp_path, ScriptedTools(install=install_six))

    assert isinstance(outcome, Package)
    assert (outcome.directory / "tree" / "six.py").read_text() == "# mine\n"
    [cached] = (tmp_path / "cache" / "entries" / "dependencies").iterdir()
    assert (cached / "six.py").read_text() == "# six\n"


def test_a_refused_installation_says_what_uv_said(directory: Path, tmp_path: Path) -> None:
    """The message is uv's own, and the command can be run again."""
    (directory / "requirements.txt").write_text("no-such-package\n")
    run = ScriptedTools(install=lambda _: refused("no-such-package was not found"))

    [outcome] = build(directory, tmp_path, run)

    assert isinstance(outcome, FailedBuild)
    assert "no-such-package was not found" in outcome.message
    assert "pip install --target DIR" in outcome.command
    assert str(directory / "requirements.txt") in outcome.command


def test_a_broken_project_file_is_a_failed_build(directory: Path, tmp_path: Path) -> None:
    """The message names the file that is not valid TOML."""
    (directory / "pyproject.toml").write_text("[project\n")

    [outcome] = build(directory, tmp_path, ScriptedTools())

    assert isinstance(outcome, FailedBuild)
    assert "pyproject.toml" in outcome.message


def test_events_are_no_input(directory: Path, tmp_path: Path) -> None:
    """A new event does not make a new package."""
    [before] = build(directory, tmp_path, ScriptedTools())
    (directory / "events").mkdir()
    (directory / "events" / "hi.json").write_text("{}")

    assert [before] == build(directory, tmp_path, ScriptedTools())


def test_a_package_called_events_is_shipped(directory: Path, tmp_path: Path) -> None:
    """Events are JSON files; a directory with Python in it is a package that is imported."""
    (directory / "events").mkdir()
    (directory / "events" / "__init__.py").touch()

    [outcome] = build(directory, tmp_path, ScriptedTools())

    assert names(outcome) == {"app.py", "events/__init__.py"}


def test_a_linked_directory_is_shipped(directory: Path, tmp_path: Path) -> None:
    """A package shared by functions through a symbolic link is copied into each."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "__init__.py").touch()
    (directory / "shared").symlink_to(tmp_path / "shared")

    [outcome] = build(directory, tmp_path, ScriptedTools())

    assert names(outcome) == {"app.py", "shared/__init__.py"}


def test_a_new_wheel_under_the_same_name_is_installed(directory: Path, tmp_path: Path) -> None:
    """A local file that a requirement names is part of the key."""
    (directory / "requirements.txt").write_text("./wheels/six.whl\n")
    (directory / "wheels").mkdir()
    (directory / "wheels" / "six.whl").write_text("one")
    run = ScriptedTools(install=install_six)
    build(directory, tmp_path, run)
    (directory / "wheels" / "six.whl").write_text("two")

    build(directory, tmp_path, run)

    assert len([c for c in run.commands if "install" in c.arguments]) == 2


def test_an_editable_requirement_is_a_failed_build(directory: Path, tmp_path: Path) -> None:
    """The function fails with advice, and the others go on."""
    (directory / "requirements.txt").write_text("-e ../lib\n")

    [outcome] = build(directory, tmp_path, ScriptedTools())

    assert isinstance(outcome, FailedBuild)
    assert "uv build --wheel" in outcome.message
