"""Builds the known-shift control: a spinner in Go, or where there is no Go, in Python."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from bench.build import BuildCache, BuildEvent, build_matrix
from bench.build.matrix import BuildResult
from bench.errors import RecordError
from bench.model import Cell, KnownShift, Record
from bench.subjects import (
    MEMORY_ONE_VCPU_MB,
    Artifact,
    Event,
    Function,
    PageCache,
    Variant,
    VariantSource,
)

#: How much more work the shifted program does, and what that makes of its CPU time.
PERCENT = 2
RATIO = 1 + PERCENT / 100
BASELINE, SHIFTED = "plain", "shifted"
_NAME = "known-shift"
_EVENT = "nothing"
_ADDED = {BASELINE: 0, SHIFTED: PERCENT}

Observer = Callable[[BuildEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlProgram:
    """The two programs, and how they are run."""

    function: Function
    artifacts: tuple[Artifact, ...]
    #: A sentence, where it is not the program that it should be.
    warning: str | None = None

    def known_shift(self, page_cache: PageCache) -> KnownShift:
        """The cells of the control; at a whole CPU, so that no quota is in its way."""
        baseline = Cell(
            function=self.function.id,
            variant=BASELINE,
            memory_mb=MEMORY_ONE_VCPU_MB,
            event=_EVENT,
            page_cache=page_cache,
        )
        return KnownShift(
            baseline=baseline, shifted=replace(baseline, variant=SHIFTED), ratio=RATIO
        )


def build_control(cache: BuildCache, observer: Observer | None = None) -> ControlProgram | None:
    """Build the control, in Go if that can be; None where it cannot be built at all."""
    built = _build(_go_function(), _go_variants(), cache, observer)
    if len(built.artifacts) == len(_ADDED):
        return ControlProgram(function=_go_function(), artifacts=built.artifacts)
    return python_control(cache, observer)


def python_control(cache: BuildCache, observer: Observer | None = None) -> ControlProgram | None:
    """Build the control in Python, for machines without Go; None where that cannot be either."""
    with tempfile.TemporaryDirectory(prefix="coldbench-control-") as scratch:
        function = _python_function(Path(scratch))
        built = _build(function, _python_variants(), cache, observer)
    if len(built.artifacts) < len(_ADDED):
        return None
    return ControlProgram(
        function=function,
        artifacts=built.artifacts,
        warning="there is no Go toolchain, so the known-shift control is a Python program, whose"
        " start is noisier: it takes more rounds to be found",
    )


def with_control(record: Record, cache: BuildCache, page_cache: PageCache) -> Record:
    """The header of a new run with a known-shift control, or with the sentence why it has none.

    A smoke run has none: a single round could not show it. Nor has one that does not measure here.
    """
    if record.backend != "local" or record.plan.smoke or not record.plan.cells:
        return record
    program = build_control(cache)
    if program is None:
        words = "this run has no known-shift control: it could not be built"
        return replace(record, warnings=(*record.warnings, words))
    warnings = (program.warning,) if program.warning else ()
    return replace(
        record,
        plan=replace(record.plan, known_shift=program.known_shift(page_cache)),
        control_functions=(program.function,),
        control_artifacts=program.artifacts,
        warnings=(*record.warnings, *warnings),
    )


def rebuilt_control(record: Record, cache: BuildCache) -> tuple[Artifact, ...]:
    """The control's packages of a run that goes on; they must be the same ones.

    Raises:
        RecordError: they are not, because the toolchain or coldbench changed.
    """
    if not record.control_artifacts:
        return ()
    program = build_control(cache)
    known = {a.variant: a.digest for a in record.control_artifacts}
    if program is None or {a.variant: a.digest for a in program.artifacts} != known:
        raise RecordError(
            f"the known-shift control of run {record.run_id} cannot be built as it was",
            hint="start a new run: `coldbench run`",
        )
    return program.artifacts


def _build(
    function: Function,
    variants: Sequence[Variant],
    cache: BuildCache,
    observer: Observer | None,
) -> BuildResult:
    return build_matrix(
        [(function, variant) for variant in variants],
        cache=cache,
        observer=observer,
        prove_reproducible=False,
    )


def _directory() -> Path:
    return Path(str(resources.files("bench.controls")))


def _event() -> Event:
    return Event(name=_EVENT, path=_directory() / "event.json")


def _go_function() -> Function:
    return Function(
        id=f"go/{_NAME}",
        runtime="go",
        directory=_directory() / "spinner",
        handler="bootstrap",
        events=(_event(),),
    )


def _go_variants() -> list[Variant]:
    return [
        Variant(
            id=name,
            runtime="go",
            summary=f"{percent} % more work",
            flags=("-trimpath", f"-ldflags=-s -w -X main.percent={percent}"),
            build_environment={"CGO_ENABLED": "0"},
        )
        for name, percent in _ADDED.items()
    ]


def _python_function(scratch: Path) -> Function:
    """A custom function with one directory for each program."""
    source = (_directory() / "spinner.py").read_text(encoding="utf-8")
    for name, percent in _ADDED.items():
        bootstrap = scratch / name / "bootstrap"
        bootstrap.parent.mkdir()
        bootstrap.write_text(f"#!{sys.executable} -IS\nPERCENT = {percent}\n{source}")
        bootstrap.chmod(0o755)
    return Function(
        id=f"custom/{_NAME}",
        runtime="custom",
        directory=scratch,
        handler="bootstrap",
        events=(_event(),),
        sources={name: VariantSource(path=scratch / name) for name in _ADDED},
    )


def _python_variants() -> list[Variant]:
    return [
        Variant(id=name, runtime="custom", summary=f"{percent} % more work")
        for name, percent in _ADDED.items()
    ]
