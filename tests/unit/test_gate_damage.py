"""No damaged, partial, reordered or truncated record passes a gate."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.acceptance.damage import code_of
from tests.acceptance.record_damage import DAMAGES, Damage, sound_record, write_record

#: Of each kind of damage; the acceptance session makes more.
EACH = 10


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
