"""``coldbench list``: what can be measured, with ids that stay the same from run to run."""

from __future__ import annotations

import json
from typing import Any

from bench.commands.options import ListOptions
from bench.functions.targets import Selection, resolve_targets, select


def execute(options: ListOptions) -> tuple[str, int]:
    """List functions, variants and events as text, or as JSON with one object per function."""
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    selections = select(functions, cwd=options.cwd)
    if options.json:
        return json.dumps([_entry(s) for s in selections], indent=2) + "\n", 0
    return "\n".join(_lines(s) for s in selections) + "\n", 0


def case_ids(selection: Selection) -> list[str]:
    """Name each variant x event of a function: ``runtime/function/variant/event``."""
    return [
        f"{selection.function.id}/{variant.id}/{event.name}"
        for variant in selection.variants
        for event in selection.events
    ]


def _entry(selection: Selection) -> dict[str, Any]:
    function = selection.function
    return {
        "id": function.id,
        "runtime": function.runtime,
        "directory": str(function.directory),
        "handler": function.handler,
        "memory_mb": function.memory_mb,
        "timeout_s": function.timeout_s,
        "library": function.library,
        "baseline": selection.baseline,
        "variants": [variant.id for variant in selection.variants],
        "events": [event.name for event in selection.events],
        "cases": case_ids(selection),
    }


def _lines(selection: Selection) -> str:
    variants = (f"{v.id}{'*' if v.id == selection.baseline else ''}" for v in selection.variants)
    events = (event.name for event in selection.events)
    return (
        f"{selection.function.id}\n"
        f"  variants  {', '.join(variants)}\n"
        f"  events    {', '.join(events)}"
    )
