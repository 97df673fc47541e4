from __future__ import annotations

from pathlib import Path

import pytest
from scripted_tools import (
    ScriptedTools,
    a_function,
    a_go_module,
    a_variant,
    elf_bytes,
    executable,
)

from bench.build import matrix
from bench.build.cache import BuildCache
from bench.build.matrix import BuildResult, build_matrix
from bench.build.package import Facts, Package
from bench.build.process import Command, Completed
from bench.build.workshop import BuildEvent, Pair
from bench.errors import Interrupted
from bench.subjects import Variant, VariantSource

CUSTOM = Variant(id="default", runtime="custom", summary="pre-built")


def build(
    pairs: list[Pair],
    tmp_path: Path,
    run: ScriptedTools | None = None,
    events: list[BuildEvent] | None = None,
) -> BuildResult:
    executable(tmp_path / "bin" / "go")
    return build_matrix(
        pairs,
        cache=BuildCache(tmp_path / "cache"),
        observer=(events if events is not None else []).append,
        run=run or ScriptedTools(),
        environ={"PATH": str(tmp_path / "bin")},
    )


def a_custom_function(directory: Path, content: bytes = b"#!/bin/sh\n") -> Path:
    directory.mkdir(parents=True)
    (directory / "bootstrap").write_bytes(content)
    (directory / "bootstrap").chmod(0o755)
    return directory


def test_results_are_in_the_order_of_the_pairs(tmp_path: Path) -> None:
    """Runtimes are built side by side; their results are put back in order."""
    root = a_go_module(tmp_path / "go", "hello")
    custom = a_function(a_custom_function(tmp_path / "echo"), "custom")
    go = a_function(root / "hello")
    pairs: list[Pair] = [(go, a_variant("b")), (custom, CUSTOM), (go, a_variant("a"))]

    result = build(pairs, tmp_path)

    assert [(a.function, a.variant) for a in result.artifacts] == [
        ("go/hello", "b"),
        ("custom/echo", "default"),
        ("go/hello", "a"),
    ]


def test_a_failure_stops_no_other_build(tmp_path: Path) -> None:
    """Failures are told beside the artifacts, and to the observer."""
    root = a_go_module(tmp_path / "go", "hello", "api")
    pairs: list[Pair] = [(a_function(root / n), a_variant("default")) for n in ("hello", "api")]
    events: list[BuildEvent] = []

    result = build(pairs, tmp_path, ScriptedTools(broken={"hello": "undefined: x"}), events)

    assert [artifact.function for artifact in result.artifacts] == ["go/api"]
    assert [failure.function for failure in result.failures] == ["go/hello"]
    assert {("go/hello", "failed"), ("go/api", "built")} == {
        (event.function, event.state) for event in events if event.state != "started"
    }


def test_equal_packages_of_a_function_are_named(tmp_path: Path) -> None:
    """A later variant with the same bytes names the first one; another function does not."""
    root = a_go_module(tmp_path / "go", "hello", "api")
    same = ScriptedTools(binary=lambda *_: b"same")
    pairs: list[Pair] = [
        (a_function(root / name), a_variant(variant))
        for name in ("hello", "api")
        for variant in ("default", "static")
    ]

    result = build(pairs, tmp_path, same)

    assert [a.identical_to for a in result.artifacts] == [None, "default", None, "default"]


def test_another_handler_is_another_artifact(tmp_path: Path) -> None:
    """Eager and lazy share the bytes, but Lambda is told another handler."""
    directory = tmp_path / "both"
    directory.mkdir()
    (directory / "eager.py").write_text("handler = None\n")
    function = a_function(
        directory,
        "python",
        handler="eager.handler",
        sources={"lazy": VariantSource(handler="lazy.handler")},
    )
    eager = Variant(id="eager", runtime="python", summary="", import_style="eager", bytecode="none")
    lazy = Variant(id="lazy", runtime="python", summary="", import_style="lazy", bytecode="none")

    first, second = build([(function, eager), (function, lazy)], tmp_path).artifacts

    assert (first.handler, second.handler) == ("eager.handler", "lazy.handler")
    assert first.digest == second.digest
    assert second.identical_to is None


def test_a_source_only_variant_has_the_handler_of_its_style(tmp_path: Path) -> None:
    """The bytecode arm of a style has the entry point of the style."""
    function = a_function(
        tmp_path, "python", sources={"lazy": VariantSource(handler="lazy.handler")}
    )
    variant = Variant(id="lazy-source-only", runtime="python", summary="", import_style="lazy")

    assert matrix.handler_of(function, variant) == "lazy.handler"


@pytest.mark.parametrize(
    ("zip_bytes", "unpacked_bytes", "expected"),
    [
        (0, 0, ()),
        (41_943_039, 209_715_199, ()),
        (
            41_943_040,
            0,
            ("41.9 MB zipped is 80% of Lambda's limit of 50 MB for a direct upload",),
        ),
        (0, 300_000_000, ("300 MB unpacked is 114% of Lambda's limit of 250 MB",)),
    ],
)
def test_limits_are_warned_of_from_80_percent(
    zip_bytes: int, unpacked_bytes: int, expected: tuple[str, ...]
) -> None:
    """Lambda's limits are told in words before they are hit."""
    package = Package(
        directory=Path("entry"),
        digest="0",
        zip_bytes=zip_bytes,
        unpacked_bytes=unpacked_bytes,
        facts=Facts(toolchain={}, recipe=""),
    )

    assert expected == matrix.limit_warnings(package)


def test_a_custom_function_is_packaged_as_it_is(tmp_path: Path) -> None:
    """The bootstrap goes in unchanged; events and hidden files stay out."""
    directory = a_custom_function(tmp_path / "echo", elf_bytes({".text": bytes(9)}))
    for name in ("events/hi.json", "function.toml", ".hidden", "lib/data"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text("{}")

    [artifact] = build([(a_function(directory, "custom"), CUSTOM)], tmp_path).artifacts

    packaged = {p.name for p in artifact.tree_path.rglob("*") if p.is_file()}
    assert {"bootstrap", "data"} == packaged
    assert artifact.breakdown["text"] == 9


def test_what_is_not_packaged_makes_no_new_custom_package(tmp_path: Path) -> None:
    """Events, version control and an editor's dangling lock are no part of the key."""
    directory = a_custom_function(tmp_path / "echo")
    pairs: list[Pair] = [(a_function(directory, "custom"), CUSTOM)]
    [before] = build(pairs, tmp_path).artifacts
    for name in ("events/hi.json", ".git/HEAD"):
        (directory / name).parent.mkdir()
        (directory / name).write_text("{}")
    (directory / ".#bootstrap").symlink_to("me@here.1")

    assert build(pairs, tmp_path).artifacts == (before,)


def test_a_custom_variant_is_its_directory(tmp_path: Path) -> None:
    """`[variants.NAME] path` chooses a sub-directory."""
    directory = tmp_path / "echo"
    a_custom_function(directory / "fast")
    function = a_function(directory, "custom", sources={"fast": VariantSource(path=Path("fast"))})
    variant = Variant(id="fast", runtime="custom", summary="pre-built")

    [artifact] = build([(function, variant)], tmp_path).artifacts

    assert [p.name for p in artifact.tree_path.iterdir()] == ["bootstrap"]


def test_a_missing_custom_directory_is_a_failed_build(tmp_path: Path) -> None:
    """The message names the directory, and what to correct."""
    function = a_function(tmp_path, "custom", sources={"fast": VariantSource(path=Path("missing"))})
    variant = Variant(id="fast", runtime="custom", summary="pre-built")

    [failure] = build([(function, variant)], tmp_path).failures

    assert "missing" in failure.message
    assert "[variants.fast]" in failure.message


def test_an_interrupt_stops_the_runner(tmp_path: Path) -> None:
    """What ends one build by an interrupt ends all, and nothing can be started after it."""
    root = a_go_module(tmp_path / "go", "hello")

    class Interrupting(ScriptedTools):
        def __call__(self, command: Command) -> Completed:
            if command.arguments[1] == "build":
                raise Interrupted("interrupted by SIGINT")
            return super().__call__(command)

    run = Interrupting()

    with pytest.raises(Interrupted):
        build([(a_function(root / "hello"), a_variant("default"))], tmp_path, run)

    assert run.stopped
