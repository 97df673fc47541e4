"""One run on disk: ``record.json``, ``trials.jsonl`` appended trial by trial, and ``logs/``.

Whatever kills a run, what is on disk is a valid record: ``record.json`` is only ever replaced as
a whole, and of ``trials.jsonl`` at most the last, incomplete line is lost. A run that ended is
sealed (:mod:`bench.seal`): files that are not what it left are refused.

Schema history:

* ``coldbench-record/1``: the first.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from bench.codec import from_json, to_json
from bench.errors import RecordError, StorageError, cannot_write
from bench.model import Record, Trial
from bench.seal import KEY, check_seal, seal_of

SCHEMA = "coldbench-record/1"
RECORD_FILE = "record.json"
TRIALS_FILE = "trials.jsonl"
LOGS_DIRECTORY = "logs"


#: What to do where a run cannot be written.
ANOTHER_DIRECTORY = "name another directory with `--out DIR`"


def _cannot_write(path: Path, error: OSError) -> StorageError:
    return cannot_write(path, error, instead=ANOTHER_DIRECTORY)


def write_whole(path: Path, data: bytes, *, instead: str = ANOTHER_DIRECTORY) -> None:
    """Replace a file at once: write aside, flush to disk, rename.

    Args:
        path: the file.
        data: all that is to be in it.
        instead: what to do if that cannot be.

    Raises:
        StorageError: the disk is full or the directory cannot be written.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise cannot_write(path, error, instead=instead) from error


def _write_header(directory: Path, record: Record, trials: bytes | None = None) -> None:
    data = {"schema": SCHEMA} | to_json(replace(record, trials=(), sealed=False))
    data |= {KEY: seal_of(data, trials)}
    text = json.dumps(data, indent=1, ensure_ascii=False)
    write_whole(directory / RECORD_FILE, (text + "\n").encode())


def create_record(directory: Path, record: Record) -> None:
    """Make the directory of a new run, with its header and no trials.

    Raises:
        StorageError: it cannot be written, or exists already.
    """
    aside = directory.with_name(f".{directory.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        (aside / LOGS_DIRECTORY).mkdir()
        (aside / TRIALS_FILE).touch()
        _write_header(aside, record)
        aside.rename(directory)
    except BaseException as error:
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(directory, error) from error
        raise


def in_progress(directory: Path) -> RecordError:
    """The error of whoever wants a run that another process is measuring."""
    return RecordError(
        f"run {directory.name} is in progress", hint="wait for it to end, or interrupt it first"
    )


def is_in_progress(directory: Path) -> bool:
    """Whether a process is measuring this run now."""
    try:
        with (directory / TRIALS_FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class TrialWriter:
    """Appends trials to a record, each flushed as it ends."""

    def __init__(self, directory: Path) -> None:
        """Open and lock the record; an incomplete last line, from a killed run, is cut off.

        Raises:
            RecordError: another process is measuring this run.
            StorageError: the file cannot be opened for writing.
        """
        self._path = directory / TRIALS_FILE
        try:
            self._file: BinaryIO = self._path.open("r+b", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            data = self._file.read()
            self._file.truncate(data.rfind(b"\n") + 1)
            self._file.seek(0, os.SEEK_END)
        except BlockingIOError:
            raise in_progress(directory) from None
        except OSError as error:
            raise _cannot_write(self._path, error) from error

    def append(self, trial: Trial) -> None:
        """Add one trial.

        Raises:
            StorageError: for example, the disk is full; the record is valid up to this trial.
        """
        line = json.dumps(to_json(trial), ensure_ascii=False, separators=(",", ":")).encode()
        end = self._file.tell()
        try:
            written = self._file.write(line + b"\n")
            if written != len(line) + 1:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._file.truncate(end)
            self._file.seek(end)
            raise _cannot_write(self._path, error) from error

    def close(self) -> None:
        """Flush to disk and close."""
        os.fsync(self._file.fileno())
        self._file.close()


def seal(directory: Path, record: Record) -> None:
    """Replace the header: how long it took, whether it is complete, what the reader must know.

    The trials that are on disk by now are sealed with it (:mod:`bench.seal`).

    Raises:
        StorageError: it cannot be written; the record before stays as it was.
    """
    file = directory / TRIALS_FILE
    try:
        trials = file.read_bytes()
    except OSError as error:
        raise _cannot_write(file, error) from error
    _write_header(directory, record, trials)


def load_record(path: Path) -> Record:
    """Read a record from its directory or its ``record.json``.

    Raises:
        RecordError: unreadable, damaged, foreign, or written by a newer coldbench.
    """
    directory = path if path.is_dir() else path.parent
    file = directory / RECORD_FILE if path.is_dir() else path
    record, data = _read_header(file)
    trials_file = directory / TRIALS_FILE
    lines = _read_lines(trials_file)
    trials = _trials(trials_file, lines)  # first: it knows the line, the seal only the file
    return replace(record, trials=trials, sealed=check_seal(file, data, lines))


def load_header(directory: Path) -> Record:
    """Read a record without its trials, which may be being written.

    Raises:
        RecordError: unreadable, damaged, foreign, or written by a newer coldbench.
    """
    record, _ = _read_header(directory / RECORD_FILE)
    return record


def _read_header(file: Path) -> tuple[Record, dict[str, Any]]:
    data = _read_object(file)
    schema = data.get("schema")
    if schema != SCHEMA:
        raise _wrong_schema(file, schema)
    try:
        return from_json(Record, data), data
    except ValueError as error:
        raise RecordError(f"{file} is damaged: {error}") from None


class TrialReader:
    """Reads the trials of a record that grows, each of them once."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / TRIALS_FILE
        self._offset = 0
        self._trials: tuple[Trial, ...] = ()

    def read(self) -> tuple[Trial, ...]:
        """All trials so far.

        Raises:
            RecordError: the file is unreadable or damaged.
        """
        data = _read_lines(self._path)[self._offset :]
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._trials += _trials(self._path, whole)
        return self._trials


def _wrong_schema(file: Path, schema: object) -> RecordError:
    if isinstance(schema, str) and schema.startswith("coldbench-record/"):
        return RecordError(
            f"{file} has schema `{schema}`, this coldbench reads `{SCHEMA}`",
            hint="upgrade coldbench: `pip install --upgrade coldbench`",
        )
    if isinstance(schema, str) and schema.startswith("coldbench/"):
        return RecordError(
            f"{file} is a report, not a record: it has no trials",
            hint="name the run instead: a directory below `reports/records`",
        )
    return RecordError(
        f"{file} is not a record of coldbench",
        hint="a record is a directory with `record.json` and `trials.jsonl`",
    )


def _read_object(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from None
    except ValueError as error:
        raise RecordError(f"{file} is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise _wrong_schema(file, None)
    return data


def _read_lines(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror}") from None


def _trials(file: Path, data: bytes) -> tuple[Trial, ...]:
    *lines, incomplete = data.split(b"\n")
    del incomplete  # what a killed run did not finish writing
    trials = []
    for number, line in enumerate(lines, start=1):
        try:
            trials.append(from_json(Trial, json.loads(line)))
        except ValueError as error:
            raise RecordError(
                f"{file}, line {number} is damaged: {error}",
                hint="restore the file from a copy, or measure again",
            ) from None
    keys = {trial_key(t) for t in trials}
    if len(keys) != len(trials):
        raise RecordError(f"{file} holds the same trial more than once")
    return tuple(trials)


def trial_key(trial: Trial) -> tuple[object, ...]:
    """What a trial is the only one of: its round, cell and arm."""
    return (trial.round, trial.cell, trial.arm)
