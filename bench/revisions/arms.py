"""Paired functions -> what a run measures: two arms of one function, built from two revisions.

In the record each revision is a variant, the first of them the baseline, so that everything that
judges and reports variants does the same for revisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.build import BuildCache
from bench.build.matrix import BuildResult
from bench.build.workshop import Pair as BuildPair
from bench.functions.targets import Selection
from bench.revisions.checkout import Side
from bench.revisions.package import package_of
from bench.revisions.pairs import Pair
from bench.subjects import Artifact, Event, FailedBuild, Function, Variant, VariantSource

Build = Callable[[Sequence[BuildPair]], BuildResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """What was built from both revisions, under the names that the record has for it."""

    functions: tuple[Function, ...]
    #: The functions to measure; those whose packages are the same bytes need no measuring.
    selections: tuple[Selection, ...]
    artifacts: Mapping[tuple[str, str], Artifact]
    failures: tuple[FailedBuild, ...]


def build_arms(pairs: Sequence[Pair], sides: Sequence[Side], build: Build, cache: Path) -> Arms:
    """Build every pair on both sides.

    Args:
        pairs: what is compared.
        sides: baseline and candidate.
        build: builds functions with recipes.
        cache: where packages are kept.
    """
    artifacts: dict[tuple[str, str], Artifact] = {}
    failures: list[FailedBuild] = []
    for side, of in zip(sides, ("baseline", "candidate"), strict=True):
        wanted = [(getattr(pair, of), pair.recipe) for pair in pairs]
        if side.revision.kind == "zip":
            built = BuildResult(
                artifacts=tuple(_prebuilt(f, v, side, cache) for f, v in wanted), failures=()
            )
        else:
            built = build(wanted)
        found = {(a.function, a.variant): a for a in built.artifacts}
        failed = {(f.function, f.variant): f for f in built.failures}
        name = side.revision.variant
        for pair, (function, recipe) in zip(pairs, wanted, strict=True):
            key = (function.id, recipe.id)
            if key in failed:
                failures.append(replace(failed[key], function=pair.id, variant=name))
                continue
            own = replace(found[key], function=pair.id, variant=name, identical_to=None)
            artifacts[pair.id, name] = own
    return _arms(pairs, sides, artifacts, tuple(failures))


def _prebuilt(function: Function, recipe: Variant, side: Side, cache: Path) -> Artifact:
    """A package as it was delivered: its size is that of the very file."""
    package = package_of(side.root, BuildCache(cache))
    artifact = package.artifact(function, recipe, function.handler)
    return replace(artifact, zip_bytes=side.revision.path.stat().st_size)


def _arms(
    pairs: Sequence[Pair],
    sides: Sequence[Side],
    artifacts: dict[tuple[str, str], Artifact],
    failures: tuple[FailedBuild, ...],
) -> Arms:
    functions, selections = [], []
    old, new = (side.revision.variant for side in sides)
    for pair in pairs:
        function = _function(pair, sides)
        functions.append(function)
        first, second = artifacts.get((pair.id, old)), artifacts.get((pair.id, new))
        if first is None or second is None:
            continue
        if _same(pair, first, second):
            artifacts[pair.id, new] = replace(second, identical_to=old)
            continue
        selections.append(
            Selection(
                function=function,
                variants=tuple(_variant(pair, side) for side in sides),
                events=pair.events,
                baseline=old,
            )
        )
    ordered = {
        key: artifacts[key]
        for pair in pairs
        for key in ((pair.id, old), (pair.id, new))
        if key in artifacts
    }
    return Arms(
        functions=tuple(functions),
        selections=tuple(selections),
        artifacts=ordered,
        failures=failures,
    )


def _same(pair: Pair, first: Artifact, second: Artifact) -> bool:
    """Whether nothing that runs differs: package, handler and the function's configuration."""
    return (
        (first.digest, first.handler) == (second.digest, second.handler)
        and pair.baseline.environment == pair.candidate.environment
        and pair.baseline.timeout_s == pair.candidate.timeout_s
    )


def _variant(pair: Pair, side: Side) -> Variant:
    return replace(
        pair.recipe,
        id=side.revision.variant,
        summary=f"{pair.recipe.id} of {side.revision.name}",
    )


def _function(pair: Pair, sides: Sequence[Side]) -> Function:
    """The function as the record has it: the candidate's, where the user has it."""
    candidate, baseline = pair.candidate, pair.baseline
    configured = {}
    if (baseline.environment, baseline.timeout_s) != (candidate.environment, candidate.timeout_s):
        configured = {
            side.revision.variant: VariantSource(
                environment=function.environment, timeout_s=function.timeout_s
            )
            for side, function in zip(sides, (baseline, candidate), strict=True)
        }
    return replace(
        candidate,
        id=pair.id,
        directory=_home(candidate.directory, sides[1]),
        events=pair.events,
        variants=(),
        sources=configured,
    )


def _home(directory: Path, side: Side) -> Path:
    """Where the user has what was read from a directory of ours."""
    inside = directory.is_relative_to(side.root)
    return side.home / directory.relative_to(side.root) if inside else directory


def kept_events(functions: Sequence[Function], inputs: Path) -> dict[Path, Path]:
    """Where the record keeps each event, as the revision that it came from does not stay."""
    return {
        event.path: inputs / f"{number}-{event.name}.json"
        for number, event in enumerate(event for function in functions for event in function.events)
    }


def with_kept_events(function: Function, places: Mapping[Path, Path]) -> Function:
    """The function with its events where the record keeps them."""

    def moved(event: Event) -> Event:
        return replace(event, path=places[event.path])

    return replace(function, events=tuple(moved(event) for event in function.events))
