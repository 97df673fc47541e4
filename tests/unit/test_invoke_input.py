"""What `coldbench invoke` takes for an event."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from bench.commands.invoke_input import EVENT_LIMIT_BYTES, read_event
from bench.errors import UsageError
from bench.functions.triggers import sample
from bench.subjects import Event, Function


@pytest.fixture(name="function")
def _function(tmp_path: Path) -> Function:
    """A function with two events of its own."""
    paths = [tmp_path / f"{name}.json" for name in ("first", "second")]
    for path in paths:
        path.write_text(json.dumps({"from": path.stem}))
    return Function(
        id="custom/f",
        runtime="custom",
        directory=tmp_path,
        handler="bootstrap",
        events=tuple(Event(name=path.stem, path=path) for path in paths),
    )


@pytest.mark.parametrize(
    ("wanted", "event"),
    [
        (None, b'{"from": "first"}'),
        ("second", b'{"from": "second"}'),
        ("second.json", b'{"from": "second"}'),
        ('{"a":  1}', b'{"a":  1}'),
        (" [1]", b" [1]"),
        ('"text"', b'"text"'),
        ("true", b"true"),
        ("-1.5", b"-1.5"),
        ("sqs", sample("sqs").read_bytes()),
    ],
)
def test_what_an_event_can_be(
    function: Function, tmp_path: Path, wanted: str | None, event: bytes
) -> None:
    """A name comes before a file, a file before JSON, JSON before a sample; bytes are kept."""
    assert read_event(wanted, function, tmp_path) == event


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("nothing", "no file, no JSON, and no event of the function"),
        ('{"a": }', "the event is not JSON: Expecting value, line 1, column 7"),
        (".", "is a directory"),
        ("damaged.json", "damaged.json is not JSON"),
        ("large.json", "larger than the 6 MB"),
    ],
)
def test_what_is_no_event(function: Function, tmp_path: Path, wanted: str, words: str) -> None:
    """The mistake is named with its place."""
    (tmp_path / "damaged.json").write_bytes(b'"\xff"')
    (tmp_path / "large.json").write_bytes(b" " * (EVENT_LIMIT_BYTES + 1))

    with pytest.raises(UsageError) as error:
        read_event(wanted, function, tmp_path)

    assert words in error.value.message


def test_an_event_of_the_limit_is_taken(function: Function, tmp_path: Path) -> None:
    """6 MB are 6,291,456 bytes, the last of which still counts."""
    (tmp_path / "limit.json").write_bytes(b'"' + b"x" * (EVENT_LIMIT_BYTES - 2) + b'"')

    assert len(read_event("limit.json", function, tmp_path)) == EVENT_LIMIT_BYTES


def test_a_nested_event_that_we_cannot_check_is_the_functions_business(
    function: Function, tmp_path: Path
) -> None:
    """Lambda has no limit on depth."""
    deep = b"[" * 100_000 + b"]" * 100_000
    (tmp_path / "deep.json").write_bytes(deep)

    assert read_event("deep.json", function, tmp_path) == deep


def test_stdin(function: Function, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dash reads it; an encoding other than UTF-8 is converted."""
    text = '{"a": "é"}'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-16"))))

    assert read_event("-", function, tmp_path) == text.encode()
