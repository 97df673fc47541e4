"""The nouns of coldbench: frozen records that every other module speaks in.

Durations are integer nanoseconds named ``*_ns``, sizes integer bytes named ``*_bytes``.
Standard library only: the measuring process imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.subjects import (
    COMPARED_METRICS as COMPARED_METRICS,
)
from bench.subjects import (
    MEMORY_MAX_MB as MEMORY_MAX_MB,
)
from bench.subjects import (
    MEMORY_MIN_MB as MEMORY_MIN_MB,
)
from bench.subjects import (
    MEMORY_ONE_VCPU_MB as MEMORY_ONE_VCPU_MB,
)
from bench.subjects import (
    UNPACKED_LIMIT_BYTES as UNPACKED_LIMIT_BYTES,
)
from bench.subjects import (
    Artifact as Artifact,
)
from bench.subjects import (
    CpuMode as CpuMode,
)
from bench.subjects import (
    Event as Event,
)
from bench.subjects import (
    FailedBuild as FailedBuild,
)
from bench.subjects import (
    Function as Function,
)
from bench.subjects import (
    PageCache as PageCache,
)
from bench.subjects import (
    Runtime as Runtime,
)
from bench.subjects import (
    Variant as Variant,
)
from bench.subjects import (
    VariantSource as VariantSource,
)

Arm = Literal["variant", "aa"]
Kind = Literal["measured", "modelled"]
Verdict = Literal[
    "faster", "slower", "same", "small change", "inconclusive", "off-CPU change", "incomparable"
]
RunVerdict = Literal["no regression", "regression", "inconclusive", "unfit", "incomparable"]


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
    primary: str = "cpu_cold_total"

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
    #: Functions that were asked for and left out because both revisions' packages are the same.
    unchanged: tuple[str, ...] = ()
    demands: Demands = field(default_factory=Demands)
    #: Whether the files it was read from are those that the run sealed at its end.
    sealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One metric of one cell: the median, its order-statistic interval, tails where n allows."""

    unit: Literal["ns", "bytes"]
    kind: Kind
    n: int
    median: int
    #: Ends of the interval of the median; None when n is too small for the confidence asked for.
    low: int | None
    high: int | None
    #: Absent, not invented, when n is too small for the quantile.
    p90: int | None = None
    p99: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSummary:
    """All metrics of one cell. ``samples`` keeps the measured values in trial order for charts."""

    cell: Cell
    n: int
    failures: int
    #: Keys: init, first_invoke, cold_total, warm_invoke, cpu_init, cpu_first_invoke,
    #: cpu_cold_total, cpu_warm_invoke, peak_memory. A metric nothing is known about is absent.
    metrics: Mapping[str, Summary]
    samples: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Candidate against baseline on one metric, over the rounds that both completed.

    ``ratio`` is candidate / baseline; ``low``, ``high`` its interval at ``confidence``.
    ``smallest_detectable`` is the smallest relative change this sample could have shown.
    """

    function: str
    baseline: str
    candidate: str
    memory_mb: int
    event: str
    page_cache: PageCache
    metric: str
    kind: Kind
    n: int
    ratio: float | None
    low: float | None
    high: float | None
    confidence: float
    p: float | None
    p_adjusted: float | None
    verdict: Verdict
    smallest_detectable: float | None
    warnings: tuple[str, ...] = ()
    #: How many looks share the error; ``low`` and ``high`` hold at all of them together.
    looks: int = 1
    #: About how many more rounds would decide an undecided comparison; None if that is not known.
    rounds_to_settle: int | None = None
    #: The sign test's interval, which assumes least: the cross-check.
    sign_low: float | None = None
    sign_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A comparison whose answer is known: ``aa`` must find nothing, ``known-shift`` its ratio."""

    kind: Literal["aa", "known-shift"]
    function: str
    variant: str
    memory_mb: int
    event: str
    metric: str
    ratio: float
    low: float
    high: float
    n: int
    ok: bool
    #: The true ratio.
    expected: float = 1.0
    #: False where the rounds were too few to find it: then ``ok`` only says that nothing is wrong.
    judged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """When a lazy import pays at one memory size: the share of events that use the library.

    ``probability`` is the share below which ``lazy`` has the lower expected cold total; 0.0 means
    never, 1.0 always.
    """

    function: str
    library: str
    eager: str
    lazy: str
    used_event: str
    unused_event: str
    memory_mb: int
    kind: Kind
    probability: float
    #: Ends of its interval; None when a median it rests on has none.
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheck:
    """The quota model against measured trials of one cell: both medians of ``first_invoke``.

    Both are of the same rounds: each prediction is made from the source's trial of that round.
    """

    cell: Cell
    n: int
    measured_ns: int
    modelled_ns: int
    #: The same of the nine in ten that are fastest; None for fewer trials than 20.
    measured_p90_ns: int | None = None
    modelled_p90_ns: int | None = None
    #: Median CPU time of the first invoke, measured / source: what throttling itself cost, which
    #: the model does not know. None where CPU time was not accounted.
    cpu_ratio: float | None = None

    @property
    def deviation(self) -> float:
        """Relative error of the model, signed."""
        return self.modelled_ns / self.measured_ns - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTotal:
    """Expected cold total of one variant at one memory size over its function's mix of events.

    The sum of the events' median cold totals, each times its share of the traffic. ``low`` and
    ``high`` add up the ends of their intervals; None when one of them has none.
    """

    function: str
    variant: str
    memory_mb: int
    page_cache: PageCache
    kind: Kind
    #: Event name -> share of the traffic; they add up to 1.
    shares: Mapping[str, float]
    expected_ns: int
    low_ns: int | None
    high_ns: int | None
    #: The same of init, which is what Lambda reports and dashboards show.
    init_ns: int
    init_low_ns: int | None
    init_high_ns: int | None
    #: Whether no other variant has a smaller expectation at this memory size.
    best: bool = False
    #: Whether its init is shorter than the baseline's and its expectation longer, both for sure.
    deceptive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFinding:
    """What one rule of a gate says about one candidate; what passes is not listed."""

    #: The rule as the user wrote it, or what the gate always asks for.
    rule: str
    state: Literal["regression", "incomparable", "inconclusive", "failed"]
    function: str
    candidate: str
    metric: str
    #: One sentence: what was found.
    message: str
    #: Candidate / baseline, with its interval where the metric is a noisy one.
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a run was held to, and the exit code that follows."""

    rules: tuple[str, ...]
    strict: bool
    verdict: RunVerdict
    exit_code: int
    findings: tuple[GateFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that is derived from a :class:`Record`; recomputable from it at any time."""

    cells: tuple[CellSummary, ...]
    comparisons: tuple[Comparison, ...]
    controls: tuple[Control, ...]
    break_evens: tuple[BreakEven, ...]
    model_checks: tuple[ModelCheck, ...]
    fit: bool
    fit_reasons: tuple[str, ...]
    verdict: RunVerdict
    confidence: float
    warnings: tuple[str, ...] = ()
    #: As in the plan.
    primary: str = "cpu_cold_total"
    #: The relative change of the primary metric that was taken to matter.
    margin: float = 0.01
    #: Median over all comparisons of the primary metric's ratio: a drift that all of them share.
    median_ratio: float | None = None
    expected: tuple[ExpectedTotal, ...] = ()
    #: None for a run that was held to nothing.
    gate: Gate | None = None
