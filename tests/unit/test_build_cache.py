from __future__ import annotations

from pathlib import Path

import pytest

from bench.build.cache import BuildCache, content_key, write_atomically
from bench.errors import BuildError, Interrupted


def fill(directory: Path, text: str = "content") -> None:
    (directory / "file").write_text(text)


def test_an_entry_is_found_after_it_was_stored(tmp_path: Path) -> None:
    """What one run stores, the next one finds under the same key."""
    BuildCache(tmp_path).store("packages", "k", fill)

    found = BuildCache(tmp_path).find("packages", "k")

    assert found is not None
    assert (found / "file").read_text() == "content"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """An entry exists completely or not at all."""
    cache = BuildCache(tmp_path)

    def fail(directory: Path) -> None:
        fill(directory)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.store("packages", "k", fail)

    assert cache.find("packages", "k") is None


def test_the_first_of_two_writers_wins(tmp_path: Path) -> None:
    """A second entry under the same key is dropped, without an error."""
    cache = BuildCache(tmp_path)

    def lose(directory: Path) -> None:
        BuildCache(tmp_path).store("packages", "k", fill)
        fill(directory, "late")

    assert (cache.store("packages", "k", lose) / "file").read_text() == "content"


def test_a_discarded_entry_is_gone(tmp_path: Path) -> None:
    """A damaged entry can be taken away and made again."""
    cache = BuildCache(tmp_path)
    cache.store("packages", "k", fill)

    cache.discard("packages", "k")

    assert cache.find("packages", "k") is None


def test_what_a_dead_run_left_is_removed(tmp_path: Path) -> None:
    """A temporary directory without a living owner is removed by the next writer."""
    cache = BuildCache(tmp_path)
    left = tmp_path / "tmp" / "left"
    left.mkdir()
    fill(left)

    cache.store("packages", "k", fill)

    assert not left.exists()


def test_what_a_living_run_writes_is_kept(tmp_path: Path) -> None:
    """The temporary directory of another run is not touched while that run lives."""
    other = BuildCache(tmp_path)
    with other.temporary() as directory:
        fill(directory)

        BuildCache(tmp_path).store("packages", "k", fill)

        assert (directory / "file").exists()


def test_waiting_for_a_lock_ends_when_the_build_is_stopped(tmp_path: Path) -> None:
    """Ctrl-C does not wait for another run to finish."""
    cache = BuildCache(tmp_path)

    with (
        cache.lock("module"),
        pytest.raises(Interrupted),
        cache.lock("module", lambda: True),
    ):
        pass


def test_an_unusable_directory_is_explained(tmp_path: Path) -> None:
    """The message names the directory, and the hint the variable that moves it."""
    (tmp_path / "file").touch()

    with pytest.raises(BuildError, match="file") as caught:
        BuildCache(tmp_path / "file" / "cache")

    assert "COLDBENCH_CACHE" in str(caught.value.hint)


def test_keys_depend_on_values_not_on_order() -> None:
    """Two mappings with the same items are the same key; another value is another key."""
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert content_key({"a": 1}) != content_key({"a": 2})


def test_an_atomic_write_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    """Readers never see half a file, and no temporary file stays."""
    path = tmp_path / "tools.json"
    write_atomically(path, "old")

    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\udc80")

    assert [p.name for p in tmp_path.iterdir()] == ["tools.json"]
    assert path.read_text() == "old"
