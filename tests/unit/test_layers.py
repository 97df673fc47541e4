"""Layers: what they are merged to, and what is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bench.emulator.layers import check, external_extensions, merge
from bench.errors import UsageError


def directory(root: Path, name: str, files: dict[str, str]) -> Path:
    """A layer with these files."""
    for path, text in files.items():
        (root / name / path).parent.mkdir(parents=True, exist_ok=True)
        (root / name / path).write_text(text)
    return root / name


def archive(path: Path, *entries: tuple[str, int, str]) -> Path:
    """A zip file of name, mode and content."""
    with zipfile.ZipFile(path, "w") as file:
        for name, mode, text in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, text)
    return path


@pytest.fixture(name="package")
def _package(tmp_path: Path) -> Path:
    return directory(tmp_path, "package", {"bootstrap": "x"})


def test_a_later_layer_wins(tmp_path: Path, package: Path) -> None:
    """Directories are merged; where two layers have a file, it is that of the last one."""
    first = directory(tmp_path, "first", {"lib/a": "first", "lib/b": "first", "tool": "file"})
    second = directory(tmp_path, "second", {"lib/b": "second", "tool/bin": "directory"})

    opt = merge([first, second], tmp_path / "opt", package=package)

    assert (opt / "lib" / "a").read_text() == "first"
    assert (opt / "lib" / "b").read_text() == "second"
    assert (opt / "tool" / "bin").read_text() == "directory"


def test_a_zip_keeps_modes_and_links(tmp_path: Path, package: Path) -> None:
    """What was executable is, and a symbolic link is one."""
    layer = archive(
        tmp_path / "layer.zip",
        ("bin/tool", 0o100755, "#!/bin/sh\n"),
        ("bin/link", 0o120777, "tool"),
    )

    opt = merge([layer], tmp_path / "opt", package=package)

    assert (opt / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (opt / "bin" / "link").readlink() == Path("tool")


def test_links_of_directories_stay_links(tmp_path: Path, package: Path) -> None:
    """A layer that is a directory may have symbolic links to files and to directories."""
    layer = directory(tmp_path, "layer", {"lib64/a": "a"})
    (layer / "lib").symlink_to("lib64")

    opt = merge([layer], tmp_path / "opt", package=package)

    assert (opt / "lib").readlink() == Path("lib64")
    assert (opt / "lib" / "a").read_text() == "a"


@pytest.mark.parametrize("name", ["../outside", "/outside", "link/outside"])
def test_a_zip_cannot_write_elsewhere(tmp_path: Path, package: Path, name: str) -> None:
    """A path that leads out of the layer is refused, also through a link in it."""
    layer = archive(
        tmp_path / "layer.zip", ("link", 0o120777, str(tmp_path)), (name, 0o100644, "bad")
    )

    with pytest.raises(UsageError, match="a file outside of it"):
        merge([layer], tmp_path / "opt", package=package)
    assert not (tmp_path / "outside").exists()


def test_a_function_has_at_most_five_layers(tmp_path: Path) -> None:
    """Lambda's limit, and what to do about it."""
    with pytest.raises(UsageError, match="at most 5") as error:
        check([tmp_path] * 6)
    assert error.value.hint


@pytest.mark.parametrize("name", ["missing", "text"])
def test_what_is_no_layer_is_refused(tmp_path: Path, name: str) -> None:
    """It has to be a directory or a zip file."""
    (tmp_path / "text").write_text("no zip")

    with pytest.raises(UsageError, match=name):
        check([tmp_path / name])


def test_function_and_layers_have_250_mb_together(tmp_path: Path, package: Path) -> None:
    """Each alone would do; the message has the size, and the hint a command."""
    layer = tmp_path / "layer"
    layer.mkdir()
    for path in (layer / "data", package / "data"):
        with path.open("wb") as file:
            file.truncate(140 * 2**20)

    with pytest.raises(UsageError, match="250 MB") as error:
        merge([layer], tmp_path / "opt", package=package)
    assert "294 MB" in error.value.message
    assert "du" in (error.value.hint or "")


def test_extensions_are_the_executables_of_their_directory(tmp_path: Path) -> None:
    """Other files and directories there are not started; no directory means none."""
    opt = directory(tmp_path, "opt", {"extensions/b": "", "extensions/a": "", "extensions/c/d": ""})
    (opt / "extensions" / "b").chmod(0o755)

    assert external_extensions(opt) == ("b",)
    assert external_extensions(tmp_path) == ()
