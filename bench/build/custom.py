"""Pre-built functions: a directory with a ``bootstrap`` of any language, packaged as it is."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from bench.build import elf
from bench.build.archive import digest_of, normal_mode
from bench.build.cache import content_key
from bench.build.package import BOOTSTRAP, Facts, load, publish
from bench.build.sources import own_files
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
        shipped = list(own_files(source, _is_input) if own else own_files(source))
        key = content_key({"files": digest_of(shipped)})
        if (package := load(workshop.cache, key)) is not None:
            workshop.tell(pair, "cached")
            return package
        workshop.tell(pair, "started")
        package = publish(workshop.cache, key, lambda tree: _fill(tree, shipped))
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


def _fill(tree: Path, shipped: Sequence[tuple[str, Path]]) -> Facts:
    for name, path in shipped:
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


def _is_input(name: PurePosixPath) -> bool:
    """Whether a file in a function's own directory tells us something, and Lambda nothing."""
    return name.parts[0] in ("events", "function.toml")
