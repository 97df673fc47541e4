"""What a run came to: summaries, comparisons, controls and the gate, as frozen records.

Durations are integer nanoseconds named ``*_ns``, sizes integer bytes named ``*_bytes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.model import Cell
from bench.subjects import PageCache

Kind = Literal["measured", "modelled"]
Verdict = Literal[
    "faster", "slower", "same", "small change", "inconclusive", "off-CPU change", "incomparable"
]
RunVerdict = Literal["no regression", "regression", "inconclusive", "unfit", "incomparable"]


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

    @property
    def cell(self) -> Cell:
        """The candidate's cell."""
        return Cell(
            function=self.function,
            variant=self.candidate,
            memory_mb=self.memory_mb,
            event=self.event,
            page_cache=self.page_cache,
        )


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
    #: Which cell of the candidate, where it is about one.
    cell: Cell | None = None


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
