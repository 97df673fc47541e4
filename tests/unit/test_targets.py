"""Targets: what the user named, and what is nearest to a name that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config import Settings, load_settings
from bench.errors import ConfigError, UnknownName, UsageError
from bench.functions.targets import Selection, find_functions, resolve_targets, select
from bench.subjects import Function

HANDLER = "def handler(event, context):\n    return event\n"


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    """A project with two runtimes, a name that both have, and directories of other kinds."""
    files = {
        "coldbench.toml": 'functions = ["go/*", "py/*"]',
        "go/hello/main.go": "package main\n",
        "go/internal/lib.go": "package internal\n",
        "py/hello/app.py": HANDLER,
        "py/storage/app.py": HANDLER,
        "py/storage/events/used.json": "{}",
        "py/storage/events/unused.json": "{}",
        "py/.hidden/app.py": HANDLER,
        "py/README.md": "",
        "elsewhere/job/app.py": HANDLER,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def settings_of(project: Path) -> Settings:
    return load_settings({}, cwd=project, environ={})


def resolve(project: Path, *targets: str, cwd: Path | None = None) -> list[str]:
    found = resolve_targets(targets, settings_of(project), cwd=cwd or project)
    return [function.id for function in found]


def functions(project: Path) -> tuple[Function, ...]:
    return find_functions(settings_of(project))


def variants(selections: tuple[Selection, ...]) -> dict[str, list[str]]:
    return {s.function.id: [v.id for v in s.variants] for s in selections}


def test_configured_functions_come_in_the_order_of_the_globs(project: Path) -> None:
    """Libraries, files and hidden directories that a glob matches are passed over."""
    assert [f.id for f in functions(project)] == ["go/hello", "python/hello", "python/storage"]


def test_no_target_means_all_configured(project: Path) -> None:
    """Started where there is no function, every configured one is meant."""
    assert resolve(project) == ["go/hello", "python/hello", "python/storage"]


def test_no_target_means_this_directory_if_it_is_a_function(project: Path) -> None:
    """Started inside a function's directory, that one is meant."""
    assert resolve(project, cwd=project / "py" / "hello") == ["python/hello"]


@pytest.mark.parametrize(
    ("target", "ids"),
    [
        ("go/hello", ["go/hello"]),
        ("hello", ["go/hello", "python/hello"]),
        ("storage", ["python/storage"]),
        ("go/*", ["go/hello"]),
        ("*/hello", ["go/hello", "python/hello"]),
        ("py/*", ["python/hello", "python/storage"]),
        ("py/storage", ["python/storage"]),
        ("./py/storage/", ["python/storage"]),
        ("elsewhere/job", ["python/job"]),
        ("elsewhere/*", ["python/job"]),
    ],
)
def test_a_target_is_an_id_a_name_a_directory_or_a_glob(
    project: Path, target: str, ids: list[str]
) -> None:
    """Each form of a target finds what it says, inside and outside the configured places."""
    assert resolve(project, target) == ids


def test_a_function_named_twice_is_taken_once(project: Path) -> None:
    """Overlapping targets do not measure anything twice."""
    assert resolve(project, "hello", "go/hello", "go/*") == ["go/hello", "python/hello"]


def test_a_directory_outside_any_project_works(tmp_path: Path) -> None:
    """One function's directory is all that is needed."""
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "app.py").write_text(HANDLER)

    assert resolve(tmp_path, str(tmp_path / "f")) == ["python/f"]


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("go/helo", "`go/hello`"),
        ("storag", "`storage`"),
        ("pyton/*", "python/hello"),
    ],
)
def test_an_unknown_function_has_near_misses(project: Path, target: str, hint: str) -> None:
    """A name that does not exist is answered with the nearest ones of the same form."""
    with pytest.raises(UnknownName, match="unknown function") as error:
        resolve(project, target)

    assert hint in str(error.value.hint)
    assert error.value.exit_code == 2


def test_a_directory_is_enough_by_itself(project: Path) -> None:
    """A mistake in a configured function is not in the way of another directory."""
    (project / "py" / "storage" / "function.toml").write_text("handler = 1\n")

    assert resolve(project, "./elsewhere/job") == ["python/job"]
    assert resolve(project, ".", cwd=project / "py" / "hello") == ["python/hello"]
    with pytest.raises(ConfigError):
        resolve(project, "storage")


@pytest.mark.parametrize("target", ["go/**x", "./go/**x"])
def test_a_glob_that_is_none_is_a_mistake_of_the_user(project: Path, target: str) -> None:
    """`**` must stand alone; the message shows the glob."""
    with pytest.raises(UsageError, match=r"`(\./)?go/\*\*x` is no glob"):
        resolve(project, target)


def test_a_checkout_may_be_called_like_a_glob(project: Path, tmp_path: Path) -> None:
    """Wildcards in the path above the project are letters."""
    root = tmp_path / "a[w]b"
    (root / "py" / "hello").mkdir(parents=True)
    (root / "py" / "hello" / "app.py").write_text(HANDLER)
    (root / "coldbench.toml").write_text('functions = ["py/*"]')

    assert resolve(root) == ["python/hello"]
    assert resolve(root, "p*/hello") == ["python/hello"]


@pytest.mark.parametrize("pattern", ["{root}/py/*", "go/../py/*", "py/**/"])
def test_globs_may_be_absolute_or_go_up(project: Path, pattern: str) -> None:
    """Every form of a glob finds the same functions."""
    target = pattern.format(root=project)

    assert resolve(project, target) == ["python/hello", "python/storage"]


def test_a_path_that_does_not_exist_is_called_a_directory(project: Path) -> None:
    """Somebody who types a path is not told about function ids."""
    with pytest.raises(UsageError, match=r"there is no directory `\./nowhere`"):
        resolve(project, "./nowhere")


def test_a_file_is_not_a_target(project: Path) -> None:
    """The hint for a file is its directory."""
    with pytest.raises(UsageError, match="is a file") as error:
        resolve(project, "py/hello/app.py")

    assert str(project / "py" / "hello") in str(error.value.hint)


def test_a_directory_without_a_function_is_an_error(project: Path) -> None:
    """A directory that exists and is no function is told what was looked for."""
    with pytest.raises(UsageError, match=r"no function in .*: looked for"):
        resolve(project, "go/internal")


def test_a_place_without_any_function_is_an_error(tmp_path: Path) -> None:
    """Nothing here and nothing configured is told how to name one."""
    with pytest.raises(UsageError, match="no function in") as error:
        resolve(tmp_path)

    assert "coldbench run path/to/function" in str(error.value.hint)


def test_two_functions_with_one_id_are_refused(project: Path) -> None:
    """Samples go by id, so two functions of one run cannot share it."""
    twin = project / "elsewhere" / "hello"
    twin.mkdir()
    (twin / "app.py").write_text(HANDLER)

    with pytest.raises(UsageError, match="two functions are called `python/hello`"):
        resolve(project, "python/hello", "elsewhere/hello")


def test_patterns_restrict_variants_and_keep_the_baseline(project: Path) -> None:
    """Without the baseline there would be nothing to compare with."""
    chosen = select(functions(project), patterns=["strip*"], cwd=project)

    assert variants(chosen) == {"go/hello": ["default", "stripped", "stripped-trimpath"]}


def test_patterns_alone_decide_where_nothing_is_compared(project: Path) -> None:
    """A build makes what was asked for and nothing else."""
    chosen = select(functions(project), patterns=["stripped"], keep_baseline=False, cwd=project)

    assert variants(chosen) == {"go/hello": ["stripped"]}


def test_another_baseline_is_taken_where_it_exists(project: Path) -> None:
    """Functions without the variant keep the baseline of their runtime."""
    chosen = select(functions(project), baseline="static", cwd=project)

    assert [s.baseline for s in chosen] == ["static", "eager", "eager"]


@pytest.mark.parametrize("asked", [{"patterns": ["striped"]}, {"baseline": "striped"}])
def test_an_unknown_variant_has_near_misses(project: Path, asked: dict[str, object]) -> None:
    """A pattern or baseline that no function has is answered with the nearest variants."""
    with pytest.raises(UnknownName, match="unknown variant `striped`") as error:
        select(functions(project), cwd=project, **asked)  # type: ignore[arg-type]

    assert "`stripped`" in str(error.value.hint)


def test_an_event_is_taken_from_the_functions_that_have_it(project: Path) -> None:
    """Functions without the event are left out."""
    chosen = select(functions(project), event="used", cwd=project)

    assert [(s.function.id, [e.name for e in s.events]) for s in chosen] == [
        ("python/storage", ["used"])
    ]


def test_an_event_may_be_a_file(project: Path) -> None:
    """A JSON file becomes the event of every function."""
    (project / "mine.json").write_text('{"a": 1}')

    chosen = select(functions(project), event="mine.json", cwd=project)

    assert [[e.path for e in s.events] for s in chosen] == [[project / "mine.json"]] * 3


def test_an_event_file_must_be_json(project: Path) -> None:
    """A file that is not JSON is refused before anything is built."""
    (project / "mine.json").write_text("{")

    with pytest.raises(ConfigError, match=r"not JSON: .*mine\.json, line 1"):
        select(functions(project), event="mine.json", cwd=project)


def test_an_unknown_event_has_near_misses(project: Path) -> None:
    """An event that no function has is answered with the nearest one."""
    with pytest.raises(UnknownName, match="unknown event `usd`") as error:
        select(functions(project), event="usd", cwd=project)

    assert "`used`" in str(error.value.hint)


def test_an_event_and_a_variant_of_different_functions_do_not_meet(project: Path) -> None:
    """Both exist, but not in one function: that is not an unknown name."""
    with pytest.raises(UsageError, match="no function has both event `used`"):
        select(functions(project), patterns=["static"], event="used", cwd=project)


def test_a_configured_glob_that_matches_nothing_is_a_mistake(project: Path) -> None:
    """A function that silently is not measured would be missed too late."""
    (project / "coldbench.toml").write_text('functions = ["py/*", "py/storag"]')

    with pytest.raises(ConfigError, match=r"coldbench.toml: `py/storag` matches no function") as e:
        functions(project)
    assert e.value.hint == "did you mean `py/storage`?"


def test_default_globs_may_match_nothing(project: Path) -> None:
    """Nobody has asked for them."""
    (project / "coldbench.toml").write_text("")

    assert functions(project) == ()


def test_a_revision_may_lack_a_configured_directory(project: Path) -> None:
    """Asked for an incomplete project, the globs that match are enough."""
    (project / "coldbench.toml").write_text('functions = ["go/*", "new/*"]')
    found = find_functions(settings_of(project), complete=False)

    assert [function.id for function in found] == ["go/hello"]


def test_directories_here_are_near_misses(project: Path) -> None:
    """`coldbench run lasyfn` beside `lazyfn/`, which nobody has configured."""
    with pytest.raises(UnknownName) as e:
        resolve(project, "jbo", cwd=project / "elsewhere")
    assert e.value.hint == "did you mean `job`?"
