"""One run with everything a report must be able to say, built by code alone.

``go/hello`` has a failed build, an identical variant, a failed cell and a wall-only change;
``python/analyse`` has eager and lazy imports, two events and modelled memory sizes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.judgement import (
    BreakEven,
    CellSummary,
    Comparison,
    Control,
    Judgement,
    Kind,
    ModelCheck,
    Summary,
)
from bench.model import Cell, Plan, Record, Trial, TrialError
from bench.subjects import Artifact, Event, FailedBuild, Function, VariantSource

GO = "go/hello"
PYTHON = "python/analyse"
ROUNDS = 16
#: A directory that only the machine of the run has: no report may name it.
CACHE = "/home/somebody/.cache/coldbench"
DISCARDED = 3
SIZES_MB = (128, 512, 1024, 1769)

#: Spread of the rounds around the median, in thousandths: fixed, so that every run is this run.
_SPREAD = (-18, 7, -3, 22, -9, 14, 0, -12, 3, 61, -6, 10, -15, 5, -1, 1, 9, -4, 26)

#: Variant: init, first invoke, warm invoke, CPU of init, CPU of first invoke (µs), peak (kB).
_GO_MEDIANS: Mapping[str, tuple[int, int, int, int, int, int]] = {
    "default": (8_410, 912, 131, 6_880, 640, 13_900),
    "stripped": (8_330, 905, 130, 6_850, 636, 13_400),
    "static": (6_120, 898, 129, 4_890, 632, 12_100),
    "norpc": (11_940, 909, 131, 6_890, 641, 13_200),
}
#: (variant, event): as above.
_PYTHON_MEDIANS: Mapping[tuple[str, str], tuple[int, int, int, int, int, int]] = {
    ("eager", "used"): (702_000, 41_000, 12_400, 655_000, 38_000, 118_000),
    ("lazy", "used"): (92_000, 664_000, 12_500, 84_000, 612_000, 118_400),
    ("eager-source-only", "used"): (1_204_000, 41_300, 12_400, 1_120_000, 38_200, 121_000),
    ("eager", "plain"): (703_000, 1_210, 430, 656_000, 1_100, 112_000),
    ("lazy", "plain"): (91_800, 1_190, 428, 83_900, 1_080, 31_000),
    ("eager-source-only", "plain"): (1_206_000, 1_230, 431, 1_121_000, 1_110, 115_000),
}
_NAMES = ("init", "first_invoke", "warm_invoke", "cpu_init", "cpu_first_invoke", "peak_memory")


@functools.cache
def record() -> Record:
    """Build the run."""
    return Record(
        run_id="20260102-030405-7f3a",
        started="2026-01-02T03:04:05Z",
        command="coldbench run go/hello python/analyse --seed 7",
        backend="local",
        plan=Plan(
            seed=7,
            rounds=ROUNDS,
            discarded_rounds=DISCARDED,
            warm_invokes=5,
            cpu_mode="on-demand",
            cells=(
                *(go_cell(v) for v in (*_GO_MEDIANS, "stripped-trimpath")),
                *(python_cell(v, e) for v, e in _PYTHON_MEDIANS),
            ),
            baselines={GO: "default", PYTHON: "eager"},
            validation_cells=(python_cell("lazy", "used", 128), python_cell("eager", "used", 512)),
            validation_rounds=3,
            memory_sizes_mb=SIZES_MB,
        ),
        environment={
            "cgroup": "v2",
            "hard": {
                "architecture": "x86_64",
                "cgroup": "v2",
                "cores": 2,
                "cpu_model": "Sample CPU @ 2.00GHz",
                "hypervisor": True,
            },
            "soft": {"load": [0.31, 0.42, 0.4], "turbo": None},
        },
        functions=(_go_function(), _python_function()),
        artifacts=(*_go_artifacts(), *_python_artifacts()),
        failed_builds=(
            FailedBuild(
                function=GO,
                variant="trimpath",
                command=f"go build -trimpath -o {CACHE}/srv/build/bootstrap .",
                message="# example.com/hello\n./main.go:7:2: undefined: missing | `name`\n",
            ),
        ),
        trials=trials(),
        complete=True,
        wall_ns=212_000_000_000,
        wall_in_trials_ns=197_160_000_000,
        warnings=("the load average was 1.8 when the run began",),
    )


@functools.cache
def judgement() -> Judgement:
    """Build what was made of it."""
    return Judgement(
        cells=(*_go_summaries(), *_python_summaries(), *_modelled_summaries()),
        comparisons=_comparisons(),
        controls=(
            control(GO, "default", "hello", ratio=1.001, low=0.994, high=1.008),
            control(PYTHON, "eager", "used", ratio=0.998, low=0.991, high=1.006),
        ),
        break_evens=tuple(
            BreakEven(
                function=PYTHON,
                library="pandas",
                eager="eager",
                lazy="lazy",
                used_event="used",
                unused_event="plain",
                memory_mb=size,
                kind="measured" if size == 1769 else "modelled",
                probability=probability,
                low=low,
                high=high,
            )
            for size, (low, probability, high) in zip(
                SIZES_MB,
                ((0.0, 0.0, 0.0), (0.27, 0.2891, 0.2895), (0.56, 0.5789, 0.5789), (0.95, 1.0, 1.0)),
                strict=True,
            )
        ),
        model_checks=(
            ModelCheck(
                cell=python_cell("lazy", "used", 128),
                n=3,
                measured_ns=9_180_000_000,
                modelled_ns=9_024_000_000,
                cpu_ratio=1.034,
            ),
            ModelCheck(
                cell=python_cell("eager", "used", 512),
                n=3,
                measured_ns=139_000_000,
                modelled_ns=143_000_000,
            ),
        ),
        fit=True,
        fit_reasons=(),
        verdict="regression",
        confidence=0.99,
    )


def unfit(found: Judgement) -> Judgement:
    """Give the same numbers from a run that cannot be trusted."""
    return replace(
        found,
        fit=False,
        fit_reasons=("the A/A interval of go/hello excludes 1",),
        verdict="unfit",
    )


def go_cell(variant: str, memory_mb: int = 1769) -> Cell:
    return Cell(function=GO, variant=variant, memory_mb=memory_mb, event="hello")


def python_cell(variant: str, event: str, memory_mb: int = 1769) -> Cell:
    return Cell(function=PYTHON, variant=variant, memory_mb=memory_mb, event=event)


def control(
    function: str, variant: str, event: str, *, ratio: float, low: float, high: float
) -> Control:
    return Control(
        kind="aa",
        function=function,
        variant=variant,
        memory_mb=1769,
        event=event,
        metric="cpu_cold_total",
        ratio=ratio,
        low=low,
        high=high,
        n=ROUNDS,
        ok=low <= 1 <= high,
    )


def comparison(candidate: Cell, baseline: str, **changes: Any) -> Comparison:
    """Build a comparison of CPU time; ``changes`` are the fields that matter to a test."""
    values: dict[str, Any] = {
        "function": candidate.function,
        "baseline": baseline,
        "candidate": candidate.variant,
        "memory_mb": candidate.memory_mb,
        "event": candidate.event,
        "page_cache": candidate.page_cache,
        "metric": "cpu_cold_total",
        "kind": "measured",
        "n": ROUNDS,
        "ratio": 1.0,
        "low": 0.99,
        "high": 1.01,
        "confidence": 0.99,
        "p": 0.5,
        "p_adjusted": 1.0,
        "verdict": "same",
        "smallest_detectable": 0.008,
    }
    return Comparison(**(values | changes))


def trial(cell: Cell, position: int, number: int, medians: tuple[int, ...] | None) -> Trial:
    """One trial; ``medians`` None is one that fails in init."""
    common: dict[str, Any] = {
        "function": cell.function,
        "variant": cell.variant,
        "memory_mb": cell.memory_mb,
        "event": cell.event,
        "page_cache": cell.page_cache,
        "arm": "variant",
        "round": number,
        "position": position,
        "slot": number % 4,
        "discarded": number < DISCARDED,
        "started_ns": 1_000_000_000 * (number * 10 + position),
    }
    if medians is None:
        error = TrialError(
            type="Runtime.ExitError",
            message="exit status 2 | in `init`",
            log_tail="\x1b[31mpanic: no table\x1b[0m\ngoroutine 1 [running]:\n\t"
            f"{CACHE}/stage/stage-4711-ab12/003-0/bootstrap +0x1d",
            log_path="/home/somebody/project/reports/records/r/logs/go_hello-trimpath-r0.log",
        )
        return Trial(**common, outcome="failed", phases={"spawn": 60_000}, cpu={}, error=error)
    init, first, warm, cpu_init, cpu_first, peak = (_spread(m, number, position) for m in medians)
    return Trial(
        **common,
        outcome="ok",
        phases={
            "spawn": 60_000 + number,
            "init": init,
            "first_invoke": first,
            "first_next": first + 40_000,
            "cold_total": init + first,
        },
        cpu={"init": cpu_init, "first_invoke": cpu_first, "warm_invokes": 5 * warm},
        warm_invokes_ns=tuple(warm + 1_000 * k for k in range(5)),
        warm_cpu_ns=tuple(warm for _ in range(5)),
        peak_memory_bytes=peak,
        guards={"involuntary_switches": number % 3},
    )


@functools.cache
def trials() -> tuple[Trial, ...]:
    """All trials of the run, in the order of their rounds."""
    medians: dict[Cell, tuple[int, ...] | None] = {
        **{go_cell(v): m for v, m in _GO_MEDIANS.items()},
        go_cell("stripped-trimpath"): None,
        **{python_cell(v, e): m for (v, e), m in _PYTHON_MEDIANS.items()},
    }
    return tuple(
        trial(cell, position, number, found)
        for number in range(ROUNDS + DISCARDED)
        for position, (cell, found) in enumerate(medians.items())
    )


def _spread(median_us: int, number: int, position: int) -> int:
    step = _SPREAD[(number + 5 * position) % len(_SPREAD)]
    return median_us * 1_000 + median_us * step


def summarise(values: list[int], *, kind: Kind = "measured", unit: str = "ns") -> Summary:
    ordered = sorted(values)
    n = len(ordered)
    return Summary(
        unit="bytes" if unit == "bytes" else "ns",
        kind=kind,
        n=n,
        median=ordered[n // 2],
        low=ordered[n // 2 - 5] if n >= 12 else None,
        high=ordered[n // 2 + 5] if n >= 12 else None,
        p90=ordered[n * 9 // 10] if n >= 16 else None,
    )


def _cell_summary(cell: Cell) -> CellSummary:
    kept = [t for t in trials() if t.cell == cell and not t.discarded]
    valid = [t for t in kept if t.outcome == "ok"]
    samples = {
        "init": [t.phases["init"] for t in valid],
        "first_invoke": [t.phases["first_invoke"] for t in valid],
        "cold_total": [t.phases["cold_total"] for t in valid],
        "warm_invoke": [sorted(t.warm_invokes_ns)[2] for t in valid],
        "cpu_init": [t.cpu["init"] for t in valid],
        "cpu_first_invoke": [t.cpu["first_invoke"] for t in valid],
        "cpu_cold_total": [t.cpu["init"] + t.cpu["first_invoke"] for t in valid],
        "peak_memory": [t.peak_memory_bytes or 0 for t in valid],
    }
    return CellSummary(
        cell=cell,
        n=len(valid),
        failures=len(kept) - len(valid),
        metrics={
            name: summarise(values, unit="bytes" if name == "peak_memory" else "ns")
            for name, values in samples.items()
            if values
        },
        samples={name: tuple(values) for name, values in samples.items() if values},
    )


def _go_summaries() -> tuple[CellSummary, ...]:
    return tuple(_cell_summary(go_cell(v)) for v in (*_GO_MEDIANS, "stripped-trimpath"))


def _python_summaries() -> tuple[CellSummary, ...]:
    return tuple(_cell_summary(python_cell(v, e)) for v, e in _PYTHON_MEDIANS)


def _modelled_summaries() -> tuple[CellSummary, ...]:
    found = []
    for variant, event in _PYTHON_MEDIANS:
        init, first, *_ = _PYTHON_MEDIANS[variant, event]
        for size in SIZES_MB[:-1]:
            values = [init * 1_000, first * 1_000 * 1769 // size]
            metrics = {
                name: Summary(
                    unit="ns", kind="modelled", n=ROUNDS, median=value, low=None, high=None
                )
                for name, value in zip(_NAMES[:2], values, strict=True)
            }
            metrics["cold_total"] = replace(metrics["init"], median=sum(values))
            cell = python_cell(variant, event, size)
            found.append(CellSummary(cell=cell, n=ROUNDS, failures=0, metrics=metrics))
    return tuple(found)


def _comparisons() -> tuple[Comparison, ...]:
    return (
        comparison(
            go_cell("stripped"), "default", ratio=0.996, low=0.991, high=1.002, verdict="same"
        ),
        comparison(
            go_cell("static"),
            "default",
            ratio=0.734,
            low=0.727,
            high=0.741,
            p=0.0,
            p_adjusted=0.0,
            verdict="faster",
        ),
        comparison(
            go_cell("norpc"),
            "default",
            ratio=1.001,
            low=0.994,
            high=1.008,
            verdict="off-CPU change",
        ),
        comparison(
            go_cell("norpc"),
            "default",
            metric="cold_total",
            ratio=1.38,
            low=1.35,
            high=1.41,
            verdict="off-CPU change",
        ),
        comparison(
            python_cell("lazy", "used"),
            "eager",
            ratio=1.004,
            low=0.986,
            high=1.021,
            verdict="inconclusive",
            smallest_detectable=0.018,
        ),
        comparison(
            python_cell("eager-source-only", "used"),
            "eager",
            ratio=1.67,
            low=1.65,
            high=1.69,
            p=0.0,
            p_adjusted=0.0,
            verdict="slower",
        ),
        comparison(
            python_cell("lazy", "plain"),
            "eager",
            ratio=0.129,
            low=0.127,
            high=0.131,
            p=0.0,
            p_adjusted=0.0,
            verdict="faster",
        ),
        comparison(
            python_cell("eager-source-only", "plain"),
            "eager",
            ratio=1.71,
            low=1.69,
            high=1.73,
            p=0.0,
            p_adjusted=0.0,
            verdict="slower",
        ),
    )


def _go_function() -> Function:
    return Function(
        id=GO,
        runtime="go",
        directory=Path("go_functions/hello"),
        handler="bootstrap",
        events=(Event(name="hello", path=Path("go_functions/hello/events/hello.json")),),
    )


def _python_function() -> Function:
    directory = Path("py_functions/analyse")
    return Function(
        id=PYTHON,
        runtime="python",
        directory=directory,
        handler="eager.handler",
        events=(
            Event(name="used", path=directory / "events/used.json", uses_library=True),
            Event(name="plain", path=directory / "events/plain.json", uses_library=False),
        ),
        sources={
            "eager": VariantSource(handler="eager.handler"),
            "lazy": VariantSource(handler="lazy.handler"),
        },
        library="pandas",
    )


def artifact(function: str, variant: str, **changes: Any) -> Artifact:
    """Build an artifact; ``changes`` are the fields that matter to a test."""
    values: dict[str, Any] = {
        "function": function,
        "variant": variant,
        "digest": (variant.encode().hex() * 8)[:64].ljust(64, "0"),
        "zip_path": Path(f"cache/{variant}.zip"),
        "tree_path": Path(f"cache/{variant}"),
        "handler": "bootstrap",
        "zip_bytes": 4_010_000,
        "unpacked_bytes": 8_950_000,
        "binary_bytes": 8_950_000,
        "toolchain": {"go": "go1.26.8"},
        "recipe": "go build -o bootstrap .",
    }
    return Artifact(**(values | changes))


def _go_artifacts() -> tuple[Artifact, ...]:
    kept = {"text": 3_010_000, "rodata": 1_400_000, "gopclntab": 810_000}
    parts = {**kept, "symbols": 1_020_000, "debug": 2_610_000, "other": 100_000}
    slim = {**kept, "symbols": 0, "debug": 0, "other": 380_000}
    light = {"zip_bytes": 2_310_000, "unpacked_bytes": 5_600_000, "binary_bytes": 5_600_000}
    return (
        artifact(GO, "default", breakdown=parts, reproducible=False),
        artifact(GO, "stripped", breakdown=slim, reproducible=False, **light),
        artifact(GO, "stripped-trimpath", breakdown=slim, reproducible=True, **light),
        artifact(GO, "static", breakdown=parts, zip_bytes=3_900_000),
        artifact(GO, "norpc", breakdown=parts, zip_bytes=3_990_000),
        artifact(GO, "smallest", breakdown=slim, identical_to="static", **light),
    )


def _python_artifacts() -> tuple[Artifact, ...]:
    packages = {
        "pandas": 61_300_000,
        "numpy": 39_800_000,
        "pytz": 2_100_000,
        "dateutil": 812_000,
        "app": 4_100,
    }
    common: dict[str, Any] = {
        "toolchain": {"python": "3.11.7", "uv": "0.13.8"},
        "recipe": "uv pip install --target",
        "binary_bytes": 0,
        "breakdown": packages,
        "reproducible": True,
    }
    return (
        artifact(
            PYTHON,
            "eager",
            zip_bytes=41_200_000,
            unpacked_bytes=104_016_100,
            warnings=("41.2 MB are 82 % of the 50 MB that can be uploaded directly",),
            **common,
        ),
        artifact(PYTHON, "lazy", zip_bytes=41_200_000, unpacked_bytes=104_016_200, **common),
        artifact(
            PYTHON, "eager-source-only", zip_bytes=33_700_000, unpacked_bytes=82_300_000, **common
        ),
    )
