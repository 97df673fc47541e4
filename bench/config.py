"""Settings: flags over environment over project file over defaults, each remembering its source.

The project file is the nearest ``coldbench.toml``, or ``pyproject.toml`` with a table
``[tool.coldbench]``, upwards from the current directory. ``bench.settings`` lists what can be set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from bench.errors import ConfigError, UnknownName
from bench.frozen import dataclass
from bench.settings import ENVIRONMENT_PREFIX, SETTINGS, Setting
from bench.subjects import CpuMode, PageCache


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, resolved. Paths are absolute; ``functions`` are globs below ``root``."""

    functions: tuple[str, ...]
    leave_out: tuple[str, ...]
    out: Path
    cache: Path
    memory_sizes_mb: tuple[int, ...]
    rounds: int | None
    budget_s: float | None
    warm_invokes: int
    #: None = drawn at random by the run, and recorded.
    seed: int | None
    margin: float
    #: ``metric=share`` each; see :func:`bench.settings.margins_of`.
    margins: tuple[str, ...]
    confidence: float
    page_cache: PageCache
    cpu: CpuMode
    #: The directory of the project file, or the current directory without one.
    root: Path
    #: Setting name -> flag, variable, file, or ``default``.
    sources: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project file and what it sets; without one, the current directory and nothing."""

    root: Path
    file: Path | None = None
    table: Mapping[str, Any] = field(default_factory=dict)


def unknown_key(kind: str, name: str, known: Iterable[str], where: str) -> ConfigError:
    """Make the error for a key that does not exist, with the nearest ones that do."""
    unknown = UnknownName(kind, name, known)
    return ConfigError(f"{unknown.message} in {where}", hint=unknown.hint)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: unreadable, or not TOML; names the file and the line.
    """
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def find_project(start: Path) -> Project:
    """Find the nearest project file at or above ``start``.

    Raises:
        ConfigError: the file cannot be read, or its coldbench part is not a table.
    """
    for directory in (start, *start.parents):
        own = directory / "coldbench.toml"
        if own.is_file():
            return Project(root=directory, file=own, table=read_toml(own))
        shared = directory / "pyproject.toml"
        if _mentions_us(shared):
            tool = read_toml(shared).get("tool")
            table = tool.get("coldbench") if isinstance(tool, dict) else None
            if table is not None and not isinstance(table, dict):
                raise ConfigError(f"`tool.coldbench` in {shared} must be a table, not `{table}`")
            if table is not None:
                return Project(root=directory, file=shared, table=table)
    return Project(root=start)


def _mentions_us(pyproject: Path) -> bool:
    """Whether a file is worth parsing: somebody else's broken one is not our business."""
    try:
        return b"coldbench" in pyproject.read_bytes()
    except OSError:
        return False


def load_settings(
    flags: Mapping[str, str | None], *, cwd: Path, environ: Mapping[str, str]
) -> Settings:
    """Resolve every setting.

    ``flags`` maps setting names to the text given on the command line; None and absent are unset.

    Raises:
        ConfigError: an unknown key or variable, or a value that cannot be used.
    """
    project = find_project(cwd)
    _refuse_unknown(project, environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        base = project.root
        if flags.get(setting.name) is not None:
            raw, source, base = flags[setting.name], setting.flag, cwd
        elif environ.get(setting.variable):
            raw, source, base = environ[setting.variable], setting.variable, cwd
        elif setting.name in project.table:
            raw, source = project.table[setting.name], str(project.file)
        else:
            raw, source = None, "default"
        value = setting.default if source == "default" else _parse(setting, raw, source)
        values[setting.field] = base / value if isinstance(value, Path) else value
        sources[setting.name] = source
    values["cache"] = values["cache"] or user_cache(environ)
    return Settings(**values, root=project.root, sources=sources)


def _refuse_unknown(project: Project, environ: Mapping[str, str]) -> None:
    known = [setting.name for setting in SETTINGS]
    for key in project.table:
        if key not in known:
            raise unknown_key("setting", key, known, str(project.file))
    variables = [setting.variable for setting in SETTINGS]
    for name in environ:
        if name.startswith(ENVIRONMENT_PREFIX) and name not in variables:
            raise unknown_key("variable", name, variables, "the environment")


def _parse(setting: Setting, raw: object, source: str) -> object:
    try:
        return setting.parse(raw)
    except ValueError as error:
        named = source in (setting.flag, setting.variable)
        where = f"`{source}`" if named else f"`{setting.name}` in {source}"
        raise ConfigError(f"{where} must be {error}, not `{raw}`") from None


def user_cache(environ: Mapping[str, str]) -> Path:
    """Give the cache directory: ``COLDBENCH_CACHE``, else where the XDG specification places it."""
    if chosen := environ.get(f"{ENVIRONMENT_PREFIX}CACHE"):
        return Path(chosen).expanduser()
    base = Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return base / "coldbench"
