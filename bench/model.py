"""The nouns of a run: what is planned, what was tried, and the record of it, all frozen.

What is under test is in :mod:`bench.subjects`, what a run came to in :mod:`bench.judgement`.

Durations are integer nanoseconds named ``*_ns``, sizes integer bytes named ``*_bytes``.
Standard library only: the measuring process imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.subjects import Artifact, CpuMode, FailedBuild, Function, PageCache

Arm = Literal["variant", "aa"]
#: The metric that fitness, verdicts and gates are decided on, wherever CPU time can be told.
PRIMARY = "cpu_cold_total"
#: The same as wall time: what a user waits for, and all that real Lambda tells.
WALL = "cold_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is measured: one variant of one function under one set of conditions."""

    function: str
    variant: str
    memory_mb: int
    event: str
    page_cache: PageCache = "warm"

    @property
    def group(self) -> tuple[str, int, str, PageCache]:
        """The cells that share rounds: all variants of a function under the same conditions."""
        return (self.function, self.memory_mb, self.event, self.page_cache)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialError:
    """Why a trial is not a sample, in the words that a user can act on."""

    #: Lambda's own error type where there is one: ``Runtime.ExitError``, ``Sandbox.Timedout``, ...
    type: str
    message: str
    #: Last lines of the function's own output.
    log_tail: str = ""
    log_path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One life of one execution environment. Raw and immutable; failures are trials too.

    ``phases`` in ns: ``spawn`` (start to the completed exec; a part of ``init``), ``init``
    (last stamp before spawning to arrival of the first ``GET /next``), ``first_invoke`` (event
    released to response received), ``first_next`` (event released to the following ``GET /next``),
    ``cold_total`` (``init`` + ``first_invoke``); ``warm_invokes`` one entry per warm invoke.
    ``cpu`` has the CPU time, in ns, of the process group in ``init``, ``first_invoke`` (to the
    following ``GET /next``) and ``warm_invokes``. A phase that was not reached is absent.
    """

    function: str
    variant: str
    memory_mb: int
    event: str
    page_cache: PageCache
    arm: Arm
    round: int
    position: int
    #: Index of the staged copy that ran.
    slot: int
    #: Warm-up rounds are recorded and never judged.
    discarded: bool
    outcome: Literal["ok", "failed"]
    started_ns: int
    phases: Mapping[str, int]
    cpu: Mapping[str, int]
    warm_invokes_ns: tuple[int, ...] = ()
    warm_cpu_ns: tuple[int, ...] = ()
    peak_memory_bytes: int | None = None
    #: Guards, recorded and never filtered on: involuntary switches, throttled periods, ...
    guards: Mapping[str, int] = field(default_factory=dict)
    #: What Lambda told about this trial, where it ran there: request id, version, runtime version.
    facts: Mapping[str, str] = field(default_factory=dict)
    error: TrialError | None = None

    @property
    def cell(self) -> Cell:
        """The cell this trial is a sample of."""
        return Cell(
            function=self.function,
            variant=self.variant,
            memory_mb=self.memory_mb,
            event=self.event,
            page_cache=self.page_cache,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownShift:
    """The control with a known answer: two programs of ours, one with ``ratio`` times the work."""

    baseline: Cell
    shifted: Cell
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Consecutive rounds of the same cells: what a run decided to measure next."""

    first_round: int
    rounds: int
    #: Indices into ``Plan.every_cell``.
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run set out to do; with the seed it fixes every order. Enough to resume from."""

    seed: int
    rounds: int
    discarded_rounds: int
    warm_invokes: int
    cpu_mode: CpuMode
    cells: tuple[Cell, ...]
    #: The variant of each function that the others are compared with.
    baselines: Mapping[str, str]
    #: Cells measured only to check the quota model against (few rounds, no verdicts).
    validation_cells: tuple[Cell, ...] = ()
    validation_rounds: int = 0
    #: All memory sizes of the report; those without measured cells are modelled.
    memory_sizes_mb: tuple[int, ...] = ()
    budget_s: float | None = None
    smoke: bool = False
    #: The complete rounds at which a comparison is looked at, fixed before the first sample: the
    #: error is split evenly over them. One look: a fixed number of rounds. Empty: a record from
    #: before there were looks.
    looks: tuple[int, ...] = ()
    #: The confidence of all looks together.
    confidence: float = 0.99
    #: The relative change that matters, and where single metrics have another one.
    margin: float = 0.01
    margins: Mapping[str, float] = field(default_factory=dict)
    known_shift: KnownShift | None = None
    #: The metric that fitness, verdicts and gates are decided on. Real Lambda tells no CPU time.
    primary: str = PRIMARY

    @property
    def every_cell(self) -> tuple[Cell, ...]:
        """All cells that are measured: those compared, the known shift's, the model's checks."""
        shift = self.known_shift
        controls = () if shift is None else (shift.baseline, shift.shifted)
        return (*self.cells, *controls, *self.validation_cells)

    def margin_of(self, metric: str) -> float:
        """The relative change of a metric that matters."""
        return self.margins.get(metric, self.margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One side of a comparison of revisions: what stands behind a variant of its record."""

    #: The variant id that stands for it in the record.
    variant: str
    #: What the user called it.
    name: str
    kind: Literal["commit", "worktree", "directory", "zip"]
    #: The repository, the directory or the zip file.
    path: Path
    #: The full commit id; of HEAD for a worktree; empty without version control.
    commit: str = ""
    #: Whether a worktree differed from its commit, files that are not tracked included.
    dirty: bool = False
    #: SHA-256 of a zip file, hexadecimal; empty for the others.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What was measured: a commit id (empty without git), and whether the tree differed from it."""

    id: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What a run is held to: rules as on the command line, and what else makes it fail."""

    fail_on: tuple[str, ...] = ()
    #: Whether an undecided comparison fails.
    strict: bool = False
    #: Whether functions pass that only one revision has.
    allow_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run, one file: schema, environment, plan, artifacts and trials."""

    run_id: str
    started: str
    command: str
    backend: str
    plan: Plan
    #: Facts of the machine and the harness, JSON-serialisable, already sorted.
    environment: Mapping[str, Any]
    functions: tuple[Function, ...]
    artifacts: tuple[Artifact, ...]
    failed_builds: tuple[FailedBuild, ...]
    trials: tuple[Trial, ...]
    #: False for a run that was interrupted before its last planned round.
    complete: bool
    wall_ns: int
    #: The part of ``wall_ns`` between the start and the end of trials.
    wall_in_trials_ns: int
    #: Things the reader must know, such as a staged tree that changed during the run.
    warnings: tuple[str, ...] = ()
    #: Which rounds ran which cells, in order; empty: every cell in every round.
    allocations: tuple[Allocation, ...] = ()
    #: The programs of the known-shift control, which are no functions under test.
    control_functions: tuple[Function, ...] = ()
    control_artifacts: tuple[Artifact, ...] = ()
    #: Baseline and candidate of a comparison of revisions; empty for a run over variants.
    revisions: tuple[Revision, ...] = ()
    #: Functions that only one revision has, each with that revision's variant id.
    unpaired: Mapping[str, str] = field(default_factory=dict)
    #: Functions that both revisions have and no one run can compare, each with the reason.
    incomparable: Mapping[str, str] = field(default_factory=dict)
    #: Functions that were asked for and left out because both revisions' packages are the same.
    unchanged: tuple[str, ...] = ()
    demands: Demands = field(default_factory=Demands)
    #: Whether the files it was read from are those that the run sealed at its end.
    sealed: bool = False
    #: What a run against anchors was built from; None: that is not recorded, as in older records.
    commit: Commit | None = None
