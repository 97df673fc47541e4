"""Run one handler on events in a fresh interpreter, as a script.

Arguments: the function's directory, ``module.function``, the file for the answer, event files.
The answer is ``{"imported": [...], "outcomes": [{"response" | "error", "imported": [...]}]}``:
which modules were there after the import of the handler, and after each event.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace


def main(directory: str, handler: str, answer: str, *events: str) -> None:
    sys.path[0] = directory
    module, _, function = handler.partition(".")
    handle = getattr(importlib.import_module(module), function)
    imported = sorted(sys.modules)
    outcomes = [outcome(handle, number, Path(event)) for number, event in enumerate(events, 1)]
    Path(answer).write_text(json.dumps({"imported": imported, "outcomes": outcomes}))


def outcome(handle, number: int, event: Path) -> dict[str, object]:
    context = SimpleNamespace(aws_request_id=f"request-{number}")
    try:
        result = {"response": handle(json.loads(event.read_text()), context)}
    except Exception as error:
        result = {"error": type(error).__name__, "message": str(error)}
    return {**result, "imported": sorted(sys.modules)}


if __name__ == "__main__":
    main(*sys.argv[1:])
