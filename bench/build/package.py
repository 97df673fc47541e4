"""A finished deployment package in the cache: its tree, its zip and its exact numbers.

A package knows nothing of functions and variants: what was made from the same inputs is the same
package, for example the eager and the lazy entry point of one Python function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from bench.build.cache import BuildCache, write_atomically
from bench.frozen import dataclass
from bench.subjects import Artifact, Function, Variant

KIND = "packages"
BOOTSTRAP = "bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the builder of a package can tell about it; see :class:`.Artifact`."""

    toolchain: Mapping[str, str]
    recipe: str
    binary_bytes: int = 0
    breakdown: Mapping[str, int] = field(default_factory=dict)
    reproducible: bool | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One entry of the cache."""

    directory: Path
    digest: str
    zip_bytes: int
    unpacked_bytes: int
    facts: Facts

    def artifact(self, function: Function, variant: Variant, handler: str) -> Artifact:
        """Give the package as the outcome of one Function x Variant."""
        return Artifact(
            function=function.id,
            variant=variant.id,
            digest=self.digest,
            zip_path=self.directory / "package.zip",
            tree_path=self.directory / "tree",
            handler=handler,
            zip_bytes=self.zip_bytes,
            unpacked_bytes=self.unpacked_bytes,
            binary_bytes=self.facts.binary_bytes,
            toolchain=self.facts.toolchain,
            recipe=self.facts.recipe,
            breakdown=self.facts.breakdown,
            reproducible=self.facts.reproducible,
            warnings=self.facts.warnings,
        )


def load(cache: BuildCache, key: str) -> Package | None:
    """The package under ``key``; an entry that is damaged is removed and counts as absent."""
    directory = cache.find(KIND, key)
    if directory is None:
        return None
    try:
        package = _read(directory)
    except (OSError, ValueError, KeyError, TypeError):
        cache.discard(KIND, key)
        return None
    return package


def publish(cache: BuildCache, key: str, fill: Callable[[Path], Facts]) -> Package:
    """Make the package under ``key`` from the tree that ``fill`` writes and describes."""
    from bench.build.archive import tree_bytes, tree_digest, write_zip

    def write(entry: Path) -> None:
        tree = entry / "tree"
        tree.mkdir()
        facts = fill(tree)
        numbers = {
            "digest": tree_digest(tree),
            "zip_bytes": write_zip(tree, entry / "package.zip"),
            "unpacked_bytes": tree_bytes(tree),
            "toolchain": dict(facts.toolchain),
            "recipe": facts.recipe,
            "binary_bytes": facts.binary_bytes,
            "breakdown": dict(facts.breakdown),
            "reproducible": facts.reproducible,
            "warnings": list(facts.warnings),
        }
        write_atomically(entry / "artifact.json", json.dumps(numbers, indent=2) + "\n")

    return _read(cache.store(KIND, key, write))


def _read(directory: Path) -> Package:
    numbers = json.loads((directory / "artifact.json").read_text(encoding="utf-8"))
    package = Package(
        directory=directory,
        digest=numbers["digest"],
        zip_bytes=numbers["zip_bytes"],
        unpacked_bytes=numbers["unpacked_bytes"],
        facts=Facts(
            toolchain=numbers["toolchain"],
            recipe=numbers["recipe"],
            binary_bytes=numbers["binary_bytes"],
            breakdown=numbers["breakdown"],
            reproducible=numbers["reproducible"],
            warnings=tuple(numbers["warnings"]),
        ),
    )
    if (directory / "package.zip").stat().st_size != package.zip_bytes:
        raise ValueError("the zip is not the one that was recorded")
    if not (directory / "tree").is_dir():
        raise ValueError("the tree is missing")
    return package
