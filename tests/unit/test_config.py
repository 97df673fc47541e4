"""Settings: which source wins, what each may hold, and what a mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config import Settings, find_project, load_settings, user_cache
from bench.errors import ConfigError
from bench.settings import SETTINGS, parse_memory


def load(
    cwd: Path, flags: dict[str, str | None] | None = None, environ: dict[str, str] | None = None
) -> Settings:
    return load_settings(flags or {}, cwd=cwd, environ=environ or {})


def test_a_default_says_that_it_is_one(tmp_path: Path) -> None:
    """Without any source the default holds, relative to the current directory."""
    settings = load(tmp_path)

    assert settings.memory_sizes_mb == (128, 512, 1024, 1769)
    assert settings.out == tmp_path / "reports"
    assert set(settings.sources.values()) == {"default"}


def test_the_file_beats_the_default(tmp_path: Path) -> None:
    """A key of the project file wins over the default, and the file is its source."""
    file = tmp_path / "coldbench.toml"
    file.write_text("warm = 2")

    settings = load(tmp_path)

    assert (settings.warm_invokes, settings.sources["warm"]) == (2, str(file))


def test_the_environment_beats_the_file(tmp_path: Path) -> None:
    """A variable wins over the project file."""
    (tmp_path / "coldbench.toml").write_text("warm = 2")

    settings = load(tmp_path, environ={"COLDBENCH_WARM": "3"})

    assert (settings.warm_invokes, settings.sources["warm"]) == (3, "COLDBENCH_WARM")


def test_a_flag_beats_the_environment(tmp_path: Path) -> None:
    """A flag wins over everything."""
    settings = load(tmp_path, {"warm": "4"}, {"COLDBENCH_WARM": "3"})

    assert (settings.warm_invokes, settings.sources["warm"]) == (4, "--warm")


def test_an_empty_variable_is_unset(tmp_path: Path) -> None:
    """CI systems set a variable to the empty string when they mean none."""
    assert load(tmp_path, environ={"COLDBENCH_SEED": ""}).seed is None


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    """The search goes upwards and stops at the first file that speaks of coldbench."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "coldbench.toml").write_text("warm = 1")
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.coldbench]\nwarm = 2")
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'")

    settings = load(inner)

    assert settings.warm_invokes == 2
    assert settings.root == tmp_path / "a"


def test_coldbench_toml_is_preferred(tmp_path: Path) -> None:
    """Of two files side by side, the one that is ours alone counts."""
    (tmp_path / "coldbench.toml").write_text("warm = 1")
    (tmp_path / "pyproject.toml").write_text("[tool.coldbench]\nwarm = 2")

    assert load(tmp_path).warm_invokes == 1


def test_paths_of_a_file_are_relative_to_it(tmp_path: Path) -> None:
    """The same file means the same directory wherever the command is started."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "coldbench.toml").write_text('out = "results"')

    assert load(inner).out == tmp_path / "results"


def test_paths_of_flags_are_relative_to_the_current_directory(tmp_path: Path) -> None:
    """A path that is typed means what the shell would mean by it."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "coldbench.toml").write_text("")

    assert load(inner, {"out": "here"}).out == inner / "here"


def test_the_cache_follows_the_base_directory_specification(tmp_path: Path) -> None:
    """XDG_CACHE_HOME moves the default cache."""
    settings = load(tmp_path, environ={"XDG_CACHE_HOME": "/somewhere"})

    assert settings.cache == Path("/somewhere/coldbench")


def test_a_broken_file_of_somebody_else_is_not_read(tmp_path: Path) -> None:
    """A pyproject.toml without a word about coldbench may be as wrong as it likes."""
    (tmp_path / "pyproject.toml").write_text("][")

    assert find_project(tmp_path).file is None


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    """TOML that does not parse is an error with file and line."""
    (tmp_path / "coldbench.toml").write_text("warm = 1\nseed = \n")

    with pytest.raises(ConfigError, match=r"coldbench\.toml is not valid TOML.*line 2"):
        load(tmp_path)


def test_an_unknown_key_has_a_near_miss(tmp_path: Path) -> None:
    """A misspelt key is an error that names the file and the nearest key."""
    (tmp_path / "coldbench.toml").write_text("memroy = [128]")

    with pytest.raises(
        ConfigError, match=r"unknown setting `memroy` in .*coldbench\.toml"
    ) as error:
        load(tmp_path)

    assert "`memory`" in str(error.value.hint)


def test_an_unknown_variable_has_a_near_miss(tmp_path: Path) -> None:
    """A misspelt variable is an error too, and not silently ignored."""
    with pytest.raises(ConfigError, match="COLDBENCH_MEMROY") as error:
        load(tmp_path, environ={"COLDBENCH_MEMROY": "128"})

    assert "COLDBENCH_MEMORY" in str(error.value.hint)


def test_the_table_must_be_one(tmp_path: Path) -> None:
    """A tool.coldbench that is no table is an error."""
    (tmp_path / "pyproject.toml").write_text("[tool]\ncoldbench = 3")

    with pytest.raises(ConfigError, match="must be a table"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["127", "10241", "lots", "", "128,64", "1e3", "-512", "12.5", "²"])
def test_memory_out_of_range_is_told_the_range(tmp_path: Path, text: str) -> None:
    """A memory size that Lambda would refuse is answered with the range in words."""
    with pytest.raises(ConfigError, match="whole number of MB from 128 to 10,240"):
        load(tmp_path, {"memory": text})


@pytest.mark.parametrize("value", [128, 10_240, "128", " 10240 "])
def test_memory_at_the_ends_of_the_range_is_accepted(value: object) -> None:
    """Both ends of Lambda's range are inside it."""
    assert parse_memory(value) in (128, 10_240)


def test_memory_sizes_are_sorted_and_distinct(tmp_path: Path) -> None:
    """The same sizes in any order are the same plan."""
    assert load(tmp_path, {"memory": "1769,128, 128"}).memory_sizes_mb == (128, 1769)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("rounds", "0"),
        ("rounds", "many"),
        ("warm", "-1"),
        ("seed", "0x10"),
        ("budget", "0s"),
        ("budget", "soon"),
        ("margin", "0"),
        ("margin", "small"),
        ("confidence", "99"),
        ("confidence", "nan"),
        ("page_cache", "cold"),
        ("cpu", "fast"),
        ("out", ""),
    ],
)
def test_a_value_that_cannot_be_used_names_its_source(
    tmp_path: Path, setting: str, text: str
) -> None:
    """A wrong value is quoted together with the flag that brought it."""
    flag = "--" + setting.replace("_", "-")

    with pytest.raises(ConfigError, match=f"`{flag}` must be .* not `{text}`"):
        load(tmp_path, {setting: text})


@pytest.mark.parametrize(
    "line", ["seed = true", "warm = 1.5", "functions = [1]", "memory = '1 GB'"]
)
def test_a_wrong_type_in_the_file_names_file_and_key(tmp_path: Path, line: str) -> None:
    """A wrong type in the file is an error that names the key and the file."""
    (tmp_path / "coldbench.toml").write_text(line)

    with pytest.raises(ConfigError, match=rf"`{line.split()[0]}` in .*coldbench\.toml must be"):
        load(tmp_path)


def test_shares_may_be_percentages(tmp_path: Path) -> None:
    """People say 2 %, files say 0.02."""
    settings = load(tmp_path, {"margin": "2%", "confidence": "0.95"})

    assert (settings.margin, settings.confidence) == (0.02, 0.95)


def test_every_setting_has_help_and_its_own_names() -> None:
    """The table of settings is what the documentation is made of."""
    assert all(setting.help for setting in SETTINGS)
    assert len({setting.field for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.unset for setting in SETTINGS if setting.default is None)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"COLDBENCH_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, Path("/c")),
        ({"XDG_CACHE_HOME": "/x"}, Path("/x/coldbench")),
        ({}, Path.home() / ".cache" / "coldbench"),
    ],
)
def test_the_cache_is_where_the_user_says(environ: dict[str, str], expected: Path) -> None:
    """Our own variable comes first, then the XDG one, then the usual place."""
    assert expected == user_cache(environ)
