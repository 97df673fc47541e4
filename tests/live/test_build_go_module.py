"""Real Go builds of a module that needs nothing but the standard library."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from bench.build import BuildCache, BuildResult, build_matrix
from bench.build.elf import section_bytes
from bench.functions.variants import of_runtime
from bench.subjects import Artifact, Function, Variant

pytestmark = pytest.mark.live


def a_module(root: Path) -> Path:
    for name, body in {"hello": 'println("hello")', "broken": "undefinedName()"}.items():
        (root / name).mkdir(parents=True)
        (root / name / "main.go").write_text(f"package main\n\nfunc main() {{\n\t{body}\n}}\n")
    (root / "go.mod").write_text("module example.com/functions\n\ngo 1.24\n")
    return root


def a_function(directory: Path) -> Function:
    return Function(
        id=f"go/{directory.name}",
        runtime="go",
        directory=directory,
        handler="bootstrap",
        events=(),
    )


def recipe(name: str) -> Variant:
    [variant] = [v for v in of_runtime("go") if v.id == name]
    return variant


def build(root: Path, cache: Path, *variants: Variant) -> BuildResult:
    pairs = [(a_function(root / n), v) for v in variants for n in ("hello", "broken")]
    return build_matrix(pairs, cache=BuildCache(cache))


@pytest.fixture(name="root", scope="module")
def _root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_module(tmp_path_factory.mktemp("module") / "functions")


@pytest.fixture(name="cache", scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(name="result", scope="module")
def _result(root: Path, cache: Path) -> BuildResult:
    return build(root, cache, *of_runtime("go"))


@pytest.fixture(name="artifacts", scope="module")
def _artifacts(result: BuildResult) -> dict[str, Artifact]:
    return {artifact.variant: artifact for artifact in result.artifacts}


def test_every_variant_is_built(artifacts: dict[str, Artifact]) -> None:
    """All recipes of the table give an executable for this machine."""
    assert set(artifacts) == {variant.id for variant in of_runtime("go")}
    assert all(os.access(a.tree_path / "bootstrap", os.X_OK) for a in artifacts.values())


def test_trimmed_variants_are_reproducible(artifacts: dict[str, Artifact]) -> None:
    """Two paths give the same bytes exactly where the recipe has `-trimpath`."""
    trimmed = {variant.id for variant in of_runtime("go") if "-trimpath" in variant.flags}

    assert {name for name, artifact in artifacts.items() if artifact.reproducible} == trimmed
    assert {a.reproducible for a in artifacts.values()} == {True, False}


def test_stripped_binaries_have_no_symbols(artifacts: dict[str, Artifact]) -> None:
    """`-s -w` removes the symbol table and DWARF, and keeps the table behind stack traces."""
    default = section_bytes(artifacts["default"].tree_path / "bootstrap")
    stripped = section_bytes(artifacts["stripped"].tree_path / "bootstrap")

    assert ".symtab" in default
    assert ".symtab" not in stripped
    assert ".gopclntab" in stripped
    assert not [name for name in stripped if "debug" in name]


def test_the_smallest_variant_is_not_larger_than_its_parts(
    artifacts: dict[str, Artifact],
) -> None:
    """Everything together is at most as large as the stripped build."""
    assert artifacts["smallest"].binary_bytes <= artifacts["stripped"].binary_bytes


def test_a_flag_without_effect_gives_an_identical_artifact(
    root: Path, cache: Path, artifacts: dict[str, Artifact]
) -> None:
    """A variant with the same bytes as an earlier one names it."""
    smallest = recipe("smallest")
    ineffective = replace(smallest, id="ineffective", flags=(*smallest.flags, "-v"))

    first, second = build(root, cache, smallest, ineffective).artifacts

    assert (first.identical_to, second.identical_to) == (None, "smallest")
    assert second.digest == artifacts["smallest"].digest


def test_the_zip_has_one_executable_bootstrap(artifacts: dict[str, Artifact]) -> None:
    """Lambda finds `bootstrap` at the top of the package, executable."""
    with zipfile.ZipFile(artifacts["default"].zip_path) as archive:
        [entry] = archive.infolist()

    assert (entry.filename, entry.external_attr >> 16 & 0o777) == ("bootstrap", 0o755)
    assert entry.file_size == artifacts["default"].binary_bytes


def test_a_broken_function_says_what_the_compiler_said(result: BuildResult) -> None:
    """Each failure has the function, the variant, the command and the compiler's own message."""
    failure = result.failures[0]

    assert {f.function for f in result.failures} == {"go/broken"}
    assert "undefined: undefinedName" in failure.message
    assert "main.go:4" in failure.message
    assert "./broken" in failure.command


def test_an_empty_cache_gives_the_same_zip(
    root: Path, tmp_path: Path, artifacts: dict[str, Artifact]
) -> None:
    """A trimmed variant built into another cache is the same zip, byte for byte."""
    [again] = build(root, tmp_path / "cache", recipe("smallest")).artifacts

    assert again.zip_path.read_bytes() == artifacts["smallest"].zip_path.read_bytes()


def test_version_control_does_not_show(tmp_path: Path, artifacts: dict[str, Artifact]) -> None:
    """A checkout in another place, with a repository around it, gives the same package."""
    root = a_module(tmp_path / "checkout" / "functions")
    (tmp_path / "checkout" / ".git").mkdir()

    [again] = build(root, tmp_path / "cache", recipe("smallest")).artifacts

    assert again.digest == artifacts["smallest"].digest


def test_an_empty_compile_cache_gives_the_same_binary(
    root: Path, tmp_path: Path, artifacts: dict[str, Artifact]
) -> None:
    """Nothing of a trimmed binary comes from what Go had compiled before."""
    result = build_matrix(
        [(a_function(root / "hello"), recipe("smallest"))],
        cache=BuildCache(tmp_path / "cache"),
        environ={**os.environ, "GOCACHE": str(tmp_path / "gocache")},
        prove_reproducible=False,
    )

    assert [a.digest for a in result.artifacts] == [artifacts["smallest"].digest]
