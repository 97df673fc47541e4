"""What the user named -> functions, variants and events, with near misses for what is not there."""

from __future__ import annotations

import fnmatch
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config import Settings
from bench.errors import ConfigError, UnknownName, UsageError
from bench.functions.directory import is_function, load_event, load_function, recipes
from bench.functions.variants import BASELINES
from bench.subjects import Event, Function, Variant

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One function with the part of it that was asked for."""

    function: Function
    #: In table order. The baseline is among them when ``select`` was asked to keep it.
    variants: tuple[Variant, ...]
    events: tuple[Event, ...]
    #: The variant that the others are compared with.
    baseline: str


def find_functions(settings: Settings, *, complete: bool = True) -> tuple[Function, ...]:
    """Load every configured function, in the order of the globs and then by name.

    A directory that a glob matches and that holds no function is passed over. With ``complete``
    each glob that somebody has written must match a function.

    Raises:
        ConfigError: a function's configuration is wrong, or a glob matches no function.
        UsageError: two directories give the same function id.
    """
    if complete and settings.sources["functions"] != "default":
        for pattern in settings.functions:
            if not _expand([pattern], settings.root):
                raise _no_match(pattern, settings)
    directories = _expand(settings.functions, settings.root)
    return _distinct(load_function(directory) for directory in directories)


def _no_match(pattern: str, settings: Settings) -> ConfigError:
    """The error for a configured glob that matches no function, with those that would."""
    near = _expand(["/".join("*" for _ in Path(pattern).parts)], settings.root)
    known = [os.path.relpath(directory, settings.root.resolve()) for directory in near]
    unknown = UnknownName("function directory", pattern, known)
    return ConfigError(
        f"`functions` of {settings.sources['functions']}: `{pattern}` matches no function",
        hint=unknown.hint,
    )


def resolve_targets(
    targets: Sequence[str], settings: Settings, *, cwd: Path, complete: bool = True
) -> tuple[Function, ...]:
    """Find the functions that the user named; without names, ``cwd`` or all configured ones.

    A target is a function id (``go/hello``), a bare name (``hello``: of every runtime), a
    directory, or a glob of ids or directories. ``complete`` is that of :func:`find_functions`.

    Raises:
        ConfigError: a function's configuration is wrong, or a configured glob matches none.
        UnknownName: nothing is called that; with the nearest names.
        UsageError: a directory without a function, or nothing to measure at all.
    """
    if targets:
        # A directory is enough by itself: a mistake in another function is not in its way.
        known = functools.cache(lambda: find_functions(settings, complete=complete))
        return _distinct(f for target in targets for f in _resolve(target, known, cwd))
    if is_function(cwd):
        return (load_function(cwd),)
    configured = find_functions(settings, complete=complete)
    if not configured:
        raise UsageError(
            f"no function in {cwd}, and none below {', '.join(settings.functions)}",
            hint="name a function's directory, such as `coldbench run path/to/function`",
        )
    return configured


def select(
    functions: Iterable[Function],
    *,
    patterns: Sequence[str] = (),
    baseline: str | None = None,
    event: str | None = None,
    keep_baseline: bool = True,
    cwd: Path,
) -> tuple[Selection, ...]:
    """Restrict functions to the variants, baseline and event that were asked for.

    A pattern, baseline or event need not exist in every function, but in one at least; functions
    that have nothing left are dropped. ``keep_baseline`` keeps the baseline whatever the patterns
    say, because without it there is nothing to compare with. ``event`` is a name or a JSON file.

    Raises:
        UnknownName: a variant, baseline or event that no function has.
        UsageError: no function has the event together with one of the variants.
    """
    every = tuple(functions)
    _check_names(every, patterns, baseline)
    chosen = []
    for function in every:
        own_baseline = _baseline(function, baseline)
        variants = tuple(v for v in recipes(function) if _matches(v.id, patterns))
        events = _pick_events(function, event, cwd)
        if not variants or not events:
            continue
        if keep_baseline:
            kept = {own_baseline, *(v.id for v in variants)}
            variants = tuple(v for v in recipes(function) if v.id in kept)
        chosen.append(
            Selection(function=function, variants=variants, events=events, baseline=own_baseline)
        )
    if event is not None and not chosen:
        raise _no_such_event(event, every)
    return tuple(chosen)


def _no_such_event(event: str, functions: Sequence[Function]) -> UsageError:
    names = {e.name for f in functions for e in f.events}
    if event not in names:
        return UnknownName("event", event, names)
    return UsageError(
        f"no function has both event `{event}` and the variants asked for",
        hint="`coldbench list` shows which function has which",
    )


def _expand(patterns: Iterable[str], root: Path) -> list[Path]:
    """Directories with a function that the globs match; hidden ones are not looked at."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        for match in _glob(pattern, root):
            if match.is_dir() and not match.name.startswith((".", "_")) and is_function(match):
                found[match.resolve()] = None
    return list(found)


def _glob(pattern: str, root: Path) -> list[Path]:
    """Match below ``root``, whose own name may have wildcards in it, or from an absolute start."""
    path = Path(pattern).expanduser()
    start = Path(path.anchor) if path.is_absolute() else root
    below = str(path.relative_to(path.anchor))
    try:
        return sorted(start.glob(below)) if below != "." else [start]
    except ValueError as error:
        raise UsageError(
            f"`{pattern}` is no glob: {error}", hint="`**` must stand alone, as in `functions/**/*`"
        ) from error


def _distinct(functions: Iterable[Function]) -> tuple[Function, ...]:
    """Each function once; two different ones cannot share an id, which is what samples go by."""
    by_id: dict[str, Function] = {}
    for function in functions:
        other = by_id.setdefault(function.id, function)
        if other.directory != function.directory:
            raise UsageError(
                f"two functions are called `{function.id}`: "
                f"{other.directory} and {function.directory}",
                hint="rename one directory, or measure them in two runs",
            )
    return tuple(by_id.values())


def _resolve(target: str, known: Callable[[], Sequence[Function]], cwd: Path) -> list[Function]:
    """Find what one target names; ``known`` loads all configured functions, if need be."""
    path = cwd / Path(target).expanduser()
    if _is_path(target) and path.is_dir():
        return [load_function(path)]
    by_name = [f for f in known() if target in (f.id, f.name)]
    if by_name:
        return by_name
    if path.is_dir():
        return [load_function(path)]
    if path.is_file():
        raise UsageError(
            f"`{target}` is a file", hint=f"name the function's directory, such as `{path.parent}`"
        )
    if _WILDCARDS & set(target):
        matched = [f for f in known() if fnmatch.fnmatchcase(f.id, target)]
        if matched:
            return matched
        directories = _expand([target], cwd)
        if directories:
            return [load_function(directory) for directory in directories]
    if _is_path(target):
        raise UsageError(
            f"there is no directory `{target}`", hint="`coldbench list` names them all"
        )
    here = (directory.name for directory in _expand(["*"], cwd))
    raise UnknownName("function", target, [*_names(known(), target), *here])


def _is_path(target: str) -> bool:
    """Whether a target can be nothing else than a path: ``go/hello`` may be an id."""
    return target.startswith((".", "/", "~"))


def _names(known: Sequence[Function], target: str) -> list[str]:
    """List what a near miss may be: ids, unless the user spoke of a bare name."""
    return [f.id if "/" in target or _WILDCARDS & set(target) else f.name for f in known]


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _check_names(
    functions: Sequence[Function], patterns: Sequence[str], baseline: str | None
) -> None:
    names = list(dict.fromkeys(v.id for f in functions for v in recipes(f)))
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise UnknownName("variant", pattern, names)
    if baseline is not None and baseline not in names:
        raise UnknownName("variant", baseline, names)


def _baseline(function: Function, wanted: str | None) -> str:
    names = [v.id for v in recipes(function)]
    for name in (wanted, BASELINES[function.runtime]):
        if name in names:
            return str(name)
    return names[0]


def _pick_events(function: Function, wanted: str | None, cwd: Path) -> tuple[Event, ...]:
    if wanted is None:
        return function.events
    named = tuple(e for e in function.events if e.name == wanted)
    path = cwd / Path(wanted).expanduser()
    if not named and path.is_file():
        return (load_event(path, uses_library={}),)
    return named
