"""The eager and the lazy style of a function: one behaviour, two moments of import."""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib

import pytest
from function_directories import FUNCTIONS
from packaging.requirements import Requirement

pytestmark = pytest.mark.live

#: Each function with two styles, and the modules that the lazy one defers.
PAIRS = {
    "analyse": {"pandas", "numpy"},
    "small": {"decimal", "http.client", "xml.etree.ElementTree"},
    "storage": {"boto3", "botocore"},
    "thumbnail": {"PIL"},
}
NAMES = sorted(path.name for path in FUNCTIONS.iterdir() if (path / "function.toml").is_file())
WRONG = [[], {}, {"action": "no such action"}, None, 7]


@pytest.mark.parametrize("name", PAIRS)
def test_eager_imports_the_library_before_the_first_event(play, name):
    """The eager style has everything loaded when the environment is ready."""
    answer = play(name, "eager.handler", "unused")

    assert PAIRS[name] <= set(answer["imported"])


@pytest.mark.parametrize("name", PAIRS)
def test_lazy_never_imports_the_library_for_an_event_that_does_without(play, name):
    """The lazy style loads nothing of the library, neither at the start nor for that event."""
    answer = play(name, "lazy.handler", "unused")

    assert PAIRS[name].isdisjoint(answer["imported"])
    assert PAIRS[name].isdisjoint(answer["outcomes"][0]["imported"])


@pytest.mark.parametrize("name", PAIRS)
def test_lazy_imports_the_library_for_an_event_that_uses_it(play, name):
    """The event named `used` does use the library."""
    answer = play(name, "lazy.handler", "used")

    assert PAIRS[name] <= set(answer["outcomes"][0]["imported"])


@pytest.mark.parametrize("name", PAIRS)
def test_both_styles_give_the_same_answers_and_the_same_errors(play, name):
    """Which style runs cannot be told from the outside."""
    eager, lazy = (
        [
            {key: value for key, value in outcome.items() if key != "imported"}
            for outcome in play(name, f"{style}.handler", "used", "unused", *WRONG)["outcomes"]
        ]
        for style in ("eager", "lazy")
    )

    assert eager == lazy
    assert [next(iter(outcome)) for outcome in eager[:2]] == ["response", "response"]
    assert {"InvalidRequestError"} == {outcome["error"] for outcome in eager[2:]}


def test_a_thumbnail_of_an_image_in_the_event_does_without_boto3(play):
    """The path to S3 costs nothing to those who do not take it."""
    answer = play("thumbnail", "eager.handler", "used")

    assert "boto3" not in answer["outcomes"][0]["imported"]


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_small_and_named_in_its_configuration(name):
    """An event is an object below 20 kB; a pair declares which of its two uses the library."""
    config = tomllib.loads((FUNCTIONS / name / "function.toml").read_text())
    events = list((FUNCTIONS / name / "events").glob("*.json"))

    assert events
    assert all(isinstance(json.loads(path.read_text()), dict) for path in events)
    assert all(path.stat().st_size < 20_000 for path in events)
    assert {path.stem for path in events} >= set(config.get("events", {}))
    assert (name in PAIRS) == ("library" in config)


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_declares_its_styles_and_events(name):
    """The configuration says which handler is which style, and which event needs the library."""
    config = tomllib.loads((FUNCTIONS / name / "function.toml").read_text())

    assert config["variants"] == {
        "eager": {"handler": "eager.handler"},
        "lazy": {"handler": "lazy.handler"},
    }
    assert config["events"] == {
        "used": {"weight": 0.2, "uses_library": True},
        "unused": {"weight": 0.8, "uses_library": False},
    }


@pytest.mark.parametrize("name", NAMES)
def test_requirements_are_pinned_down_to_the_last_dependency(name):
    """What is installed today is what is installed in a year."""
    path = FUNCTIONS / name / "requirements.txt"
    lines = path.read_text().splitlines() if path.is_file() else []
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    names = {requirement.name for requirement in pinned}

    assert all(re.fullmatch(r"==[0-9][\w.]*", str(one.specifier)) for one in pinned)
    assert names == {need for name in names for need in _closure(name)}


def _closure(name: str) -> set[str]:
    needs = [Requirement(text) for text in importlib.metadata.requires(name) or ()]
    direct = {need.name for need in needs if not need.marker or need.marker.evaluate({"extra": ""})}
    return {name}.union(*(_closure(need) for need in direct))
