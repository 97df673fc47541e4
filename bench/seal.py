"""The seal of a record: what its files must be for its verdicts to be those of the run.

A seal stands in ``record.json``: a digest of everything else in that file, whatever its layout,
and one of ``trials.jsonl`` as far as it was written when the header was. Losing a trial, or the
order of trials, changes verdicts without a trace in the trials themselves; only the seal can tell.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import RecordError

#: The key of the seal in ``record.json``.
KEY = "seal"
_HINT = "restore its files from a copy, or measure again"


def seal_of(header: Mapping[str, Any], trials: bytes | None) -> dict[str, Any]:
    """The seal of a header (without one) and the trials; None for a run that has just begun."""
    return {
        "header": _header_digest(header),
        "trials_bytes": None if trials is None else len(trials),
        "trials": None if trials is None else hashlib.sha256(trials).hexdigest(),
    }


def check_seal(file: Path, header: Mapping[str, Any], trials: bytes) -> bool:
    """Whether the files are proved to be what the run left: all of it, unchanged.

    False for a run that was never sealed with its trials: an older one, or one that was killed.

    Raises:
        RecordError: they are something else.
    """
    seal = header.get(KEY)
    if seal is None:
        return False
    if not isinstance(seal, dict) or seal.get("header") != _header_digest(header):
        raise RecordError(f"{file} was changed after the run wrote it", hint=_HINT)
    length = seal.get("trials_bytes")
    if length is None:
        return False
    known = trials[:length]
    if len(known) < length or hashlib.sha256(known).hexdigest() != seal.get("trials"):
        raise RecordError(
            f"the trials beside {file} are not those that the run recorded: {len(trials):,} bytes,"
            f" {length:,} were sealed",
            hint=_HINT,
        )
    if len(trials) > length and header.get("complete"):
        raise RecordError(
            f"the trials beside {file} are more than the run recorded: {len(trials):,} bytes,"
            f" {length:,} were sealed",
            hint=_HINT,
        )
    return bool(len(trials) == length)


def _header_digest(header: Mapping[str, Any]) -> str:
    """SHA-256 of the header's content, without its seal and its layout."""
    content = {name: value for name, value in header.items() if name != KEY}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
