from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest
from plans import a_cell, a_function, a_plan, a_record, a_trial

from bench.errors import RecordError, StorageError
from bench.store import ANOTHER_DIRECTORY, TrialWriter, create_record, load_record


def _stored(tmp_path: Path, trials: int = 2) -> Path:
    directory = tmp_path / "records" / "run"
    create_record(directory, a_record(a_plan(), a_function(tmp_path)))
    writer = TrialWriter(directory)
    for number in range(trials):
        writer.append(a_trial(number=number))
    writer.close()
    return directory


def test_a_record_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    """Header and trials survive the way to disk and back."""
    expected = a_record(
        a_plan(), a_function(tmp_path), trials=(a_trial(number=0), a_trial(number=1))
    )

    assert load_record(_stored(tmp_path)) == expected


def test_a_record_is_found_by_its_header_file_too(tmp_path: Path) -> None:
    """The path of record.json is as good as that of its directory."""
    directory = _stored(tmp_path)

    assert load_record(directory / "record.json") == load_record(directory)


def test_trial_lines_have_the_fields_of_the_contract(tmp_path: Path) -> None:
    """Scripts read these names from trials.jsonl."""
    line = json.loads((_stored(tmp_path) / "trials.jsonl").read_text().splitlines()[0])

    assert {
        "function",
        "variant",
        "memory_mb",
        "event",
        "round",
        "position",
        "outcome",
        "phases",
        "cpu",
        "peak_memory_bytes",
    } <= line.keys()


def test_an_incomplete_last_line_is_lost_and_nothing_else(tmp_path: Path) -> None:
    """What kill -9 leaves is the record up to the trial in flight, and writing goes on from it."""
    directory = _stored(tmp_path)
    trials = directory / "trials.jsonl"
    trials.write_bytes(trials.read_bytes() + b'{"function": "go/he')

    assert len(load_record(directory).trials) == 2

    writer = TrialWriter(directory)
    writer.append(a_trial(number=2))
    writer.close()

    assert [t.round for t in load_record(directory).trials] == [0, 1, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "is not JSON"),
        ("[]", "not a record of coldbench"),
        ("{}", "not a record of coldbench"),
        ('{"schema": "hyperfine"}', "not a record of coldbench"),
        ('{"schema": "coldbench/1"}', "is a report, not a record"),
        ('{"schema": "coldbench-record/2"}', "has schema `coldbench-record/2`"),
        ('{"schema": "coldbench-record/1"}', "is damaged"),
    ],
)
def test_foreign_damaged_and_newer_records_are_refused(
    tmp_path: Path, content: str, words: str
) -> None:
    """Each wrong file is told from the others."""
    directory = _stored(tmp_path)
    (directory / "record.json").write_text(content)

    with pytest.raises(RecordError, match=words) as raised:
        load_record(directory)

    assert raised.value.exit_code == 2


def test_a_damaged_trial_is_named_by_its_line(tmp_path: Path) -> None:
    """A damaged line in the middle is not passed over."""
    directory = _stored(tmp_path)
    trials = directory / "trials.jsonl"
    trials.write_text("{}\n" + trials.read_text())

    with pytest.raises(RecordError, match="line 1 is damaged"):
        load_record(directory)


def test_a_repeated_trial_is_refused(tmp_path: Path) -> None:
    """Concatenated trial files do not double the sample."""
    directory = _stored(tmp_path)
    trials = directory / "trials.jsonl"
    trials.write_text(trials.read_text() * 2)

    with pytest.raises(RecordError, match="more than once"):
        load_record(directory)


def test_a_full_disk_leaves_a_valid_record(tmp_path: Path) -> None:
    """A trial that cannot be written whole is an error; those before it are still there."""
    directory = _stored(tmp_path)
    writer = TrialWriter(directory)
    size = (directory / "trials.jsonl").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write") as raised:
            writer.append(a_trial(a_cell("stripped")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert raised.value.exit_code == 4
    assert (directory / "trials.jsonl").stat().st_size == size
    assert len(load_record(directory).trials) == 2


def test_a_directory_that_cannot_be_made_is_an_error_with_advice(tmp_path: Path) -> None:
    """Where `reports` is a file, the run does not begin."""
    (tmp_path / "reports").write_text("")

    with pytest.raises(StorageError, match="cannot write") as raised:
        create_record(tmp_path / "reports" / "records" / "run", a_record(a_plan()))

    assert (raised.value.exit_code, raised.value.hint) == (2, ANOTHER_DIRECTORY)
