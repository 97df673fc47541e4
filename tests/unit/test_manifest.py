"""function.toml: every key is checked, and every mistake names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.functions.manifest import read_manifest


def write(directory: Path, text: str) -> Path:
    (directory / "function.toml").write_text(text)
    return directory


def test_an_absent_file_says_nothing(tmp_path: Path) -> None:
    """Without function.toml every value is unset."""
    manifest = read_manifest(tmp_path)

    assert (manifest.runtime, manifest.handler, manifest.variants) == (None, None, ())


def test_every_key_is_read(tmp_path: Path) -> None:
    """A file with all keys gives all values."""
    write(
        tmp_path,
        """
        runtime = "python"
        handler = "app.handler"
        memory = 512
        timeout = 3
        library = "pandas"
        [variants.eager]
        handler = "eager.handler"
        [events.used]
        uses_library = true
        [env]
        KEY = "value"
        """,
    )

    manifest = read_manifest(tmp_path)

    assert (manifest.runtime, manifest.handler) == ("python", "app.handler")
    assert (manifest.memory_mb, manifest.timeout_s, manifest.library) == (512, 3.0, "pandas")
    assert manifest.sources["eager"].handler == "eager.handler"
    assert manifest.uses_library == {"used": True}
    assert manifest.environment == {"KEY": "value"}


def test_a_path_of_a_variant_is_below_the_directory(tmp_path: Path) -> None:
    """A pre-built variant is a sub-directory."""
    (tmp_path / "fast").mkdir()
    write(tmp_path, '[variants.v2]\npath = "fast"')

    assert read_manifest(tmp_path).sources["v2"].path == tmp_path / "fast"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runtime =", "not valid TOML"),
        ('runtme = "go"', "unknown key `runtme`"),
        ('runtime = "ruby"', "unknown runtime `ruby`"),
        ("handler = 1", "`handler` in .* must be text"),
        ('handler = "a b"', "`handler` in .* must be one word"),
        ("memory = 127", "`memory` in .* from 128 to 10,240, not `127`"),
        ('memory = "big"', "`memory` in .* from 128 to 10,240"),
        ("timeout = 0", "`timeout` in .* up to 900"),
        ("timeout = 901", "`timeout` in .* up to 900"),
        ("timeout = true", "`timeout` in .* up to 900"),
        ("variants = []", "`variants` in .* list of names"),
        ("variants = 3", "`variants` in .* must be a table"),
        ("[variants.x]", "must have either `handler` or `path`"),
        ('[variants.x]\nhandler = "a.b"\npath = "c"', "must have either `handler` or `path`"),
        ('[variants.x]\npath = "nowhere"', "`variants.x.path` in .*: `nowhere` is not a directory"),
        ('[variants.x]\nhandlr = "a.b"', r"unknown key `handlr` in \[variants.x\]"),
        ('[variants."a/b"]\nhandler = "a.b"', "variant name `a/b`"),
        ("[events.used]\nuses_libary = true", r"unknown key `uses_libary` in \[events.used\]"),
        ("[events.used]\nuses_library = 1", "`events.used.uses_library` in .* `true` or `false`"),
        ("[env]\nKEY = 1", "`env.KEY` in .* must be text, in quotes"),
        ("env = 1", "`env` in .* must be a table"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    """Whatever is wrong, the message says where and what it must be."""
    write(tmp_path, text)

    with pytest.raises(ConfigError, match=words) as error:
        read_manifest(tmp_path)

    assert str(tmp_path / "function.toml") in error.value.message


def test_a_misspelt_key_has_a_near_miss(tmp_path: Path) -> None:
    """The hint of an unknown key is the key that was probably meant."""
    write(tmp_path, "memry = 128")

    with pytest.raises(ConfigError) as error:
        read_manifest(tmp_path)

    assert "`memory`" in str(error.value.hint)


@pytest.mark.parametrize(
    ("name", "runtime", "version", "os_only"),
    [
        ("python", "python", None, False),
        ("python3.13", "python", "3.13", False),
        ("go", "go", None, False),
        ("custom", "custom", None, False),
        ("provided.al2023", None, None, True),
    ],
)
def test_lambdas_own_names_of_runtimes(
    tmp_path: Path, name: str, runtime: str | None, version: str | None, os_only: bool
) -> None:
    """A managed Python has a version; the OS-only runtime leaves the language to the files."""
    manifest = read_manifest(write(tmp_path, f'runtime = "{name}"'))

    found = (manifest.runtime, manifest.runtime_version, manifest.os_only)
    assert found == (runtime, version, os_only)


@pytest.mark.parametrize("name", ["python3", "python3.10", "python3.130", "nodejs22.x"])
def test_a_runtime_that_does_not_run_here_is_refused(tmp_path: Path, name: str) -> None:
    """With the names that do."""
    with pytest.raises(ConfigError, match="unknown runtime"):
        read_manifest(write(tmp_path, f'runtime = "{name}"'))


def test_events_have_weights(tmp_path: Path) -> None:
    """A mix is written in one line, or beside what else is said of an event."""
    write(tmp_path, "events = { used = 0.2, unused = 0.8 }")
    assert read_manifest(tmp_path).weights == {"used": 0.2, "unused": 0.8}

    write(tmp_path, "[events.used]\nuses_library = true\nweight = 1\n[events.unused]\n")
    manifest = read_manifest(tmp_path)
    assert (manifest.weights, manifest.uses_library) == (
        {"used": 1.0},
        {"used": True, "unused": None},
    )


@pytest.mark.parametrize("value", ["-1", '"much"', "true", "inf", "nan", "{ weight = -1 }"])
def test_a_weight_is_a_number(tmp_path: Path, value: str) -> None:
    """Anything else names the event and the file."""
    write(tmp_path, f"events = {{ used = {value} }}")

    with pytest.raises(ConfigError, match=r"`events\.used.*function\.toml must be"):
        read_manifest(tmp_path)


def test_weights_add_up_to_something(tmp_path: Path) -> None:
    """A mix of nothing has no expectation."""
    write(tmp_path, "events = { used = 0, unused = 0.0 }")

    with pytest.raises(ConfigError, match="add up to nothing"):
        read_manifest(tmp_path)
