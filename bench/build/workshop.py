"""What every builder is given: the cache, the tools, a way to run and a way to tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Literal

from bench.build.cache import BuildCache
from bench.build.package import Package
from bench.build.process import Runner
from bench.build.toolchain import Toolchains
from bench.errors import BenchError
from bench.frozen import dataclass
from bench.subjects import FailedBuild, Function, Variant

State = Literal["started", "cached", "built", "failed"]
Pair = tuple[Function, Variant]
PairId = tuple[str, str]
Outcome = Package | FailedBuild


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEvent:
    """One step of one build, for progress displays.

    ``seconds`` is the wall time it took, 0 for ``started``; where one command built several
    functions, each has an equal share of it.
    """

    function: str
    variant: str
    state: State
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """The surroundings of one build session, shared by its threads."""

    cache: BuildCache
    tools: Toolchains
    run: Runner
    environ: Mapping[str, str]
    prove_reproducible: bool
    observer: Callable[[BuildEvent], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, pair: Pair, state: State, seconds: float = 0.0) -> None:
        """Hand an event to the observer, one at a time whatever the thread."""
        function, variant = pair
        event = BuildEvent(function=function.id, variant=variant.id, state=state, seconds=seconds)
        with self._lock:
            self.observer(event)


def pair_id(pair: Pair) -> PairId:
    """(function id, variant id)."""
    return pair[0].id, pair[1].id


def advice(error: Exception) -> str:
    """What went wrong, and what to try, in the words of the error."""
    if isinstance(error, BenchError) and error.hint:
        return f"{error.message}\nhint: {error.hint}"
    return str(error)


def failed(pair: Pair, command: str, message: str) -> FailedBuild:
    """The outcome of a pair whose build said no."""
    function, variant = pair
    return FailedBuild(function=function.id, variant=variant.id, command=command, message=message)
