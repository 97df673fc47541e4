"""``function.toml``: what a function's directory says about itself beyond its files.

The file is optional. Its keys are checked strictly, because a misspelt key that is silently ignored
means measuring something else than what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from bench.config import read_toml, unknown_key
from bench.errors import ConfigError
from bench.frozen import dataclass
from bench.settings import parse_memory
from bench.subjects import Runtime, VariantSource

FILE_NAME = "function.toml"
#: Lambda's own upper limit of a function's timeout, in seconds.
TIMEOUT_MAX_S = 900
_KEYS = (
    "runtime",
    "handler",
    "memory",
    "timeout",
    "library",
    "variants",
    "events",
    "env",
)
_RUNTIMES: dict[str, Runtime] = {"go": "go", "python": "python", "custom": "custom"}
#: Lambda's own names: managed Python, and the runtime without a language.
_PYTHON_MINORS = ("3.11", "3.12", "3.13", "3.14", "3.15")
OS_ONLY = "provided.al2023"
_RUNTIME_NAMES = (*_RUNTIMES, *(f"python{minor}" for minor in _PYTHON_MINORS), OS_ONLY)
_VARIANT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of one ``function.toml``; an absent file gives an empty one."""

    path: Path
    runtime: Runtime | None = None
    #: Python: the minor version asked for, such as ``3.13``.
    runtime_version: str | None = None
    #: Whether it runs on Lambda's OS-only runtime: a Go or a custom function, as its files say.
    os_only: bool = False
    handler: str | None = None
    memory_mb: int | None = None
    timeout_s: float | None = None
    library: str | None = None
    #: The recipes that the function is restricted to; empty = all of its runtime.
    variants: tuple[str, ...] = ()
    sources: Mapping[str, VariantSource] = field(default_factory=dict)
    #: Event name -> whether it uses the library. Once one event says that it does, those that say
    #: nothing count as not using it; a break-even needs one of each.
    uses_library: Mapping[str, bool | None] = field(default_factory=dict)
    #: Event name -> its weight in the function's traffic; only those that have one.
    weights: Mapping[str, float] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One TOML table with the file and key it came from, for errors that name both."""

    path: Path
    key: str
    values: Mapping[str, Any]

    def name(self, key: str) -> str:
        return f"`{self.key}.{key}`" if self.key else f"`{key}`"

    def wrong(self, key: str, words: str) -> ConfigError:
        value = self.values[key]
        return ConfigError(f"{self.name(key)} in {self.path} must be {words}, not `{value}`")

    def only(self, known: Iterable[str]) -> None:
        names = tuple(known)
        for key in self.values:
            if key not in names:
                where = f"[{self.key}] of {self.path}" if self.key else str(self.path)
                raise unknown_key("key", key, names, where)

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.wrong(key, "text")
        return value

    def flag(self, key: str) -> bool | None:
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "`true` or `false`")
        return value

    def table(self, key: str) -> _Table:
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        name = f"{self.key}.{key}" if self.key else key
        return _Table(path=self.path, key=name, values=value)


def read_manifest(directory: Path) -> Manifest:
    """Read ``function.toml`` of a function's directory.

    Raises:
        ConfigError: not TOML, an unknown key, or a value that cannot be used; names file and key.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        return Manifest(path=path)
    top = _Table(path=path, key="", values=read_toml(path))
    top.only(_KEYS)
    name = _runtime_name(top)
    names, sources = _variants(top, directory)
    uses_library, weights = _events(top)
    return Manifest(
        path=path,
        runtime=_runtime(name),
        runtime_version=_python_minor(name),
        os_only=name == OS_ONLY,
        handler=_handler(top),
        memory_mb=_memory(top),
        timeout_s=_timeout(top),
        library=top.text("library"),
        variants=names,
        sources=sources,
        uses_library=uses_library,
        weights=weights,
        environment=_environment(top),
    )


def _runtime_name(top: _Table) -> str | None:
    name = top.text("runtime")
    if name is not None and name not in _RUNTIME_NAMES:
        raise unknown_key("runtime", name, _RUNTIME_NAMES, str(top.path))
    return name


def _runtime(name: str | None) -> Runtime | None:
    if _python_minor(name) is not None:
        return "python"
    return _RUNTIMES.get(name or "")


def _python_minor(name: str | None) -> str | None:
    """The version in ``python3.13``; plain ``python`` has none."""
    return name.removeprefix("python") if name and name.startswith("python3") else None


def _handler(table: _Table) -> str | None:
    handler = table.text("handler")
    # A custom or Go handler is any word; Python's `module.function` is checked by its runtime.
    if handler is not None and any(c.isspace() for c in handler):
        raise table.wrong("handler", "one word, such as `app.handler`")
    return handler


def _memory(top: _Table) -> int | None:
    if "memory" not in top.values:
        return None
    try:
        return parse_memory(top.values["memory"])
    except ValueError as error:
        raise top.wrong("memory", str(error)) from None


def _timeout(top: _Table) -> float | None:
    value = top.values.get("timeout")
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= TIMEOUT_MAX_S:
        raise top.wrong("timeout", f"a number of seconds up to {TIMEOUT_MAX_S}")
    return float(value)


def _variants(top: _Table, directory: Path) -> tuple[tuple[str, ...], dict[str, VariantSource]]:
    value = top.values.get("variants")
    if isinstance(value, list):
        if not value or not all(isinstance(name, str) for name in value):
            raise top.wrong("variants", 'a list of names, such as `["default", "stripped"]`')
        return tuple(value), {}
    tables = top.table("variants")
    return (), {name: _source(tables.table(name), name, directory) for name in tables.values}


def _source(table: _Table, name: str, directory: Path) -> VariantSource:
    table.only(("handler", "path"))
    if not _VARIANT_NAME.fullmatch(name):
        raise ConfigError(
            f"variant name `{name}` in {table.path} must be letters, digits, `-`, `_` and `.`"
        )
    handler, path = _handler(table), table.text("path")
    if (handler is None) == (path is None):
        raise ConfigError(
            f"[{table.key}] of {table.path} must have either `handler` or `path`",
            hint="`handler` for an import style of a Python function, "
            "`path` for a pre-built directory of a custom one",
        )
    if path is None:
        return VariantSource(handler=handler)
    if not (directory / path).is_dir():
        raise ConfigError(f"{table.name('path')} in {table.path}: `{path}` is not a directory")
    return VariantSource(path=directory / path)


def _events(top: _Table) -> tuple[dict[str, bool | None], dict[str, float]]:
    """What each event says: whether it uses the library, and its weight in the traffic.

    ``events = { used = 0.2, unused = 0.8 }`` is short for two tables with ``weight``.
    """
    tables = top.table("events")
    uses: dict[str, bool | None] = {}
    weights: dict[str, float] = {}
    for name, value in tables.values.items():
        if isinstance(value, dict):
            table = tables.table(name)
            table.only(("uses_library", "weight"))
            uses[name] = table.flag("uses_library")
            if "weight" in table.values:
                weights[name] = _weight(table, "weight")
        else:
            uses[name] = None
            weights[name] = _weight(tables, name)
    if weights and not any(weights.values()):
        raise ConfigError(
            f"the weights of `events` in {top.path} add up to nothing",
            hint="give one event at least a weight above 0",
        )
    return uses, weights


def _weight(table: _Table, key: str) -> float:
    value = table.values[key]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < float("inf"):
        raise table.wrong(key, "a weight of 0 or more, such as `0.2`, or a table")
    return float(value)


def _environment(top: _Table) -> dict[str, str]:
    table = top.table("env")
    for key, value in table.values.items():
        if not isinstance(value, str):
            raise table.wrong(key, 'text, in quotes such as `"1"`')
    return dict(table.values)
