"""What a test names -> directories, variants and events, as arguments of ``coldbench``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.functions.directory import load_function, recipes
from bench.functions.targets import select
from bench.subjects import Function


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One function under test, and what of it is measured."""

    function: Function
    variant: str
    #: As ``--event`` takes it.
    event: str
    memory_mb: int


def find_subject(
    path: str | Path,
    *,
    variant: str | None,
    event: str | Path | Mapping[str, object] | None,
    memory: int | None,
    roots: tuple[Path, ...],
    scratch: Path,
) -> Subject:
    """Find a function; a relative path is looked for below each of ``roots`` in turn.

    Without a variant it is the baseline, without an event the function's first, without a memory
    size its own. A mapping as the event is written to a file in ``scratch``.

    Raises:
        pytest.fail.Exception: there is none, or its configuration is wrong; with the advice.
    """
    __tracebackhide__ = True
    directory = find_directory(path, roots)
    if directory is None:
        tried = ", ".join(dict.fromkeys(str(root / path) for root in roots))
        pytest.fail(f"cold_start: there is no directory `{path}`; looked for {tried}", False)
    try:
        function = load_function(directory)
        (selection,) = select((function,), baseline=variant, cwd=directory)
    except BenchError as error:
        advice = _told(error)
    else:
        advice = ""
    if advice:
        # Not from within the handler, which would show our own error first.
        pytest.fail(advice, pytrace=False)
    return Subject(
        function=function,
        variant=selection.baseline,
        event=_event(event, function, roots, scratch),
        memory_mb=function.memory_mb if memory is None else memory,
    )


def find_directory(path: str | Path, roots: tuple[Path, ...]) -> Path | None:
    """Give the first directory of that name; None if there is none."""
    return next((root / path for root in roots if (root / path).is_dir()), None)


def is_variant(name: str, function: Function) -> bool:
    """Whether a function has a variant of that name."""
    return any(variant.id == name for variant in recipes(function))


def _told(error: BenchError) -> str:
    return f"cold_start: {error.message}" + (f"\nhint: {error.hint}" if error.hint else "")


def _event(
    event: str | Path | Mapping[str, object] | None,
    function: Function,
    roots: tuple[Path, ...],
    scratch: Path,
) -> str:
    if event is None:
        return function.events[0].name
    if isinstance(event, Mapping):
        file = scratch / "event.json"
        file.write_text(json.dumps(event), encoding="utf-8")
        return str(file)
    if any(known.name == event for known in function.events):
        return str(event)
    return next((str(root / event) for root in roots if (root / event).is_file()), str(event))
