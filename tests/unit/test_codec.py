from __future__ import annotations

from pathlib import Path

import pytest
from plans import a_function, a_plan, a_record, a_trial

from bench.codec import from_json, to_json
from bench.model import Plan, Record, Trial


def test_records_survive_the_way_through_json(tmp_path: Path) -> None:
    """Nested dataclasses, paths, mappings, tuples, literals and None all come back."""
    record = a_record(a_plan(), a_function(tmp_path), trials=(a_trial(),))

    assert from_json(Record, to_json(record)) == record


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("seed", "seven", "Plan.seed: expected int"),
        ("seed", True, "Plan.seed: expected int"),
        ("cpu_mode", "turbo", "Plan.cpu_mode: 'turbo' is not one of"),
        ("cells", {}, "Plan.cells: expected a list"),
        ("cells", [1], r"Plan.cells\[0\]: expected an object"),
        ("baselines", [], "Plan.baselines: expected an object"),
    ],
)
def test_wrong_shapes_are_named_by_their_place(key: str, value: object, words: str) -> None:
    """A damaged record says where it is damaged."""
    data = to_json(a_plan())
    data[key] = value

    with pytest.raises(ValueError, match=words):
        from_json(Plan, data)


def test_a_missing_field_is_named() -> None:
    """Fields without a default have to be there."""
    data = to_json(a_trial())
    del data["outcome"]

    with pytest.raises(ValueError, match="outcome"):
        from_json(Trial, data)
