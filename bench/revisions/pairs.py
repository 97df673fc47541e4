"""The functions of two revisions, paired: what is compared with what, and what cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath

from bench.build.archive import digest_of
from bench.build.sources import own_files
from bench.config import Settings
from bench.errors import ConfigError, UsageError
from bench.functions.directory import recipes
from bench.functions.targets import resolve_targets, select
from bench.revisions.checkout import Side
from bench.revisions.package import function_of
from bench.subjects import Event, Function, Variant

#: What two revisions of a function may differ in and still run side by side. The memory size is
#: among them because a comparison runs at the sizes of its plan, whatever a function asks for.
_PER_REVISION = {
    *("id", "directory", "handler", "events", "environment", "timeout_s"),
    *("variants", "sources", "library", "memory_mb"),
}
#: Files in no function's directory that no build reads.
_PROSE = (".md", ".rst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One build of one function that both revisions have."""

    #: The function's id; of builds other than the runtime's baseline, followed by ``@recipe``.
    id: str
    baseline: Function
    candidate: Function
    recipe: Variant
    #: The candidate's, which both run with, so that the input is the same.
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """All that was asked for, sorted by what can be done with it."""

    pairs: tuple[Pair, ...]
    #: Function id -> the variant id of the only revision that has it.
    unpaired: Mapping[str, str]
    #: Function id, or ``id@recipe`` -> why it cannot be compared, although both revisions have it.
    incomparable: Mapping[str, str]
    #: Functions whose inputs are the same in both revisions; only with ``changed``.
    unchanged: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which functions, builds and events of the two revisions are compared."""

    targets: tuple[str, ...] = ()
    #: Globs of recipes; empty = the baseline of each runtime.
    recipes: tuple[str, ...] = ()
    #: A name or a JSON file; None = every event that both revisions have.
    event: str | None = None
    changed: bool = False
    #: The handler in zip files.
    handler: str | None = None


def pair_up(sides: Sequence[Side], request: Request, settings: Settings, *, cwd: Path) -> Pairing:
    """Find the functions of both sides and pair them by id; two single ones go together anyhow.

    Raises:
        UnknownName: a target or recipe that neither revision has.
        UsageError: one function against a project; targets inside a single function.
    """
    old, new = (_functions(side, request, settings) for side in sides)
    if not old and not new:
        raise _nothing(sides, request)
    if sides[0].single or sides[1].single:
        new = _alone(new, sides[1])
        old = dict(zip(new, _alone(old, sides[0]).values(), strict=True))
        old, new = _on_one_python(old, new, sides[0]), _on_one_python(new, old, sides[1])
    found = (old, new)
    common = [name for name in new if name in old]
    unpaired = {name: sides[0].revision.variant for name in old if name not in new}
    unpaired |= {name: sides[1].revision.variant for name in new if name not in old}
    kept = [n for n in common if not request.changed or _is_changed(n, found, sides)]
    wanted = _recipes([(n, old[n], new[n]) for n in kept], request, cwd)
    pairs, incomparable, said = _compatible(wanted, sides)
    return Pairing(
        pairs=tuple(pairs),
        unpaired=unpaired,
        incomparable=incomparable,
        unchanged=tuple(n for n in common if n not in kept),
        warnings=(*sides[0].warnings, *sides[1].warnings, *said),
    )


def _functions(side: Side, request: Request, settings: Settings) -> dict[str, Function]:
    """What a side has of the targets; nothing where it has none of them."""
    if side.revision.kind == "zip":
        function = function_of(side.root, request.handler)
        return {function.id: function}
    own = replace(settings, root=side.project)
    wanted: Sequence[tuple[str, ...]] = [(target,) for target in request.targets] or [()]
    found: dict[str, Function] = {}
    for targets in wanted:
        try:
            functions = resolve_targets(
                [_relocated(t, side) for t in targets],
                own,
                cwd=_existing(side.cwd, side.root),
                complete=False,  # a directory that is configured may be new
            )
        except ConfigError:
            raise
        except UsageError:
            continue  # the other side may have it; if none does, that is said
        found.update({function.id: function for function in functions})
    return found


def _existing(directory: Path, root: Path) -> Path:
    """The directory, or the nearest above it that this revision has."""
    while directory != root and not directory.is_dir():
        directory = directory.parent
    return directory


def _relocated(target: str, side: Side) -> str:
    """An absolute path into the user's tree, in this side's."""
    path = Path(target).expanduser()
    if not path.is_absolute():
        return target
    resolved = Path(os.path.normpath(path))
    inside = resolved.is_relative_to(side.home)
    return str(side.root / resolved.relative_to(side.home)) if inside else target


def _nothing(sides: Sequence[Side], request: Request) -> UsageError:
    names = " nor ".join(f"`{side.revision.name}`" for side in sides)
    what = ", ".join(f"`{target}`" for target in request.targets) or "a function"
    return UsageError(
        f"neither {names} has {what}",
        hint="`coldbench list` shows what is here; name a directory that both revisions have",
    )


def _alone(functions: Mapping[str, Function], side: Side) -> dict[str, Function]:
    if len(functions) == 1:
        return dict(functions)
    raise UsageError(
        f"`{side.revision.name}` has {len(functions)} functions and the other side is one",
        hint="compare a function's directory or package with another, or a project with a project",
    )


def _on_one_python(
    functions: Mapping[str, Function], others: Mapping[str, Function], side: Side
) -> dict[str, Function]:
    """A package that does not say which Python it is for runs on that of the other side."""
    if side.revision.kind != "zip":
        return dict(functions)
    return {
        name: replace(f, runtime_version=f.runtime_version or others[name].runtime_version)
        for name, f in functions.items()
    }


def _recipes(
    functions: Sequence[tuple[str, Function, Function]], request: Request, cwd: Path
) -> Iterator[Pair]:
    """Every function with each recipe asked for."""
    chosen = {
        s.function.id: s
        for s in select(
            tuple(candidate for _, _, candidate in functions),
            patterns=request.recipes,
            event=request.event,
            keep_baseline=False,
            cwd=cwd,
        )
    }
    for name, baseline, candidate in functions:
        selection = chosen.get(candidate.id)
        if selection is None:
            continue
        for recipe in selection.variants:
            if request.recipes or recipe.id == selection.baseline:
                yield Pair(
                    id=name if recipe.id == selection.baseline else f"{name}@{recipe.id}",
                    baseline=baseline,
                    candidate=candidate,
                    recipe=recipe,
                    events=selection.events,
                )


def _compatible(
    wanted: Iterable[Pair], sides: Sequence[Side]
) -> tuple[list[Pair], dict[str, str], list[str]]:
    """Part what can run side by side from what cannot, and say what only one of them has."""
    kept: list[Pair] = []
    incomparable: dict[str, str] = {}
    said: list[str] = []
    old, new = (side.revision.variant for side in sides)
    for pair in wanted:
        reason = _obstacle(pair, old)
        if reason:
            incomparable[pair.id] = reason
            continue
        sizes = (pair.baseline.memory_mb, pair.candidate.memory_mb)
        if sizes[0] != sizes[1]:
            said.append(
                f"`{pair.id}`: `{old}` asks for {sizes[0]} MB and `{new}` for {sizes[1]} MB; both"
                " are compared at the memory sizes of the run, which `--memory` chooses"
            )
        common, notes = _common_events(pair, old, new)
        said += notes
        kept.append(replace(pair, events=common))
    return kept, incomparable, said


def _obstacle(pair: Pair, old: str) -> str:
    """Why a pair cannot run in one session; empty where it can."""
    if pair.recipe.id not in {v.id for v in recipes(pair.baseline)}:
        return f"`{old}` has no variant `{pair.recipe.id}`"
    other = sorted(_differing(pair))
    if other:
        return f"`{old}` differs in its {', '.join(other)}, and a run can have only one"
    known = {event.name for event in pair.baseline.events}
    own = {event.name for event in pair.candidate.events}
    if not any(e.name in known or e.name not in own for e in pair.events):
        return f"`{old}` has none of its events ({', '.join(e.name for e in pair.events)})"
    return ""


def _common_events(pair: Pair, old: str, new: str) -> tuple[tuple[Event, ...], list[str]]:
    """The events that both have, and those from outside; what else there is, in sentences."""
    known = {event.name: event for event in pair.baseline.events}
    own = {event.name for event in pair.candidate.events}
    kept = tuple(e for e in pair.events if e.name in known or e.name not in own)
    said = [
        f"`{pair.id}`: event `{e.name}` exists only in `{new}` and is not compared"
        for e in pair.events
        if e not in kept
    ]
    for event in kept:
        other = known.get(event.name)
        if other is not None and other.path.read_bytes() != event.path.read_bytes():
            said.append(f"`{pair.id}`: event `{event.name}` differs; both ran with that of `{new}`")
    if len(pair.events) > 1:
        gone = [name for name in known if name not in own]
        said += [
            f"`{pair.id}`: event `{name}` exists only in `{old}` and is not compared"
            for name in gone
        ]
    return kept, said


def _differing(pair: Pair) -> Iterator[str]:
    for field in fields(Function):
        if field.name in _PER_REVISION:
            continue
        if getattr(pair.baseline, field.name) != getattr(pair.candidate, field.name):
            yield field.name


def _is_changed(name: str, found: Sequence[Mapping[str, Function]], sides: Sequence[Side]) -> bool:
    """Whether the inputs of a function differ: its own files, or files that no function owns.

    What functions share decides too, such as a Go package, a lock file or the project's settings:
    which function uses it, only its build can tell, which then gives the same bytes or not.
    """
    changed = _changed_paths(sides)
    if changed is None:
        return _digest(found[0][name].directory) != _digest(found[1][name].directory)
    owners = {
        _below(function.directory, side.root): function.id
        for functions, side in zip(found, sides, strict=True)
        for function in functions.values()
    }
    own = {place for place, owner in owners.items() if owner == name}
    for path in changed:
        places = {str(parent) for parent in PurePosixPath(path).parents}
        if places & own or (not places & owners.keys() and _matters(path)):
            return True
    return False


def _changed_paths(sides: Sequence[Side]) -> set[str] | None:
    """Paths below the top of the repository that differ; None where git does not know."""
    old, new = sides[0].revision, sides[1].revision
    repository = sides[0].repository
    if repository is None or sides[1].repository is None or not old.commit:
        return None
    if old.kind == "commit":
        return repository.changed_paths(old.commit, new.commit if new.kind == "commit" else None)
    return repository.changed_paths(new.commit, None) if new.kind == "commit" else set()


def _matters(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not path.endswith(_PROSE) and not any(part.startswith(".") for part in parts)


def _below(directory: Path, root: Path) -> str:
    resolved, top = directory.resolve(), root.resolve()
    return resolved.relative_to(top).as_posix() if resolved.is_relative_to(top) else str(resolved)


def _digest(directory: Path) -> str:
    return digest_of(own_files(directory))
