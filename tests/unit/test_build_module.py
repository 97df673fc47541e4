from __future__ import annotations

from pathlib import Path

import pytest
from scripted_tools import a_go_module

from bench.build.module import GoModule, module_root, read_module
from bench.errors import BuildError


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = a_go_module(tmp_path / "functions", "hello", "api")
    library = root / "internal" / "store"
    library.mkdir(parents=True)
    (library / "store.go").write_text("package store\n")
    (root / "hello" / "events").mkdir()
    (root / "hello" / "events" / "hi.json").write_text("{}")
    return root


def read(root: Path) -> GoModule:
    return read_module(root, {})


def digest_after(root: Path, name: str, content: str) -> tuple[str, str]:
    """The digest of `hello` before and after one file got new content."""
    before = read(root).digest_for("hello")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return before, read(root).digest_for("hello")


@pytest.mark.parametrize(
    "name",
    ["hello/main.go", "hello/table.json", "internal/store/store.go", "go.mod", "go.sum"],
)
def test_what_a_build_reads_changes_the_digest(root: Path, name: str) -> None:
    """Own package, embedded data, libraries of the module and pins are inputs."""
    before, after = digest_after(root, name, "package main // edited\n")

    assert before != after


@pytest.mark.parametrize(
    "name",
    [
        "api/main.go",
        "api/data.json",
        "hello/main_test.go",
        "hello/events/hi.json",
        "hello/function.toml",
        "README.md",
        ".git/HEAD",
    ],
)
def test_what_a_build_does_not_read_changes_nothing(root: Path, name: str) -> None:
    """Other programs, tests, events, settings and version control are no inputs."""
    before, after = digest_after(root, name, "package main // edited\n")

    assert before == after


def test_embedded_events_are_inputs(root: Path) -> None:
    """A function that embeds its events depends on them."""
    (root / "hello" / "main.go").write_text(
        'package main\n\nimport _ "embed"\n\n//go:embed events/hi.json\nvar hi []byte\n'
    )

    before, after = digest_after(root, "hello/events/hi.json", '{"a": 1}')

    assert before != after


def test_a_library_with_a_generator_is_no_program(root: Path) -> None:
    """One `package main` file with a build constraint does not make a library a program."""
    generator = "//go:build ignore\n\npackage main\n"
    (root / "internal" / "store" / "generate.go").write_text(generator)

    assert {"hello", "api"} == read(root).programs


def test_a_comment_is_no_package_clause(root: Path) -> None:
    """The words `package main` in a comment do not make a program."""
    text = "/*\npackage main is elsewhere\n*/\npackage store\n"
    (root / "internal" / "store" / "store.go").write_text(text)

    assert {"hello", "api"} == read(root).programs


def test_a_copy_has_what_the_function_needs(root: Path, tmp_path: Path) -> None:
    """The copy of a module has the function and the libraries, and no other function."""
    read(root).stage(["hello"], tmp_path / "copy")

    copied = [p.relative_to(tmp_path / "copy") for p in (tmp_path / "copy").rglob("*.*")]

    assert {Path("go.mod"), Path("hello/main.go"), Path("internal/store/store.go")} == set(copied)


def test_the_module_is_found_above_the_function(root: Path) -> None:
    """The nearest go.mod at or above the function is its module."""
    assert root.resolve() == module_root(root / "hello")


def test_a_function_without_a_module_gets_advice(tmp_path: Path) -> None:
    """Without a go.mod the message names the directory and the hint says how to make one."""
    with pytest.raises(BuildError, match=r"no go\.mod") as caught:
        module_root(tmp_path)

    assert "go mod init" in str(caught.value.hint)


def test_a_replacement_outside_is_an_input(root: Path, tmp_path: Path) -> None:
    """A module that reaches outside is built in place, and depends on what it reaches."""
    other = a_go_module(tmp_path / "library")
    (other / "library.go").write_text("package library\n")
    with (root / "go.mod").open("a") as stream:
        stream.write("replace example.com/library => ../library\n")

    before, after = digest_after(root, "../library/library.go", "package library // edited\n")

    assert read(root).in_place
    assert before != after


def test_a_replacement_inside_is_copied(root: Path, tmp_path: Path) -> None:
    """A nested module that is replaced by a path inside the root belongs to the copy."""
    nested = root / "library"
    nested.mkdir()
    (nested / "go.mod").write_text("module example.com/library\n")
    (nested / "library.go").write_text("package library\n")
    with (root / "go.mod").open("a") as stream:
        stream.write("replace example.com/library => ./library\n")

    read(root).stage(["hello"], tmp_path / "copy")

    assert not read(root).in_place
    assert (tmp_path / "copy" / "library" / "go.mod").is_file()


def test_a_workspace_that_uses_the_module_is_in_effect(root: Path) -> None:
    """A go.work above counts when it lists the module."""
    work = root.parent / "go.work"
    work.write_text("go 1.25\n\nuse (\n\t./functions\n)\n")

    assert work == read(root).workspace
    assert read_module(root, {"GOWORK": "off"}).workspace is None


def test_a_workspace_of_others_is_not_in_effect(root: Path) -> None:
    """A go.work above that does not list the module is left alone."""
    (root.parent / "go.work").write_text("go 1.25\n\nuse ./other\n")

    assert not read(root).in_place


def test_a_run_inside_a_function_changes_nothing(root: Path) -> None:
    """The record and the report of a run lie in its directory, and are no embedded data."""
    before = read(root).digest_for("hello")
    record = root / "hello" / "reports" / "records" / "20260101-000000-abcd"
    record.mkdir(parents=True)
    (record / "record.json").write_text("{}")
    (record / "trials.jsonl").touch()
    (root / "hello" / "reports" / "latest.json").write_text('{"schema": "coldbench/1"}')
    (root / "hello" / "reports" / "latest.md").touch()

    assert before == read(root).digest_for("hello")
