"""Requirements and the local files that they resolve to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.build.requirements import Requirements, requirements_of
from bench.errors import BuildError


@pytest.fixture(name="function")
def _function(tmp_path: Path) -> Path:
    directory = tmp_path / "project" / "function"
    directory.mkdir(parents=True)
    return directory


def read(function: Path, **environ: str) -> Requirements:
    requirements = requirements_of(function, environ)
    assert requirements is not None
    return requirements


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("./w/x-1-py3-none-any.whl", "w/x-1-py3-none-any.whl"),
        ("x-1-py3-none-any.whl", "x-1-py3-none-any.whl"),
        ("../x.whl ; python_version > '3'", "../x.whl"),
        ("../x.whl[extra]  # ours", "../x.whl"),
        ("x @ file:../x.whl", "../x.whl"),
        ("x[extra] @ ../x.whl#sha256=0", "../x.whl"),
        ("x @ file://${PROJECT_ROOT}/w/x%201.whl", "w/x 1.whl"),
        ("x @ ${WHEELS}/x.whl", "w/x.whl"),
        ("--find-links ./wheels", "wheels/x.whl"),
        ("--find-links=wheels", "wheels/x.whl"),
        ("-f wheels", "wheels/deep/x.whl"),
        ("--extra-index-url file:simple", "simple/x/index.html"),
        ("-r other.txt", "other.txt"),
        ("-rother.txt", "other.txt"),
        ("--requirement=other.txt", "other.txt"),
        ("-c constraints.txt", "constraints.txt"),
        ("-c \\\n  constraints.txt", "constraints.txt"),
    ],
)
def test_a_local_file_is_part_of_what_is_asked_for(function: Path, line: str, file: str) -> None:
    """New content under the same name is another installation."""
    (function / "requirements.txt").write_text(f"six==1.0\n{line}\n")
    path = function / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# one\n")
    before = read(function, WHEELS="w")
    path.write_text("# two\n")

    assert before.contents != read(function, WHEELS="w").contents


def test_what_an_included_file_names_counts(function: Path) -> None:
    """Its paths are below the function for requirements, as uv takes them."""
    (function / "requirements.txt").write_text("-r more/other.txt\n")
    (function / "more").mkdir()
    (function / "more" / "other.txt").write_text("./x.whl\n")
    (function / "x.whl").write_text("one")
    before = read(function)
    (function / "x.whl").write_text("two")

    assert before.contents != read(function).contents


def test_names_of_packages_are_no_paths(function: Path) -> None:
    """A directory that happens to be called like a requirement is not looked at."""
    (function / "requirements.txt").write_text("six==1.0 --hash=sha256:00\nhttps://h/x.whl\n")
    (function / "six").mkdir()
    (function / "six" / "file").touch()

    assert [name for name, _ in read(function).contents] == ["requirements.txt"]


@pytest.mark.parametrize("line", ["-e ../lib", "--editable=../lib", "-e../lib"])
def test_an_editable_installation_is_refused(function: Path, line: str) -> None:
    """Its package would hold a path of this machine; the hint is a wheel."""
    (function / "requirements.txt").write_text(f"{line}\n")

    with pytest.raises(BuildError, match=r"`\.\./lib` in .*requirements\.txt.* editable") as error:
        read(function)

    assert "uv build --wheel -o wheels ../lib" in str(error.value.hint)


def test_sources_of_a_project_file_count(function: Path) -> None:
    """A wheel that `[tool.uv.sources]` names is part of what is asked for."""
    (function / "pyproject.toml").write_text(
        '[project]\ndependencies = ["my-lib>=1"]\n[tool.uv.sources]\nmy_lib = {path = "x.whl"}\n'
    )
    (function / "x.whl").write_text("one")
    before = read(function)
    (function / "x.whl").write_text("two")

    assert before.contents != read(function).contents


@pytest.mark.parametrize("source", ['{path = "../lib", editable = true}', "{workspace = true}"])
def test_an_editable_source_of_a_project_file_is_refused(function: Path, source: str) -> None:
    """It is no better there than in a requirements file."""
    (function / "pyproject.toml").write_text(
        f'[project]\ndependencies = ["lib"]\n[tool.uv.sources]\nlib = {source}\n'
    )

    with pytest.raises(BuildError, match="editable installation"):
        read(function)


def test_a_file_that_is_missing_is_named(function: Path) -> None:
    """An include that cannot be read is told before uv is asked."""
    (function / "requirements.txt").write_text("-r nowhere.txt\n")

    with pytest.raises(BuildError, match=r"nowhere\.txt"):
        read(function)
