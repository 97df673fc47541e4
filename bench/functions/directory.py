"""A directory -> a :class:`~bench.subjects.Function`, without configuration where files say enough.

The rules, in order: an executable ``bootstrap`` makes a custom function; ``*.go`` with ``package
main`` a Go one; one of :data:`PYTHON_FILES` with one of :data:`PYTHON_HANDLERS` a Python one; a
``bootstrap`` that is not executable a custom one, whose trials then say so. ``function.toml``
overrides (:mod:`bench.functions.manifest`). Nothing of the function is imported or run.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.config import unknown_key
from bench.errors import ConfigError, UsageError
from bench.functions.manifest import OS_ONLY, Manifest, read_manifest
from bench.functions.triggers import detect_trigger, sample
from bench.functions.variants import of_runtime
from bench.subjects import MEMORY_ONE_VCPU_MB, Event, Function, Runtime, Variant

PYTHON_FILES = ("lambda_function.py", "app.py", "handler.py", "main.py", "index.py")
PYTHON_HANDLERS = ("lambda_handler", "handler")
#: The entry point of Go and custom functions, and the name of their handler.
BOOTSTRAP = "bootstrap"
_DEFAULT_TIMEOUT_S = 30.0
# A definition, an assignment or an import of a handler at module level. Text, not a syntax tree:
# a function with a syntax error is still a function, and its trial shows the error.
_PYTHON_HANDLER = {
    name: re.compile(
        rf"^(?:(?:async\s+)?def\s+{name}\b|{name}\s*(?::[^=\n]+)?=(?!=)"
        rf"|from\s+\S+\s+import\s[^#\n]*\b{name}\b)",
        re.MULTILINE,
    )
    for name in PYTHON_HANDLERS
}
_GO_PREFACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_GO_PACKAGE = re.compile(r"package\s+(\w+)")


def load_function(directory: Path) -> Function:
    """Describe the function in ``directory``.

    Raises:
        UsageError: there is none; says what was looked for.
        ConfigError: ``function.toml`` or an event cannot be used; names file and key or line.
    """
    directory = directory.resolve()
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory")
    _refuse_undecodable(directory)
    manifest = read_manifest(directory)
    runtime = manifest.runtime or _declared_runtime(manifest) or _detect_runtime(directory)
    if runtime is None:
        raise _no_function(directory)
    if manifest.os_only and runtime == "python":
        raise ConfigError(
            f"`runtime` in {manifest.path} is `{OS_ONLY}`, which brings no Python: no `bootstrap`"
            " and no `package main` here",
            hint='for a Python function write `runtime = "python3.13"`',
        )
    _check_variants(manifest, runtime)
    return Function(
        id=f"{runtime}/{directory.name}",
        runtime=runtime,
        directory=directory,
        handler=_handler(directory, manifest, runtime),
        events=_events(directory, manifest),
        memory_mb=manifest.memory_mb or MEMORY_ONE_VCPU_MB,
        timeout_s=manifest.timeout_s or _DEFAULT_TIMEOUT_S,
        environment=manifest.environment,
        variants=manifest.variants,
        sources=manifest.sources,
        library=manifest.library,
        runtime_version=manifest.runtime_version,
    )


def _refuse_undecodable(path: Path) -> None:
    """Names stand in records and reports, which are UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the name of {os.fsencode(path)!r} is not UTF-8", hint="rename it"
        ) from None


def is_function(directory: Path) -> bool:
    """Whether ``directory`` holds a function, even one whose configuration is wrong.

    One that may not be looked into holds none that anybody could measure.
    """
    if not os.access(directory, os.R_OK | os.X_OK):
        return False
    return (directory / "function.toml").is_file() or _detect_runtime(directory) is not None


def recipes(function: Function) -> tuple[Variant, ...]:
    """List the variants of a function, in the order of the table of recipes.

    ``variants`` of ``function.toml`` restricts them. A Python function without a lazy source has
    the eager recipes only. A custom function has its pre-built directories, or ``default``.
    """
    if function.runtime == "custom":
        variants = _prebuilt(function)
    elif function.runtime == "python":
        styles = {"eager", *function.sources}
        variants = tuple(v for v in of_runtime("python") if v.import_style in styles)
    else:
        variants = of_runtime(function.runtime)
    return tuple(v for v in variants if not function.variants or v.id in function.variants)


def _prebuilt(function: Function) -> tuple[Variant, ...]:
    names = tuple(function.sources) or ("default",)
    return tuple(Variant(id=name, runtime="custom", summary="pre-built") for name in names)


def _declared_runtime(manifest: Manifest) -> Runtime | None:
    """Infer a runtime from ``[variants.NAME]``: a path is custom, a handler Python."""
    for source in manifest.sources.values():
        return "custom" if source.path else "python"
    return None


def _detect_runtime(directory: Path) -> Runtime | None:
    bootstrap = directory / BOOTSTRAP
    if bootstrap.is_file() and os.access(bootstrap, os.X_OK):
        return "custom"
    if _go_main(directory):
        return "go"
    if _python_handler(directory):
        return "python"
    return "custom" if bootstrap.is_file() else None


def go_package(source: str) -> str | None:
    """Read the package clause of a Go file: the first thing that is no space and no comment.

    A file that is excluded from builds (``//go:build ignore``) belongs to no package.
    """
    preface = _GO_PREFACE.match(source)
    end = preface.end() if preface else 0
    clause = _GO_PACKAGE.match(source, end)
    return clause[1] if clause and "//go:build ignore" not in source[:end] else None


def _go_main(directory: Path) -> bool:
    return any(
        go_package(_read(path)) == "main"
        for path in sorted(directory.glob("*.go"))
        if not path.name.endswith("_test.go")
    )


def _python_handler(directory: Path) -> str | None:
    for file in PYTHON_FILES:
        path = directory / file
        source = _read(path) if path.is_file() else ""
        for name in PYTHON_HANDLERS:
            if _PYTHON_HANDLER[name].search(source):
                return f"{path.stem}.{name}"
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _handler(directory: Path, manifest: Manifest, runtime: Runtime) -> str:
    if runtime != "python":
        return manifest.handler or BOOTSTRAP
    styles = (manifest.sources.get("eager"), *manifest.sources.values())
    declared = manifest.handler or next((s.handler for s in styles if s and s.handler), None)
    handler = declared or _python_handler(directory)
    if handler is None:
        raise UsageError(
            f"no handler in {directory}",
            hint=f'add `handler = "module.function"` to {manifest.path.name}',
        )
    if "." not in handler:
        raise ConfigError(
            f"`handler` in {manifest.path} must be `module.function`, not `{handler}`"
        )
    return handler


def _check_variants(manifest: Manifest, runtime: Runtime) -> None:
    where = str(manifest.path)
    if runtime == "python":
        for name in manifest.sources:
            if name not in ("eager", "lazy"):
                raise unknown_key("import style", name, ("eager", "lazy"), where)
    if runtime == "go" and manifest.sources:
        raise ConfigError(
            f"[variants.{next(iter(manifest.sources))}] in {where}: a Go function has no tables",
            hint='restrict its recipes with a list, such as `variants = ["default", "stripped"]`',
        )
    _check_sources(manifest, runtime)
    _check_restriction(manifest, runtime)


def _check_restriction(manifest: Manifest, runtime: Runtime) -> None:
    known = [v.id for v in of_runtime(runtime)] or ["default"]
    for name in manifest.variants:
        if name not in known:
            raise unknown_key("variant", name, known, str(manifest.path))
    # The array and the tables are one key, so a list can never come with a lazy source.
    lazy = [v.id for v in of_runtime(runtime) if v.import_style == "lazy"]
    for name in manifest.variants:
        if name in lazy:
            raise ConfigError(
                f"`{name}` of `variants` in {manifest.path} has no source",
                hint='replace the list by tables: `[variants.lazy]` with `handler = "…"`',
            )


def _check_sources(manifest: Manifest, runtime: Runtime) -> None:
    wanted = "path" if runtime == "custom" else "handler"
    for name, source in manifest.sources.items():
        if getattr(source, wanted) is None:
            raise ConfigError(
                f"[variants.{name}] in {manifest.path} must have `{wanted}`: "
                f"the function is of runtime {runtime}"
            )


def _events(directory: Path, manifest: Manifest) -> tuple[Event, ...]:
    """List ``events/*.json`` by name; without any, a sample of the event of its trigger."""
    paths = {path.stem: path for path in sorted((directory / "events").glob("*.json"))}
    for name in manifest.uses_library:
        if name not in paths:
            raise unknown_key("event", name, paths, str(manifest.path))
    if not paths:
        trigger = detect_trigger(directory)
        return (Event(name=trigger, path=sample(trigger)),)
    loaded = (load_event(p, uses_library=manifest.uses_library) for _, p in sorted(paths.items()))
    return tuple(replace(event, weight=manifest.weights.get(event.name)) for event in loaded)


def load_event(path: Path, *, uses_library: Mapping[str, bool | None]) -> Event:
    """Take a file as an event that is named like it.

    Raises:
        ConfigError: unreadable, or not JSON; names the file, line and column.
        UsageError: a name that is not UTF-8.
    """
    _refuse_undecodable(path)
    try:
        json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}, column {error.colno}"
        raise ConfigError(f"not JSON: {where}: {error.msg}") from error
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"not JSON: {path}: {error}") from error
    return Event(name=path.stem, path=path.resolve(), uses_library=uses_library.get(path.stem))


def _no_function(directory: Path) -> UsageError:
    """Say what was looked for, what was found instead, and what to do."""
    looked_for = (
        "an executable `bootstrap`, `*.go` with `package main`, or "
        f"{', '.join(f'`{name}`' for name in PYTHON_FILES)} with `lambda_handler` or `handler`"
    )
    return UsageError(
        f"no function in {directory}: looked for {looked_for}", hint=_way_out(directory)
    )


def _way_out(directory: Path) -> str:
    inner = sorted(
        child.name for child in directory.iterdir() if child.is_dir() and is_function(child)
    )
    if inner:
        return (
            f"its sub-directories {', '.join(inner)} are functions: name them, or `{directory}/*`"
        )
    if any(directory.glob("*.go")):
        return "name the directory of `package main`, often `cmd/NAME`"
    modules = [name for name in PYTHON_FILES if (directory / name).is_file()]
    modules = modules or sorted(path.name for path in directory.glob("*.py"))
    if modules:
        module = modules[0].removesuffix(".py")
        return f'name its handler in `function.toml`: `handler = "{module}.YOUR_FUNCTION"`'
    return "name the directory that holds the function's code"
