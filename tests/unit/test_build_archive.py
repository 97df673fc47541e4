from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from bench.build.archive import tree_bytes, tree_digest, write_zip
from bench.errors import BuildError


def a_tree(root: Path, *, reverse: bool = False) -> Path:
    files = {"bootstrap": b"binary", "data/table.json": b"{}", "app.py": b"pass\n"}
    for name in sorted(files, reverse=reverse):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    (root / "bootstrap").chmod(0o700)
    return root


def test_same_content_gives_the_same_zip(tmp_path: Path) -> None:
    """Neither the order of creation, nor times, nor the umask shows in the bytes."""
    one, two = a_tree(tmp_path / "one"), a_tree(tmp_path / "two", reverse=True)
    (two / "app.py").chmod(0o600)
    os.utime(two / "app.py", (1, 1))

    write_zip(one, tmp_path / "one.zip")
    write_zip(two, tmp_path / "two.zip")

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert tree_digest(one) == tree_digest(two)


def test_entries_have_normal_modes_and_the_first_date(tmp_path: Path) -> None:
    """What is executable gets 0755, the rest 0644, and everything is of 1980."""
    write_zip(a_tree(tmp_path / "tree"), tmp_path / "package.zip")

    with zipfile.ZipFile(tmp_path / "package.zip") as archive:
        entries = archive.infolist()

    assert [(entry.filename, stat.S_IMODE(entry.external_attr >> 16)) for entry in entries] == [
        ("app.py", 0o644),
        ("bootstrap", 0o755),
        ("data/table.json", 0o644),
    ]
    assert {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in entries}
    assert {b""} == {entry.extra for entry in entries}


def test_the_size_of_the_zip_is_that_of_the_file(tmp_path: Path) -> None:
    """The number that is reported is the number of bytes on disk."""
    size = write_zip(a_tree(tmp_path / "tree"), tmp_path / "package.zip")

    assert (tmp_path / "package.zip").stat().st_size == size


def test_unpacked_size_is_the_sum_of_the_files(tmp_path: Path) -> None:
    """Directories and rounding to blocks do not count."""
    assert tree_bytes(a_tree(tmp_path / "tree")) == 6 + 2 + 5


@pytest.mark.parametrize("change", ["content", "name", "mode"])
def test_any_change_changes_the_digest(tmp_path: Path, change: str) -> None:
    """Paths, contents and modes are all part of the digest."""
    tree = a_tree(tmp_path / "tree")
    before = tree_digest(tree)

    match change:
        case "content":
            (tree / "app.py").write_bytes(b"fail\n")
        case "name":
            (tree / "app.py").rename(tree / "apple.py")
        case _:
            (tree / "app.py").chmod(0o755)

    assert before != tree_digest(tree)


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    """A link that leads nowhere is named instead of shipped."""
    tree = a_tree(tmp_path / "tree")
    (tree / "gone").symlink_to("nowhere")

    with pytest.raises(BuildError, match="gone"):
        tree_digest(tree)
