"""The record that the user named -> its place on disk."""

from __future__ import annotations

import shlex
from pathlib import Path

from bench.config import Settings
from bench.errors import RecordError, UnknownName

_DIRECTORY = "records"


def find_record(name: str, settings: Settings, *, cwd: Path) -> Path:
    """Find a record by run id, directory or file.

    Raises:
        RecordError: where it would be may not be looked at.
        UnknownName: it is none of these; with the nearest run ids.
    """
    records = settings.out / _DIRECTORY
    by_id = records / name
    try:
        if "/" not in name and by_id.is_dir():
            return by_id
        path = cwd / Path(name).expanduser()
        if path.exists():
            return path
        known = run_ids(records)
    except OSError as error:
        raise RecordError(
            f"cannot read {error.filename}: {error.strerror}",
            hint=f"`ls -ld {shlex.quote(str(records))}` shows who may; or name another directory "
            "with `--out DIR`",
        ) from None
    raise UnknownName("record", name, known)


def run_ids(records: Path) -> list[str]:
    """List the runs that are recorded below a directory; none if it does not exist.

    A name with a leading dot is that of a record which is just being made.
    """
    return sorted(path.name for path in records.glob("[!.]*") if path.is_dir())
