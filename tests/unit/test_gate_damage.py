"""No damaged, partial, reordered or truncated record passes a gate."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from record_damage import DAMAGES, Damage, sound_record, write_record

from bench.commands import judge
from bench.commands.options import JudgeOptions
from bench.config import load_settings
from bench.errors import BenchError

#: Of each kind of damage; the acceptance session makes more.
EACH = 10


def code_of(directory: Path) -> int:
    """The exit code of ``coldbench judge``."""
    settings = load_settings({}, cwd=directory, environ={})
    options = JudgeOptions(settings=settings, cwd=directory, command="", record=str(directory))
    try:
        return judge.execute(options)[1]
    except BenchError as error:
        return error.exit_code


def test_the_undamaged_record_passes(tmp_path: Path) -> None:
    """Without damage the exit code is 0, so whatever fails below fails for its damage."""
    assert code_of(write_record(sound_record(), tmp_path / "sound")) == 0


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_never_passes(damage: Damage, tmp_path: Path) -> None:
    """Each kind of damage, wherever it strikes, ends in another exit code than 0."""
    record = sound_record()

    codes = [
        code_of(damage.write(record, tmp_path / str(number), random.Random(number)))
        for number in range(EACH)
    ]

    assert 0 not in codes, [n for n, code in enumerate(codes) if code == 0]
    assert set(codes) <= {1, 2, 4, 6}
