"""Records damaged in every way that is known: none of them may pass a gate."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from bench.commands import judge
from bench.commands.options import JudgeOptions
from bench.config import load_settings
from bench.errors import BenchError
from tests.acceptance.record_damage import DAMAGES, sound_record
from tests.findings import Row, Section


def code_of(directory: Path) -> int:
    """The exit code of ``coldbench judge``."""
    settings = load_settings({}, cwd=directory, environ={})
    options = JudgeOptions(settings=settings, cwd=directory, command="", record=str(directory))
    try:
        return judge.execute(options)[1]
    except BenchError as error:
        return error.exit_code


def check(scratch: Path, count: int) -> Section:
    """Fuzz about ``count`` records, each kind of damage as often as the others."""
    record = sound_record()
    each = -(-count // len(DAMAGES))
    codes = Counter(
        code_of(damage.write(record, scratch / f"{damage.name}-{n}", random.Random(n)))
        for damage in DAMAGES
        for n in range(each)
    )
    total = codes.total()
    row = Row(
        what=f"{total} records in {len(DAMAGES)} kinds of damage that end with exit code 0",
        expected="0",
        measured=f"{codes[0]} ("
        + ", ".join(f"code {code}: {n}" for code, n in sorted(codes.items()))
        + ")",
        ok=codes[0] == 0,
    )
    method = "`coldbench judge` on damaged, partial, reordered and truncated records with a gate."
    return Section(title="No silent pass", method=method, rows=(row,))
