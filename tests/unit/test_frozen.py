"""Frozen dataclasses with shared methods."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field

import pytest

from bench.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value with defaults of both kinds."""

    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Something that is derived."""
        return self.x + self.y


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid(Point):
    """A further field."""

    z: int = 3


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Standard(Point):
    """A class of the standard library's that is derived from one of ours."""

    z: int = 3


def test_it_is_a_dataclass_to_the_standard_library() -> None:
    """`fields`, `asdict` and `replace` take it."""
    point = Point(x=1)
    assert [f.name for f in dataclasses.fields(point)] == ["x", "y", "tags"]
    assert dataclasses.asdict(dataclasses.replace(point, y=5)) == {"x": 1, "y": 5, "tags": []}


def test_it_is_a_value() -> None:
    """Equal fields of the same class are equal, and so are copies."""
    point = Solid(x=1, z=4)
    assert point == Solid(x=1, z=4)
    assert point != Standard(x=1, z=4)
    assert copy.copy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point
    assert hash(Solid(x=1, tags=())) == hash(Solid(x=1, tags=()))  # type: ignore[arg-type]


def test_a_factory_makes_a_value_for_each_instance() -> None:
    """Two instances share no list."""
    assert Point(x=1).tags is not Point(x=1).tags


def test_fields_of_a_base_come_first() -> None:
    """A derived class has both, with their defaults, and the methods of its base."""
    assert repr(Solid(x=1)) == "Solid(x=1, y=2, tags=[], z=3)"
    assert Solid(x=1).total == 3
    assert Standard(x=1).total == 3


@pytest.mark.parametrize("arguments", [{}, {"x": 1, "w": 2}, {"y": 1, "w": 2}])
def test_wrong_arguments_are_refused(arguments: dict[str, int]) -> None:
    """A field that is missing or that there is not is a TypeError that names it."""
    with pytest.raises(TypeError, match=r"Point (needs x|has no w)"):
        Point(**arguments)  # type: ignore[arg-type]


def test_nothing_can_be_changed() -> None:
    """Neither fields nor other attributes can be set or deleted, and there is no `__dict__`."""
    point = Point(x=1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError, match="'w'"):
        point.w = 2  # type: ignore[attr-defined]
    with pytest.raises(dataclasses.FrozenInstanceError, match="'x'"):
        del point.x
    assert not hasattr(point, "__dict__")


def test_other_styles_are_not_for_it() -> None:
    """It takes the one style of this code base."""
    with pytest.raises(TypeError, match=r"dataclasses\.dataclass"):
        dataclass(frozen=False, slots=True, kw_only=True)
