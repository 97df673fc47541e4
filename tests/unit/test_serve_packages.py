"""Deployment packages of the endpoint."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from bench.serve.errors import ServiceError
from bench.serve.packages import PackageStore


def archive(name: str, mode: int = 0o755, data: bytes = b"data") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        opened.writestr(member, data)
    return made.getvalue()


def test_modes_of_an_archive_are_kept(tmp_path: Path) -> None:
    """An executable `bootstrap` stays one."""
    tree = PackageStore(tmp_path).add(archive("bootstrap"))

    assert stat.S_IMODE((tree / "bootstrap").stat().st_mode) == 0o755


def test_the_same_archive_is_unpacked_once(tmp_path: Path) -> None:
    """Equal bytes give the same tree."""
    store = PackageStore(tmp_path)

    assert store.add(archive("a")) == store.add(archive("a"))


def test_symbolic_links_are_links(tmp_path: Path) -> None:
    """A member that is a link points where it did."""
    tree = PackageStore(tmp_path).add(archive("link", stat.S_IFLNK | 0o777, b"target"))

    assert (tree / "link").readlink() == Path("target")


@pytest.mark.parametrize("name", ["../outside", "a/../../outside"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    """A path that leads out is refused, and no tree is left."""
    with pytest.raises(ServiceError, match="leads out"):
        PackageStore(tmp_path / "store").add(archive(name))

    assert list((tmp_path / "store").iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    """InvalidParameterValueException, as on AWS."""
    with pytest.raises(ServiceError, match="Could not unzip") as refused:
        PackageStore(tmp_path).add(b"text")

    assert refused.value.code == "InvalidParameterValueException"
