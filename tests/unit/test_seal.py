"""The seal of a record: what it notices, and what it leaves alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.errors import RecordError
from bench.store import RECORD_FILE, TRIALS_FILE, TrialWriter, create_record, load_record, seal
from tests.acceptance.record_damage import sound_record, write_record


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    return write_record(sound_record(), tmp_path / "run")


def test_a_record_as_the_run_left_it_is_sealed(directory: Path) -> None:
    """What was written is what is read, and it is known to be."""
    assert load_record(directory) == replace(sound_record(), sealed=True)


def test_the_layout_of_the_header_does_not_matter(directory: Path) -> None:
    """A tool that formats JSON does no damage."""
    file = directory / RECORD_FILE
    file.write_text(json.dumps(json.loads(file.read_text()), separators=(",", ":")))

    assert load_record(directory).sealed


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: data.index(b"\n") + 1],
        lambda data: data + data[: data.index(b"\n") + 1],
        lambda data: b"".join(reversed(data.splitlines(keepends=True))),
        lambda data: data.replace(b'"outcome":"ok"', b'"outcome":"failed"', 1),
    ],
    ids=["cut", "one line", "one more line", "reversed", "changed"],
)
def test_changed_trials_are_refused(directory: Path, change: Callable[[bytes], bytes]) -> None:
    """Losing trials, or their order, leaves no other trace."""
    file = directory / TRIALS_FILE
    file.write_bytes(change(file.read_bytes()))

    with pytest.raises(RecordError, match=r"not those that the run recorded|more than once"):
        load_record(directory)


def test_a_changed_header_is_refused(directory: Path) -> None:
    """A plan that was edited is not the plan of these trials."""
    file = directory / RECORD_FILE
    file.write_text(file.read_text().replace('"complete": true', '"complete": false'))

    with pytest.raises(RecordError, match="was changed after the run wrote it"):
        load_record(directory)


def test_a_run_that_was_killed_is_read_without_a_seal(tmp_path: Path) -> None:
    """Its header is from before the trials: they are readable, and not proved to be all."""
    record = replace(sound_record(), complete=False)
    create_record(tmp_path / "run", replace(record, trials=()))
    writer = TrialWriter(tmp_path / "run")
    writer.append(record.trials[0])
    writer.close()

    loaded = load_record(tmp_path / "run")

    assert (len(loaded.trials), loaded.sealed) == (1, False)


def test_an_interrupted_run_can_go_on(tmp_path: Path) -> None:
    """Trials after the seal of an interruption are no damage, and the next seal covers them."""
    record = replace(sound_record(), complete=False)
    directory = write_record(replace(record, trials=record.trials[:5]), tmp_path / "run")
    writer = TrialWriter(directory)
    writer.append(record.trials[5])

    assert not load_record(directory).sealed
    seal(directory, record)
    writer.close()
    assert load_record(directory).sealed
