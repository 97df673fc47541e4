"""`coldbench list`: stable ids for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.commands.list import execute
from bench.commands.options import ListOptions
from bench.config import load_settings


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    files = {
        "functions/hello/main.go": "package main\n",
        "functions/hello/function.toml": 'variants = ["default", "static"]\nmemory = 512',
        "functions/hello/events/b.json": "{}",
        "functions/hello/events/a.json": "{}",
        "functions/job/app.py": "def handler(event, context): ...\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def options(project: Path, **changes: Any) -> ListOptions:
    settings = load_settings({}, cwd=project, environ={})
    return ListOptions(settings=settings, cwd=project, command="coldbench list", **changes)


def test_the_json_has_one_object_per_function(project: Path) -> None:
    """Each function has its id, variants, events and cases."""
    text, code = execute(options(project, json=True))

    go, python = json.loads(text)
    assert code == 0
    assert (go["id"], go["runtime"], go["memory_mb"]) == ("go/hello", "go", 512)
    assert (go["baseline"], go["variants"]) == ("default", ["default", "static"])
    assert go["events"] == ["a", "b"]
    assert go["cases"] == [
        "go/hello/default/a",
        "go/hello/default/b",
        "go/hello/static/a",
        "go/hello/static/b",
    ]
    assert (python["id"], python["events"]) == ("python/job", ["empty"])


def test_the_text_marks_the_baseline(project: Path) -> None:
    """The text has the same ids, with a star at the baseline."""
    text, _ = execute(options(project, targets=("go/hello",)))

    assert text == "go/hello\n  variants  default*, static\n  events    a, b\n"


def test_targets_restrict_the_list(project: Path) -> None:
    """A list of one function is about that function alone."""
    text, _ = execute(options(project, targets=("job",), json=True))

    assert [entry["id"] for entry in json.loads(text)] == ["python/job"]
