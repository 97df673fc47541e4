"""Pre-built functions: a directory with a ``bootstrap`` of any language, packaged as it is."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.build import elf
from bench.build.archive import files_of, normal_mode, tree_digest
from bench.build.cache import content_key
from bench.build.package import BOOTSTRAP, Facts, load, publish
from bench.build.workshop import Outcome, Pair, PairId, Workshop, advice, failed, pair_id
from bench.errors import BuildError


def build_custom(pairs: Sequence[Pair], workshop: Workshop) -> dict[PairId, Outcome]:
    """Package every pair of a custom function and one of its pre-built directories."""
    return {pair_id(pair): _package(pair, workshop) for pair in pairs}


def _package(pair: Pair, workshop: Workshop) -> Outcome:
    began = time.monotonic()
    source = _source(pair)
    try:
        if not source.is_dir():
            raise BuildError(
                f"there is no directory `{source}`",
                hint=f"build it, or correct `[variants.{pair[1].id}]` in function.toml",
            )
        own = source == pair[0].directory
        key = content_key({"tree": tree_digest(source), "own": own})
        if (package := load(workshop.cache, key)) is not None:
            workshop.tell(pair, "cached")
            return package
        workshop.tell(pair, "started")
        package = publish(workshop.cache, key, lambda tree: _fill(tree, source, own=own))
    except (BuildError, OSError) as error:
        workshop.tell(pair, "failed", time.monotonic() - began)
        return failed(pair, f"package {source}", advice(error))
    workshop.tell(pair, "built", time.monotonic() - began)
    return package


def _source(pair: Pair) -> Path:
    function, variant = pair
    override = function.sources.get(variant.id)
    if override is None or override.path is None:
        return function.directory
    return function.directory / override.path


def _fill(tree: Path, source: Path, *, own: bool) -> Facts:
    for name, path in _shipped(source, own=own):
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(normal_mode(path))
    bootstrap = tree / BOOTSTRAP
    is_binary = bootstrap.is_file() and elf.is_elf(bootstrap)
    return Facts(
        toolchain={},
        recipe="packaged as it is",
        binary_bytes=bootstrap.stat().st_size if bootstrap.is_file() else 0,
        breakdown=elf.breakdown(bootstrap) if is_binary else {},
    )


def _shipped(source: Path, *, own: bool) -> Iterator[tuple[str, Path]]:
    """Everything but hidden files, and the inputs that lie in a function's own directory."""
    for name, path in files_of(source):
        top, *rest = name.split(os.sep)
        hidden = any(part.startswith(".") for part in (top, *rest))
        if not hidden and not (own and top in ("events", "function.toml")):
            yield name, path
