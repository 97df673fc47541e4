"""A function's own files, and what tools and runs leave between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.build.sources import own_files
from bench.errors import BuildError

RESULT = '{\n  "schema": "coldbench/1",\n'


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(root: Path) -> list[str]:
    return [name for name, _ in own_files(root)]


@pytest.mark.parametrize(
    "files",
    [
        {"reports/latest.json": RESULT, "reports/latest.md": "", "reports/latest-go-x.svg": ""},
        {"latest.json": RESULT, "latest.md": ""},
        {"reports/records/1/record.json": "{}", "reports/records/1/trials.jsonl": ""},
        {"c/entries/x": "", "c/scratch/x": "", "c/tmp/x": "", "c/locks/x": ""},
        {"venv/pyvenv.cfg": "", "venv/lib/six.py": ""},
        {".git/HEAD": "", ".coldbench/x": "", ".nox/x": "", ".env": ""},
    ],
    ids=["report", "report-beside", "record", "cache", "environment", "hidden"],
)
def test_what_a_run_or_a_tool_left_is_no_source(tmp_path: Path, files: dict[str, str]) -> None:
    """A function is the same one after it was measured in its own directory."""
    write(tmp_path, {"app.py": "", **files})

    assert names(tmp_path) == ["app.py"]


def test_a_package_called_reports_is_a_source(tmp_path: Path) -> None:
    """Names decide nothing: a function may have a package, or a file, that is called like ours."""
    write(
        tmp_path,
        {
            "latest.json": "{}",
            "reports/__init__.py": "",
            "reports/latest.json": RESULT,
            "reports/records/1/record.json": "{}",
            "reports/records/1/trials.jsonl": "",
        },
    )

    assert names(tmp_path) == ["latest.json", "reports/__init__.py"]


def test_links_to_directories_are_followed(tmp_path: Path) -> None:
    """Two links to one directory give its files twice, as they would lie in a package."""
    root = tmp_path / "function"
    write(tmp_path, {"shared/library.py": "", "function/app.py": ""})
    (root / "one").symlink_to(tmp_path / "shared")
    (root / "two").symlink_to("../shared")

    assert names(root) == ["app.py", "one/library.py", "two/library.py"]


def test_a_link_to_a_directory_above_ends(tmp_path: Path) -> None:
    """A directory is not packaged into itself."""
    write(tmp_path, {"app.py": "", "package/module.py": ""})
    (tmp_path / "package" / "up").symlink_to(tmp_path)

    assert names(tmp_path) == ["app.py", "package/module.py"]


def test_a_hidden_link_that_leads_nowhere_is_nothing(tmp_path: Path) -> None:
    """Editors lock a file with such a link."""
    write(tmp_path, {"app.py": ""})
    (tmp_path / ".#app.py").symlink_to("me@here.1")

    assert names(tmp_path) == ["app.py"]


def test_a_link_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    """A file that would be missing on Lambda is an error with its path."""
    (tmp_path / "data.json").symlink_to("nowhere.json")

    with pytest.raises(BuildError, match=r"data\.json"):
        names(tmp_path)
