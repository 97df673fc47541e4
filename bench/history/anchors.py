"""Anchors: builds that are kept, packages and all, to measure every later build against.

An anchor is a deployment package in ``anchors/`` of the history and a line about it in
``anchors.jsonl``. It is never built again, so that a new toolchain shows in the trend.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.build import BuildCache
from bench.codec import from_json, to_json
from bench.errors import RecordError, StorageError, UsageError
from bench.history.entries import ANCHOR, locked, write_lines
from bench.model import Commit
from bench.revisions.package import package_of, unpack
from bench.store import write_whole
from bench.subjects import Artifact, Function, Variant

FILE = "anchors.jsonl"
PACKAGES = "anchors"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """One pinned build. ``digest`` is that of its unpacked tree."""

    function: str
    variant: str
    handler: str
    digest: str
    package: str
    pinned: str
    commit: Commit
    toolchain: Mapping[str, str]


def load(directory: Path) -> dict[str, Anchor]:
    """Read the anchors of a history, by function; empty without any.

    Raises:
        RecordError: the file is damaged; names the line.
    """
    file = directory / FILE
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        found = [from_json(Anchor, json.loads(line)) for line in lines]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise RecordError(f"{file} is damaged: {error}") from None
    return {anchor.function: anchor for anchor in found}


def pin(
    directory: Path, artifacts: Sequence[Artifact], *, commit: Commit, pinned: str
) -> tuple[Anchor, ...]:
    """Keep builds as the anchors of their functions.

    Raises:
        UsageError: a function has an anchor already.
        StorageError: a package or the list cannot be written.
    """
    with locked(directory):
        known = load(directory)
        for artifact in artifacts:
            if artifact.function in known:
                raise UsageError(
                    f"`{artifact.function}` has an anchor, of {known[artifact.function].pinned}",
                    hint=f"a new one begins a new series: delete its line in {directory / FILE}"
                    " first",
                )
        found = tuple(_kept(directory, a, commit, pinned) for a in artifacts)
        rows = [*known.values(), *found]
        write_lines(directory / FILE, (to_json(anchor) for anchor in rows))
    return found


def _kept(directory: Path, artifact: Artifact, commit: Commit, pinned: str) -> Anchor:
    name = f"{_UNSAFE.sub('-', artifact.function)}-{artifact.digest[:12]}.zip"
    try:
        (directory / PACKAGES).mkdir(exist_ok=True)
        content = artifact.zip_path.read_bytes()
    except OSError as error:
        raise StorageError(f"cannot keep {artifact.zip_path}: {error.strerror}") from error
    write_whole(directory / PACKAGES / name, content)
    return Anchor(
        function=artifact.function,
        variant=artifact.variant,
        handler=artifact.handler,
        digest=artifact.digest,
        package=name,
        pinned=pinned,
        commit=commit,
        toolchain=artifact.toolchain,
    )


def variant_of(function: Function) -> Variant:
    """The variant under which an anchor is measured."""
    return Variant(id=ANCHOR, runtime=function.runtime, summary="the pinned anchor build")


def artifact_of(directory: Path, anchor: Anchor, function: Function, cache: BuildCache) -> Artifact:
    """Unpack an anchor into the build cache, as an artifact of the function it belongs to.

    Raises:
        RecordError: its package is gone, or is not the one that was pinned.
    """
    package = directory / PACKAGES / anchor.package
    if not package.is_file():
        raise RecordError(
            f"the anchor of `{anchor.function}` is gone: there is no {package}",
            hint="restore it, or delete its line in anchors.jsonl and pin a new one",
        )
    scratch = Path(tempfile.mkdtemp(prefix="coldbench-anchor-"))
    try:
        unpack(package, scratch / "tree")
        kept = package_of(scratch / "tree", cache)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    artifact = kept.artifact(function, variant_of(function), anchor.handler)
    if artifact.digest != anchor.digest:
        raise RecordError(
            f"{package} is not the anchor that was pinned: its tree is {artifact.digest[:12]}",
            hint="restore it from version control",
        )
    return replace(artifact, toolchain=anchor.toolchain)
