"""Which functions of two directories are compared, and what is said of the others."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.config import Settings, load_settings
from bench.errors import UnknownName, UsageError
from bench.revisions import checked_out
from bench.revisions.pairs import Pairing, Request, pair_up

HANDLER = "def handler(event, context):\n    return {}\n"


def settings_of(root: Path) -> Settings:
    settings = load_settings({}, cwd=root, environ={})
    return replace(settings, cache=root / "cache", functions=("functions/*",))


def add(root: Path, name: str, *, handler: str = HANDLER, toml: str = "", **events: str) -> None:
    directory = root / "functions" / name
    (directory / "events").mkdir(parents=True)
    (directory / "app.py").write_text(handler)
    if toml:
        (directory / "function.toml").write_text(toml)
    for event, content in (events or {"e": "{}"}).items():
        (directory / "events" / f"{event}.json").write_text(content)


def paired(root: Path, **request: Any) -> Pairing:
    settings = settings_of(root)
    with checked_out((str(root / "old"), str(root / "new")), settings, cwd=root) as sides:
        return pair_up(sides, Request(**request), settings, cwd=root)


def test_functions_are_paired_by_id(tmp_path: Path) -> None:
    """What both have is compared; what one has is named with that one."""
    for name in ("same", "gone"):
        add(tmp_path / "old", name)
    for name in ("same", "added"):
        add(tmp_path / "new", name)

    pairing = paired(tmp_path)

    assert [pair.id for pair in pairing.pairs] == ["python/same"]
    assert pairing.unpaired == {"python/gone": "old", "python/added": "new"}


def test_targets_restrict_both_sides(tmp_path: Path) -> None:
    """A function that was not asked for is not missed either."""
    add(tmp_path / "old", "a")
    add(tmp_path / "new", "a")
    add(tmp_path / "new", "b")

    pairing = paired(tmp_path, targets=("a",))

    assert ([p.id for p in pairing.pairs], pairing.unpaired) == (["python/a"], {})


def test_a_target_of_one_side_is_unpaired(tmp_path: Path) -> None:
    """It is not silently left out, and not an unknown name either."""
    add(tmp_path / "old", "a")
    add(tmp_path / "new", "a")
    add(tmp_path / "new", "b")

    assert paired(tmp_path, targets=("b",)).unpaired == {"python/b": "new"}


def test_a_target_that_neither_has_is_a_mistake(tmp_path: Path) -> None:
    """The words name both revisions."""
    add(tmp_path / "old", "a")
    add(tmp_path / "new", "a")

    with pytest.raises(UsageError, match=r"neither .*old` nor .*new` has `zzz`"):
        paired(tmp_path, targets=("zzz",))


def test_the_default_build_is_the_baseline_of_the_runtime(tmp_path: Path) -> None:
    """One build per function; others are asked for, and have names of their own."""
    add(tmp_path / "old", "a")
    add(tmp_path / "new", "a")

    assert [(p.id, p.recipe.id) for p in paired(tmp_path).pairs] == [("python/a", "eager")]
    assert [(p.id, p.recipe.id) for p in paired(tmp_path, recipes=("eager*",)).pairs] == [
        ("python/a", "eager"),
        ("python/a@eager-source-only", "eager-source-only"),
    ]
    with pytest.raises(UnknownName):
        paired(tmp_path, recipes=("eagre",))


def test_both_run_with_the_events_of_the_candidate(tmp_path: Path) -> None:
    """The same input for both; what differs, and what only one has, is said."""
    add(tmp_path / "old", "a", same="{}", changed="1", gone="{}")
    add(tmp_path / "new", "a", same="{}", changed="2", added="{}")

    pairing = paired(tmp_path)

    (pair,) = pairing.pairs
    assert [event.name for event in pair.events] == ["changed", "same"]
    assert all("new" in str(event.path) for event in pair.events)
    said = " ".join(pairing.warnings)
    assert "event `changed` differs; both ran with that of `new`" in said
    assert "event `gone` exists only in `old`" in said
    assert "event `added` exists only in `new`" in said


def test_an_event_file_serves_both(tmp_path: Path) -> None:
    """An input from outside belongs to neither revision."""
    add(tmp_path / "old", "a")
    add(tmp_path / "new", "a")
    (tmp_path / "mine.json").write_text("{}")

    (pair,) = paired(tmp_path, event="mine.json").pairs

    assert [event.name for event in pair.events] == ["mine"]


def test_another_memory_size_is_said(tmp_path: Path) -> None:
    """It is neither's: a comparison runs at the sizes of its plan."""
    add(tmp_path / "old", "a", toml="memory = 512\n")
    add(tmp_path / "new", "a", toml="memory = 256\n")

    pairing = paired(tmp_path)

    assert len(pairing.pairs) == 1
    (said,) = pairing.warnings
    assert said.startswith("`python/a`: `old` asks for 512 MB and `new` for 256 MB; both are")
    assert "at the memory sizes of the run" in said


@pytest.mark.parametrize(("old", "new"), [("memory = 512\n", ""), ("", "memory = 512\n")])
def test_a_memory_size_of_one_side_is_said(tmp_path: Path, old: str, new: str) -> None:
    """The other side then has the default of functions, which is no size of the run either."""
    add(tmp_path / "old", "a", toml=old)
    add(tmp_path / "new", "a", toml=new)

    (said,) = paired(tmp_path).warnings

    assert "512 MB" in said
    assert "1769 MB" in said


def test_another_python_cannot_be_compared(tmp_path: Path) -> None:
    """A run has one runtime per function, so this is incomparable and not measured."""
    add(tmp_path / "old", "a", toml='runtime = "python3.12"\n')
    add(tmp_path / "new", "a", toml='runtime = "python3.13"\n')

    pairing = paired(tmp_path)

    assert (pairing.pairs, pairing.unpaired) == ((), {})
    assert pairing.incomparable == {
        "python/a": "`old` differs in its runtime_version, and a run can have only one"
    }


def test_a_function_without_a_common_event_cannot_be_compared(tmp_path: Path) -> None:
    """An event that was renamed leaves nothing that both could be measured with."""
    add(tmp_path / "old", "a", before="{}")
    add(tmp_path / "new", "a", after="{}")

    pairing = paired(tmp_path)

    assert (pairing.pairs, pairing.unpaired) == ((), {})
    assert pairing.incomparable == {"python/a": "`old` has none of its events (after)"}


def test_two_functions_are_compared_whatever_they_are_called(tmp_path: Path) -> None:
    """`compare before/ after/` means these two."""
    add(tmp_path, "before")
    add(tmp_path, "after")
    settings = settings_of(tmp_path)
    names = (str(tmp_path / "functions/before"), str(tmp_path / "functions/after"))

    with checked_out(names, settings, cwd=tmp_path) as sides:
        pairing = pair_up(sides, Request(), settings, cwd=tmp_path)

    assert [pair.id for pair in pairing.pairs] == ["python/after"]


@pytest.mark.parametrize("names", [("package.zip", "app"), ("app", "package.zip")])
def test_a_package_runs_on_the_python_of_the_other_side(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    """It cannot say which one it was made for, which is no difference between the two."""
    add(tmp_path, "app", toml='runtime = "python3.12"\n')
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        archive.writestr("app.py", HANDLER)
    (tmp_path / "app").symlink_to(tmp_path / "functions" / "app")
    (tmp_path / "mine.json").write_text("{}")
    settings = settings_of(tmp_path)

    with checked_out(names, settings, cwd=tmp_path) as sides:
        pairing = pair_up(sides, Request(event="mine.json"), settings, cwd=tmp_path)

    (pair,) = pairing.pairs
    assert (pair.baseline.runtime_version, pair.candidate.runtime_version) == ("3.12", "3.12")


def test_a_function_against_a_project_is_a_mistake(tmp_path: Path) -> None:
    """Nobody can know which of the project's functions is meant."""
    add(tmp_path / "old", "a")
    add(tmp_path / "old", "b")
    add(tmp_path, "alone")
    settings = settings_of(tmp_path)
    names = (str(tmp_path / "old"), str(tmp_path / "functions/alone"))

    with (
        checked_out(names, settings, cwd=tmp_path) as sides,
        pytest.raises(UsageError, match="has 2 functions and the other side is one"),
    ):
        pair_up(sides, Request(), settings, cwd=tmp_path)


def test_only_changed_functions_on_request(tmp_path: Path) -> None:
    """Without git, a function is what is in its directory."""
    for side in ("old", "new"):
        add(tmp_path / side, "same")
    add(tmp_path / "old", "other")
    add(tmp_path / "new", "other", handler=HANDLER + "X = 1\n")

    pairing = paired(tmp_path, changed=True)

    assert [pair.id for pair in pairing.pairs] == ["python/other"]
    assert pairing.unchanged == ("python/same",)


def test_sides_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Two directories of one name are two variants of the record."""
    add(tmp_path / "x" / "project", "a")
    add(tmp_path / "y" / "project", "a")
    names = (str(tmp_path / "x" / "project"), str(tmp_path / "y" / "project"))

    with checked_out(names, settings_of(tmp_path), cwd=tmp_path) as sides:
        assert [side.revision.variant for side in sides] == ["project.a", "project.b"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    """Nobody holds their lock; what a living run holds, and what is not ours, stays."""
    settings = settings_of(tmp_path)
    add(tmp_path / "old", "a")
    parent = settings.cache / "revisions"
    for name in ("revisions-dead", "somebody-elses"):
        (parent / name / "a").mkdir(parents=True)
        (parent / name / ".lock").touch()
    names = (str(tmp_path / "old"), str(tmp_path / "old"))

    with checked_out(names, settings, cwd=tmp_path):
        with checked_out(names, settings, cwd=tmp_path):
            assert len(list(parent.iterdir())) == 3
        assert len(list(parent.iterdir())) == 2

    assert [path.name for path in parent.iterdir()] == ["somebody-elses"]
