"""`coldbench config`: every setting with its source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.commands.config import execute
from bench.commands.options import ConfigOptions
from bench.config import load_settings
from bench.settings import SETTINGS


def options(tmp_path: Path, **changes: Any) -> ConfigOptions:
    (tmp_path / "coldbench.toml").write_text('memory = [256, 128]\nbudget = "2m"')
    settings = load_settings({}, cwd=tmp_path, environ={"COLDBENCH_SEED": "7"})
    return ConfigOptions(settings=settings, cwd=tmp_path, command="coldbench config", **changes)


def test_each_line_has_name_value_and_source(tmp_path: Path) -> None:
    """A person sees what holds and whom to ask."""
    text, code = execute(options(tmp_path))

    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()}
    file = str(tmp_path / "coldbench.toml")
    assert code == 0
    assert rows["memory"] == ["128,256", file]
    assert rows["budget"] == ["120", "s", file]
    assert rows["seed"] == ["7", "COLDBENCH_SEED"]
    assert rows["out"] == ["reports", "default"]
    assert "(as many as decide it, 122 at most, or 273 with a budget)" in text


def test_the_json_has_every_setting(tmp_path: Path) -> None:
    """A script gets values of their own types, and how each is set."""
    text, _ = execute(options(tmp_path, json=True))

    entries = {entry["name"]: entry for entry in json.loads(text)}
    assert list(entries) == [setting.name for setting in SETTINGS]
    assert entries["memory"]["value"] == [128, 256]
    assert entries["seed"] == {
        "name": "seed",
        "value": 7,
        "source": "COLDBENCH_SEED",
        "flag": "--seed",
        "variable": "COLDBENCH_SEED",
        "help": "seed of the order of trials",
    }
    assert entries["functions"]["flag"] is None
