"""What the command line asked for, typed: one frozen record per command."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bench.commands.aws_options import AwsOptions
from bench.commands.invoke_options import InvokeOptions as InvokeOptions
from bench.commands.surroundings import Options as Options
from bench.model import Demands

#: What ``--resume`` without a run id asks for: the run that was interrupted last.
LATEST = "latest"


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
    backend: Literal["local", "aws"] = "local"
    #: Heeded by the backend ``aws`` only.
    aws: AwsOptions = field(default_factory=AwsOptions)
    format: str = "text"
    #: Where the report goes; None = stdout.
    output: Path | None = None
    demands: Demands = field(default_factory=Demands)
    #: A run id or :data:`LATEST`; None = a new run.
    resume: str | None = None
    dry_run: bool = False
    smoke: bool = False
    #: Measure every cell, also those that the default matrix leaves out for time.
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions(RunOptions):
    """Options of ``coldbench compare``: those of a run, and what is compared."""

    #: A git revision, :data:`~bench.revisions.WORKTREE`, a directory or a zip file.
    baseline_revision: str
    candidate_revision: str
    #: Only functions whose files differ between the revisions are built and compared.
    changed: bool = False
    #: The handler in zip files of Python, where no file has one of the usual names.
    handler: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions(Options):
    """Options of ``coldbench report``."""

    record: str
    #: Another record, to be shown in one table with it.
    beside: str | None = None
    format: str = "text"
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOptions(Options):
    """Options of ``coldbench judge``."""

    record: str
    json: bool = False
    demands: Demands = field(default_factory=Demands)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions(Options):
    """Options of ``coldbench doctor``."""

    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigOptions(Options):
    """Options of ``coldbench config``."""

    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions(Options):
    """Options of ``coldbench serve``."""

    host: str = "127.0.0.1"
    port: int = 4566
    #: Where functions are kept over restarts; None = nowhere.
    state: Path | None = None
    concurrency: int = 1_000
    idle_s: float = 300.0
    retry_delays_s: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanOptions(Options):
    """Options of ``coldbench clean``."""

    aws: AwsOptions = field(default_factory=AwsOptions)
    dry_run: bool = False
    #: A run id; None = all runs.
    run: str | None = None
    older_than_s: float | None = None
    all_regions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MineOptions(Options):
    """Options of ``coldbench mine``."""

    aws: AwsOptions = field(default_factory=AwsOptions)
    #: Saved logs, ``-`` for stdin; or none, with log groups.
    files: tuple[str, ...] = ()
    log_groups: tuple[str, ...] = ()
    since_s: float = 7 * 86_400.0
    #: How log groups are read: ``insights`` or ``events``.
    method: str = "insights"
    xray: bool = False
    json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesOptions(Options):
    """Options of ``coldbench prices``."""

    aws: AwsOptions = field(default_factory=AwsOptions)
    refresh: bool = False
    json: bool = False


AnyOptions = (
    RunOptions
    | CompareOptions
    | InvokeOptions
    | BuildOptions
    | ListOptions
    | ReportOptions
    | JudgeOptions
    | DoctorOptions
    | ConfigOptions
    | CleanOptions
    | MineOptions
    | PricesOptions
    | ServeOptions
)
