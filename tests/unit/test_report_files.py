"""Report files on disk."""

from __future__ import annotations

import fcntl
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import report_sample

from bench.errors import StorageError
from bench.report import write_report
from bench.report.files import chart_name


def _write(directory: Path, *, stem: str = "latest") -> tuple[Path, ...]:
    return write_report(report_sample.record(), report_sample.judgement(), directory, stem=stem)


def test_report_is_markdown_json_and_a_chart_per_function(tmp_path: Path) -> None:
    """The files are named after the stem and the functions, and nothing else is left behind."""
    written = _write(tmp_path / "new" / "reports")

    names = ["latest.md", "latest.json", "latest-go-hello.svg", "latest-python-analyse.svg"]
    assert names == [path.name for path in written]
    assert sorted(written) == sorted((tmp_path / "new" / "reports").iterdir())


def test_markdown_refers_to_charts_beside_it_with_numbers_in_words(tmp_path: Path) -> None:
    """Each chart is a relative reference whose alternative text holds the numbers."""
    markdown = _write(tmp_path)[0].read_text(encoding="utf-8")

    assert "](latest-go-hello.svg)" in markdown
    assert r"![Cold total of go/hello in ms, medians: default 9.35 \[9.27, 9.53\]" in markdown


def test_second_report_replaces_the_first(tmp_path: Path) -> None:
    """Writing the same run again changes no byte."""
    before = {path: path.read_bytes() for path in _write(tmp_path)}

    after = {path: path.read_bytes() for path in _write(tmp_path)}

    assert before == after


def test_stale_chart_is_removed(tmp_path: Path) -> None:
    """A chart of a function that is no longer in the report goes."""
    _write(tmp_path)
    judgement = report_sample.judgement()
    only_go = tuple(c for c in judgement.cells if c.cell.function == report_sample.GO)

    write_report(report_sample.record(), replace(judgement, cells=only_go), tmp_path)

    assert [path.name for path in tmp_path.glob("*.svg")] == ["latest-go-hello.svg"]


def test_files_of_others_stay(tmp_path: Path) -> None:
    """Neither an image that we did not draw nor a report of another stem is touched."""
    foreign = tmp_path / "latest-architecture.svg"
    foreign.write_text("<svg/>", encoding="utf-8")
    other = _write(tmp_path, stem="before")

    _write(tmp_path)

    assert all(path.exists() for path in (foreign, *other))


def test_directory_that_cannot_be_made_is_advice(tmp_path: Path) -> None:
    """A file where the directory should be gives an error that says what to try."""
    blocked = tmp_path / "reports"
    blocked.write_text("in the way", encoding="utf-8")

    with pytest.raises(StorageError) as caught:
        _write(blocked)

    assert str(blocked) in caught.value.message
    assert "--out DIR" in str(caught.value.hint)


def test_failed_write_leaves_nothing_aside(tmp_path: Path) -> None:
    """When a file cannot be replaced, no temporary file stays."""
    (tmp_path / "latest.md").mkdir()

    with pytest.raises(StorageError):
        _write(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["latest.md"]


def test_runs_that_finish_together_write_one_after_the_other(tmp_path: Path) -> None:
    """While another report is being written here, nothing of this one is."""
    other = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    writing = threading.Thread(target=_write, args=(tmp_path,))
    writing.start()
    writing.join(0.3)
    before = list(tmp_path.iterdir())

    os.close(other)
    writing.join()

    assert before == []
    assert (tmp_path / "latest.md").exists()


def test_names_that_files_cannot_have_stay_apart() -> None:
    """Functions whose names differ only in unsafe characters get different charts."""
    names = {chart_name(function, "latest") for function in ("go/a b", "go/a|b", "go/a-b")}

    assert len(names) == 3
    assert "latest-go-a-b.svg" in names
    assert not any(" " in name or "|" in name for name in names)
