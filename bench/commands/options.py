"""What the command line asked for, typed: one frozen record per command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.config import Settings

#: What ``--resume`` without a run id asks for: the run that was interrupted last.
LATEST = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every command knows: the settings, where it was started, and how it may look."""

    settings: Settings
    cwd: Path
    #: The command as it was typed, for the record and for reproducing it.
    command: str
    #: -1 with ``-q``, 0, or 1 with ``-v``.
    verbosity: int = 0
    #: Whether stdout takes colours, whether stderr does, and the columns of the terminal.
    colour: bool = False
    stderr_colour: bool = False
    width: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions(Options):
    """Options of ``coldbench list``."""

    targets: tuple[str, ...] = ()
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions(Options):
    """Options of ``coldbench build``."""

    targets: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions(Options):
    """Options of ``coldbench run``. Memory, rounds, budget, seed and the like are settings."""

    targets: tuple[str, ...] = ()
    #: Globs of variant ids; empty = all.
    variants: tuple[str, ...] = ()
    baseline: str | None = None
    #: A name or a JSON file; None = the events of each function.
    event: str | None = None
    backend: Literal["local"] = "local"
    format: str = "text"
    #: Where the report goes; None = stdout.
    output: Path | None = None
    strict: bool = False
    #: A run id or :data:`LATEST`; None = a new run.
    resume: str | None = None
    dry_run: bool = False
    smoke: bool = False
    #: Measure every cell, also those that the default matrix leaves out for time.
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Options):
    """Options of ``coldbench report``."""

    record: str
    format: str = "text"
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions(Options):
    """Options of ``coldbench judge``."""

    record: str
    json: bool = False
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions(Options):
    """Options of ``coldbench doctor``."""

    environ: Mapping[str, str] = field(default_factory=dict)
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOptions(Options):
    """Options of ``coldbench config``."""

    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeOptions(Options):
    """Options of ``coldbench invoke``."""

    directory: str
    #: A file, ``-``, JSON, or the name of one of the function's events; None = its first event.
    event: str | None = None
    memory_mb: int | None = None
    timeout_s: float | None = None
    repeat: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    variant: str | None = None
    function_name: str | None = None
    log_json: bool = False
    json: bool = False


AnyOptions = (
    RunOptions
    | InvokeOptions
    | BuildOptions
    | ListOptions
    | ReportOptions
    | JudgeOptions
    | DoctorOptions
    | ConfigOptions
)
