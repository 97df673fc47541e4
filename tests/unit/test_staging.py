from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from plans import a_cell, a_plan

from bench.build.archive import tree_digest
from bench.errors import MeasurementError
from bench.session.schedule import SLOTS
from bench.session.staging import stage
from bench.subjects import Artifact


def _artifacts(tmp_path: Path, *variants: str) -> dict[tuple[str, str], Artifact]:
    tree = tmp_path / "tree"
    (tree / "package").mkdir(parents=True)
    (tree / "bootstrap").write_text("#!/bin/sh\n")
    (tree / "bootstrap").chmod(0o755)
    (tree / "package" / "data").write_text("data")
    return {
        ("go/hello", variant): Artifact(
            function="go/hello",
            variant=variant,
            digest=tree_digest(tree),
            zip_path=tmp_path / "zip",
            tree_path=tree,
            handler="bootstrap",
            zip_bytes=1,
            unpacked_bytes=1,
            binary_bytes=1,
            toolchain={},
            recipe="",
        )
        for variant in variants
    }


def test_every_arm_has_its_own_fresh_copies(tmp_path: Path) -> None:
    """No two copies share a file, and all of them have content and modes of the package."""
    artifacts = _artifacts(tmp_path, "default", "stripped")

    with stage(a_plan(), artifacts, tmp_path / "stage") as staging:
        assert set(staging.copies) == {
            ("go/hello", "default", "variant"),
            ("go/hello", "default", "aa"),
            ("go/hello", "stripped", "variant"),
        }
        programs = [c / "bootstrap" for copies in staging.copies.values() for c in copies]
        assert len({p.stat().st_ino for p in programs}) == 3 * SLOTS
        assert {p.stat().st_mode & 0o777 for p in programs} == {0o755}
        assert {(p.parent / "package" / "data").read_text() for p in programs} == {"data"}


def test_copies_are_deleted_at_the_end(tmp_path: Path) -> None:
    """Nothing is left in the staging directory."""
    with stage(a_plan(), _artifacts(tmp_path, "default", "stripped"), tmp_path / "stage"):
        pass

    assert list((tmp_path / "stage").iterdir()) == []


def test_untouched_copies_are_unchanged(tmp_path: Path) -> None:
    """Reading leaves no trace."""
    artifacts = _artifacts(tmp_path, "default", "stripped")

    with stage(a_plan(), artifacts, tmp_path / "stage") as staging:
        for copies in staging.copies.values():
            (copies[0] / "bootstrap").read_text()

        assert staging.changed() == ()


def test_a_write_that_restores_size_and_time_is_noticed(tmp_path: Path) -> None:
    """A trial cannot hide what it did to a package."""
    artifacts = _artifacts(tmp_path, "default", "stripped")

    with stage(a_plan(), artifacts, tmp_path / "stage") as staging:
        data = staging.copies["go/hello", "stripped", "variant"][2] / "package" / "data"
        before = data.stat()
        data.write_text("DATA")
        os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
        (sentence,) = staging.changed()

        assert "`go/hello`, variant `stripped`, changed" in sentence


def test_copies_of_a_killed_run_are_deleted(tmp_path: Path) -> None:
    """The next run cleans up what a run killed with -9 left, and only that."""
    parent = tmp_path / "stage"
    (parent / "stage-999999999-x").mkdir(parents=True)
    (parent / f"stage-{os.getpid()}-y").mkdir()
    (parent / "mine").mkdir()

    with stage(a_plan(a_cell()), _artifacts(tmp_path, "default"), parent):
        names = {p.name for p in parent.iterdir()}

    assert "stage-999999999-x" not in names
    assert {"mine", f"stage-{os.getpid()}-y"} <= names


def test_a_package_that_is_not_what_was_built_is_refused(tmp_path: Path) -> None:
    """A stale binary in the cache ends the run before its first trial, and leaves no copies."""
    artifacts = _artifacts(tmp_path, "default", "stripped")
    stale = ("go/hello", "stripped")
    artifacts[stale] = replace(artifacts[stale], digest="0" * 64)

    with (
        pytest.raises(MeasurementError, match=r"variant `stripped` is not the package"),
        stage(a_plan(), artifacts, tmp_path / "stage"),
    ):
        pass

    assert list((tmp_path / "stage").iterdir()) == []


def test_a_copy_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """What the linker wrote, under a second name, is not staged like the others."""
    artifacts = _artifacts(tmp_path, "default", "stripped")

    with stage(a_plan(), artifacts, tmp_path / "stage") as staging:
        copy = staging.copies["go/hello", "stripped", "variant"][2] / "bootstrap"
        copy.unlink()
        os.link(tmp_path / "tree" / "bootstrap", copy)

        with pytest.raises(MeasurementError, match="is linked and not copied"):
            staging.verify(artifacts)


def test_a_copy_of_another_size_is_refused(tmp_path: Path) -> None:
    """Not only the first copy of an arm is looked at."""
    artifacts = _artifacts(tmp_path, "default", "stripped")

    with stage(a_plan(), artifacts, tmp_path / "stage") as staging:
        (staging.copies["go/hello", "stripped", "variant"][3] / "bootstrap").write_text("older")

        with pytest.raises(MeasurementError, match="is not the package that was built"):
            staging.verify(artifacts)
