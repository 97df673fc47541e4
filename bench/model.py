"""The nouns of coldbench: frozen records that every other module speaks in.

Durations are integer nanoseconds named ``*_ns``, sizes integer bytes named ``*_bytes``.
Standard library only: the measuring process imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Runtime = Literal["go", "python", "custom"]
PageCache = Literal["warm", "evicted"]
CpuMode = Literal["on-demand", "provisioned", "none"]
Arm = Literal["variant", "aa"]
Kind = Literal["measured", "modelled"]
Verdict = Literal[
    "faster", "slower", "same", "small change", "inconclusive", "off-CPU change", "incomparable"
]
RunVerdict = Literal["no regression", "regression", "inconclusive", "unfit", "incomparable"]

MEMORY_MIN_MB = 128
MEMORY_MAX_MB = 10_240
#: The memory size at which Lambda grants one full vCPU.
MEMORY_ONE_VCPU_MB = 1_769


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One input of a function: a stable name and the JSON file that holds it."""

    name: str
    path: Path
    #: Whether this event exercises the library that a lazy import style defers; None = unknown.
    uses_library: bool | None = None
    #: SHA-256 of the file when a run was planned, hexadecimal; empty before.
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSource:
    """What a function's own configuration changes for one import style or one pre-built variant."""

    handler: str | None = None
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function under test, as found on disk.

    ``id`` is ``runtime/directory-name``, for example ``go/hello``. ``sources`` holds the
    variant-specific overrides of ``function.toml`` (``[variants.NAME]``).
    """

    id: str
    runtime: Runtime
    directory: Path
    handler: str
    events: tuple[Event, ...]
    memory_mb: int = MEMORY_ONE_VCPU_MB
    timeout_s: float = 30.0
    environment: Mapping[str, str] = field(default_factory=dict)
    variants: tuple[str, ...] = ()
    sources: Mapping[str, VariantSource] = field(default_factory=dict)
    #: The library whose use the eager and lazy import styles disagree about, for sentences.
    library: str | None = None

    @property
    def name(self) -> str:
        """The directory name: the id without its runtime."""
        return self.id.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A named recipe. Everything that differs between two builds of a function is in here."""

    id: str
    runtime: Runtime
    #: Words for the report: what this recipe does.
    summary: str
    #: Go: arguments of ``go build``; empty otherwise.
    flags: tuple[str, ...] = ()
    #: Environment of the build (``CGO_ENABLED`` and the like).
    build_environment: Mapping[str, str] = field(default_factory=dict)
    #: Python: which of the function's import styles is the entry point.
    import_style: Literal["eager", "lazy"] | None = None
    #: Python: ``unchecked-hash`` ships bytecode, ``none`` ships source only.
    bytecode: Literal["unchecked-hash", "none"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What the build of one Function x Variant gave. All its numbers are exact."""

    function: str
    variant: str
    #: SHA-256 of the unpacked tree (paths, modes, content), hexadecimal.
    digest: str
    #: The deployment package, and the same package unpacked, both inside the build cache.
    zip_path: Path
    tree_path: Path
    handler: str
    zip_bytes: int
    unpacked_bytes: int
    #: Size of ``bootstrap``; 0 for Python.
    binary_bytes: int
    #: For example ``{"go": "go1.26.8"}`` or ``{"python": "3.11.7", "uv": "0.13.8"}``.
    toolchain: Mapping[str, str]
    #: The exact command, or a sentence, that made it.
    recipe: str
    #: Go: bytes of ``.text``, ``symbols``, ``debug``, ...; Python: bytes per top-level package.
    breakdown: Mapping[str, int] = field(default_factory=dict)
    #: None = not proved either way; else whether a second build elsewhere gave the same bytes.
    reproducible: bool | None = None
    #: The id of the earlier variant of the same function whose package is byte-equal, if any.
    identical_to: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedBuild:
    """A build that did not give an artifact: what was run and what the tool said."""

    function: str
    variant: str
    command: str
    message: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """A comparison whose answer is known beforehand: ``aa`` must find nothing."""

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
    #: Median CPU time of the first invoke, measured / source: what throttling itself cost, which
    #: the model does not know. None where CPU time was not accounted.
    cpu_ratio: float | None = None

    @property
    def deviation(self) -> float:
        """Relative error of the model, signed."""
        return self.modelled_ns / self.measured_ns - 1


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
