"""Deployment packages as sides of a comparison: what is unpacked, and what is refused."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.build import BuildCache
from bench.errors import UsageError
from bench.revisions.package import function_of, package_of, unpack

HANDLER = "def handler(event, context):\n    return {}\n"


def zipped(path: Path, files: Mapping[str, str], mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, content)
    return path


def unpacked(tmp_path: Path, files: Mapping[str, str], mode: int = 0o644) -> Path:
    target = tmp_path / "package"
    target.mkdir()
    unpack(zipped(tmp_path / "package.zip", files, mode), target)
    return target


def test_a_python_package_is_a_python_function(tmp_path: Path) -> None:
    """The usual names of handlers are found in a package as in a directory."""
    function = function_of(unpacked(tmp_path, {"app.py": HANDLER}), None)

    assert (function.id, function.handler) == ("python/package", "app.handler")


def test_a_bootstrap_keeps_its_mode(tmp_path: Path) -> None:
    """Lambda runs what the zip says is executable."""
    tree = unpacked(tmp_path, {"bootstrap": "#!/bin/sh\n"}, 0o755)

    assert tree.joinpath("bootstrap").stat().st_mode & stat.S_IXUSR
    assert function_of(tree, None).runtime == "custom"


def test_an_unusual_handler_can_be_named(tmp_path: Path) -> None:
    """Packages have no place for a `function.toml`, so the command line has."""
    tree = unpacked(tmp_path, {"src/entry.py": "def go(e, c):\n    return 1\n"})

    with pytest.raises(UsageError, match="no function in"):
        function_of(tree, None)
    assert function_of(tree, "src.entry.go").handler == "src.entry.go"


def test_the_package_is_the_tree_file_by_file(tmp_path: Path) -> None:
    """Hidden files and compiled ones are delivered, so they are measured."""
    files = {".hidden/data": "x", "app.py": HANDLER, "__pycache__/app.cpython-311.pyc": "y"}
    tree = unpacked(tmp_path, files)

    package = package_of(tree, BuildCache(tmp_path / "cache"))

    kept = package.directory / "tree"
    assert {str(p.relative_to(kept)) for p in kept.rglob("*") if p.is_file()} == set(files)


@pytest.mark.parametrize("name", ["../escape", "/absolute", "a/../../b"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    """A package may not write where it was not unpacked."""
    target = tmp_path / "target"
    target.mkdir()

    with pytest.raises(UsageError, match="leads out of the package"):
        unpack(zipped(tmp_path / "bad.zip", {name: "x"}), target)
    assert list(tmp_path.rglob("escape")) == []


def test_a_link_is_refused(tmp_path: Path) -> None:
    """What it points at is not part of the package."""
    with pytest.raises(UsageError, match="leads out of the package"):
        unpacked(tmp_path, {"app.py": "/etc/passwd"}, stat.S_IFLNK | 0o777)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_damaged_zip_is_a_mistake(tmp_path: Path, content: bytes) -> None:
    """Exit 2 with a way to check it, and no traceback."""
    path = tmp_path / "damaged.zip"
    path.write_bytes(content)

    with pytest.raises(UsageError, match="not a zip file that can be read") as error:
        unpack(path, tmp_path)
    assert "zipfile --test" in str(error.value.hint)
