"""A record and its judgement, indexed the way a report reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bench.functions.variants import VARIANTS
from bench.judgement import CellSummary, Comparison, Judgement, Summary
from bench.model import Cell, Record, Trial
from bench.report.paths import path_free
from bench.subjects import Artifact, FailedBuild, Function, PageCache

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Under what the variants of one function were compared, apart from the memory size."""

    function: str
    event: str
    page_cache: PageCache

    def cell(self, variant: str, memory_mb: int) -> Cell:
        """Name the cell of one variant and memory size under these conditions."""
        return Cell(
            function=self.function,
            variant=variant,
            memory_mb=memory_mb,
            event=self.event,
            page_cache=self.page_cache,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The failed trials of one cell: how many of how many, and the first that says why."""

    cell: Cell
    failed: int
    trials: int
    first: Trial

    @property
    def reason(self) -> str:
        """Lambda's error type and the message, on one line."""
        error = self.first.error
        return f"{error.type}: {error.message}" if error else "no reason was recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Look-ups over one run. Every order in here is fixed by the record alone."""

    record: Record
    judgement: Judgement
    summaries: Mapping[Cell, CellSummary]
    comparisons: Mapping[tuple[Cell, str], Comparison]
    artifacts: Mapping[tuple[str, str], Artifact]
    failed_builds: Mapping[tuple[str, str], FailedBuild]
    failures: Mapping[Cell, Failures]

    @classmethod
    def of(cls, record: Record, judgement: Judgement) -> Findings:
        """Index one run; what failed is quoted without the machine's paths."""
        record = path_free(record)
        return cls(
            record=record,
            judgement=judgement,
            summaries={summary.cell: summary for summary in judgement.cells},
            comparisons={(c.cell, c.metric): c for c in judgement.comparisons},
            artifacts={(a.function, a.variant): a for a in record.artifacts},
            failed_builds={(f.function, f.variant): f for f in record.failed_builds},
            failures=_failures(record.trials),
        )

    def functions(self) -> tuple[str, ...]:
        """List the functions of the run, in the order of the record."""
        named = [function.id for function in self.record.functions]
        built = [a.function for a in self.record.artifacts]
        failed = [f.function for f in self.record.failed_builds]
        return _unique([*named, *built, *failed])

    def function(self, function: str) -> Function | None:
        """Find the function of that id, where the record describes it."""
        return next((f for f in self.record.functions if f.id == function), None)

    def runtime(self, function: str) -> str:
        """Name the runtime, which is the first part of a function id."""
        return function.partition("/")[0]

    def variants(self, function: str) -> tuple[str, ...]:
        """List all variants that were to be built, in the order of the table of recipes."""
        built = [v for f, v in self.artifacts if f == function]
        failed = [v for f, v in self.failed_builds if f == function]
        order = {variant.id: position for position, variant in enumerate(VARIANTS)}
        return tuple(sorted(_unique([*built, *failed]), key=lambda v: order.get(v, len(order))))

    def conditions(self, function: str) -> tuple[Conditions, ...]:
        """List what the variants were measured under, in the order of the plan."""
        cells = (*self.record.plan.cells, *(s.cell for s in self.judgement.cells))
        return _unique(
            Conditions(function=function, event=cell.event, page_cache=cell.page_cache)
            for cell in cells
            if cell.function == function
        )

    def headline_memory_mb(self, conditions: Conditions) -> int:
        """Choose the size of the main table: the function's own if planned, else the largest."""
        planned = {
            cell.memory_mb
            for cell in self.record.plan.cells or [s.cell for s in self.judgement.cells]
            if cell.function == conditions.function and cell.event == conditions.event
        }
        function = self.function(conditions.function)
        if function and (function.memory_mb in planned or not planned):
            return function.memory_mb
        return max(planned, default=0)

    def memory_sizes_mb(self, function: str) -> tuple[int, ...]:
        """List all memory sizes that something is known about, smallest first."""
        known = {s.cell.memory_mb for s in self.judgement.cells if s.cell.function == function}
        return tuple(sorted(known))

    def summary(self, cell: Cell, metric: str) -> Summary | None:
        """Find one metric of one cell, if anything is known about it."""
        found = self.summaries.get(cell)
        return found.metrics.get(metric) if found else None

    def comparison(self, cell: Cell, metric: str | None = None) -> Comparison | None:
        """Find the comparison in which this cell is the candidate; by default the primary one."""
        return self.comparisons.get((cell, metric or self.primary))

    @property
    def primary(self) -> str:
        """The metric that verdicts rest on."""
        return self.judgement.primary

    @property
    def in_cloud(self) -> bool:
        """Whether the trials ran on real Lambda, which tells no CPU time."""
        return self.record.backend == "aws"

    def machine(self) -> str:
        """Name the machine type of the run, as the fingerprint has it; empty if it has none."""
        hard = self.record.environment.get("hard", {})
        return str(hard.get("architecture", ""))

    def has_quota(self) -> bool:
        """Tell whether a CPU quota could be enforced: the session found a usable cgroup."""
        return bool(self.record.environment.get("cgroup") != "none")

    def baseline(self, function: str) -> str | None:
        """Name the variant that the others of this function are compared with."""
        return self.record.plan.baselines.get(function)

    def rounds_run(self, *, discarded: bool) -> int:
        """Count the rounds that ran, of those that were discarded or of those that were judged."""
        trials = self.record.trials
        return len({trial.round for trial in trials if trial.discarded is discarded})

    @property
    def gives_verdicts(self) -> bool:
        """An unfit run and a smoke run report numbers and claim nothing."""
        return self.judgement.fit and not self.record.plan.smoke


def _failures(trials: Iterable[Trial]) -> dict[Cell, Failures]:
    of_cell: dict[Cell, list[Trial]] = {}
    for trial in trials:
        of_cell.setdefault(trial.cell, []).append(trial)
    found: dict[Cell, Failures] = {}
    for cell, members in of_cell.items():
        failed = [trial for trial in members if trial.outcome == "failed"]
        if failed:
            found[cell] = Failures(
                cell=cell, failed=len(failed), trials=len(members), first=failed[0]
            )
    return found


def _unique(items: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(items))
