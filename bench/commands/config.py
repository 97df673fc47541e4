"""``coldbench config``: each setting, its value and where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.commands.options import ConfigOptions
from bench.config import Settings
from bench.settings import PROJECT_ONLY, SETTINGS, Setting


def execute(options: ConfigOptions) -> tuple[str, int]:
    """List the settings as text, or as JSON with one object per setting."""
    if options.json:
        return json.dumps(_document(options.settings), indent=2) + "\n", 0
    rows = [
        (setting.name, _words(setting, options.settings), options.settings.sources[setting.name])
        for setting in SETTINGS
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:<{widths[0]}}  {value:<{widths[1]}}  {source}" for name, value, source in rows]
    return "\n".join(lines) + "\n", 0


def _words(setting: Setting, settings: Settings) -> str:
    value = getattr(settings, setting.field)
    if value is None:
        return f"({setting.unset})"
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "(none)"
    if isinstance(value, Path) and value.is_relative_to(settings.root):
        return str(value.relative_to(settings.root))
    return f"{value:g} s" if setting.field.endswith("_s") else str(value)


def _document(settings: Settings) -> list[dict[str, Any]]:
    return [
        {
            "name": setting.name,
            "value": _plain(getattr(settings, setting.field)),
            "source": settings.sources[setting.name],
            "flag": None if setting.name in PROJECT_ONLY else setting.flag,
            "variable": setting.variable,
            "help": setting.help,
        }
        for setting in SETTINGS
    ]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
