"""Load the functions under test the way Lambda does: with their directory first on the path."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from aws_endpoint import AwsEndpoint
from function_directories import FUNCTIONS, LAMBDA


@pytest.fixture(name="load")
def _load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """``load(function, module, **environment)``: a fresh copy of a module and its neighbours."""
    ours: set[str] = set()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(function: str, module: str, **environment: str) -> ModuleType:
        for name, value in {**LAMBDA, **environment}.items():
            monkeypatch.setenv(name, value)
        neighbours = {path.stem for path in (FUNCTIONS / function).glob("*.py")}
        for name in ours | neighbours:
            sys.modules.pop(name, None)
        ours.update(neighbours)
        monkeypatch.syspath_prepend(FUNCTIONS / function)
        return importlib.import_module(module)

    yield load
    for name in ours:
        sys.modules.pop(name, None)


@pytest.fixture(name="play")
def _play(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """``play(function, handler, *events, **environment)``: a fresh interpreter's answer.

    An event is the name of one of the function's own, or the event itself. The answer is that of
    ``play.py``, with the standard output of the process under ``stdout``.
    """

    def play(function: str, handler: str, *events: object, **environment: str) -> dict[str, object]:
        paths = []
        for number, event in enumerate(events):
            path = FUNCTIONS / function / "events" / f"{event}.json"
            if not isinstance(event, str):
                path = tmp_path / f"event-{number}.json"
                path.write_text(json.dumps(event))
            paths.append(str(path))
        answer = tmp_path / "answer.json"
        script = str(Path(__file__).with_name("play.py"))
        process = subprocess.run(
            [sys.executable, "-B", script, str(FUNCTIONS / function), handler, str(answer), *paths],
            env={**LAMBDA, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        return {**json.loads(answer.read_text()), "stdout": process.stdout}

    return play


@pytest.fixture(name="aws")
def _aws() -> Iterator[AwsEndpoint]:
    """Serve S3 and DynamoDB on an endpoint of our own, for ``AWS_ENDPOINT_URL``."""
    with AwsEndpoint() as endpoint:
        yield endpoint
