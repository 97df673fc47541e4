"""All builds of a run: pairs of function and variant in, artifacts and failures out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench.build.cache import BuildCache
from bench.build.package import Package
from bench.build.process import ProcessRunner, Runner
from bench.build.toolchain import Toolchains
from bench.build.workshop import BuildEvent, Outcome, Pair, PairId, Workshop, pair_id
from bench.frozen import dataclass
from bench.subjects import UNPACKED_LIMIT_BYTES, Artifact, FailedBuild, Function, Runtime, Variant
from bench.units import format_bytes

#: Lambda's quota on what is uploaded directly.
ZIP_LIMIT_BYTES = 50 * 1024 * 1024
_WARN_AT = 0.8

Builder = Callable[[Sequence[Pair], Workshop], dict[PairId, Outcome]]


def _builder(runtime: Runtime) -> Builder:
    """What builds functions of a runtime; one that is not asked for is not even imported."""
    if runtime == "go":
        from bench.build.go import build_go

        return build_go
    if runtime == "python":
        from bench.build.python import build_python

        return build_python
    from bench.build.custom import build_custom

    return build_custom


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildResult:
    """What became of the pairs, each list in their order."""

    artifacts: tuple[Artifact, ...]
    failures: tuple[FailedBuild, ...]


def build_matrix(
    pairs: Sequence[Pair],
    *,
    cache: BuildCache,
    observer: Callable[[BuildEvent], None] | None = None,
    prove_reproducible: bool = True,
    run: Runner | None = None,
    environ: Mapping[str, str] | None = None,
) -> BuildResult:
    """Find or build every pair; a failed build is an outcome, and stops no other.

    Args:
        pairs: functions, each with a variant of its runtime.
        cache: where artifacts are kept; they stay valid as long as nobody deletes them.
        observer: told of every step, one at a time, from threads of the build.
        prove_reproducible: build Go functions in a second path too, where that can tell something.
        run: runs processes; by default real ones.
        environ: the user's environment; by default that of this process. Builds use it for
            networking, proxies and caches.

    Raises:
        Interrupted: the runner was stopped; all processes are gone by then.
        KeyboardInterrupt: Ctrl-C, or what the caller turned into one; the same holds.
    """
    runner = run or ProcessRunner()
    surroundings = os.environ if environ is None else environ
    workshop = Workshop(
        cache=cache,
        tools=Toolchains(cache, runner, surroundings),
        run=runner,
        environ=surroundings,
        prove_reproducible=prove_reproducible,
        observer=observer or (lambda _: None),
    )
    try:
        return _result(pairs, _outcomes(pairs, workshop))
    except BaseException:
        runner.stop()
        raise


def _outcomes(pairs: Sequence[Pair], workshop: Workshop) -> dict[PairId, Outcome]:
    """Build the pairs of each runtime, in a thread for each where there are several."""
    runtimes = tuple(dict.fromkeys(function.runtime for function, _ in pairs))
    if len(runtimes) == 1:
        return _builder(runtimes[0])(pairs, workshop)
    from concurrent.futures import ThreadPoolExecutor

    outcomes: dict[PairId, Outcome] = {}
    with ThreadPoolExecutor(max(1, len(runtimes)), thread_name_prefix="build") as pool:
        try:
            waiting = [
                pool.submit(
                    _builder(runtime), [p for p in pairs if p[0].runtime == runtime], workshop
                )
                for runtime in runtimes
            ]
            for future in waiting:
                outcomes.update(future.result())
        except BaseException:
            workshop.run.stop()  # before the pool waits for its threads
            raise
    return outcomes


def _result(pairs: Sequence[Pair], outcomes: Mapping[PairId, Outcome]) -> BuildResult:
    artifacts: list[Artifact] = []
    failures: list[FailedBuild] = []
    first: dict[tuple[str, str, str], str] = {}
    for pair in pairs:
        outcome = outcomes[pair_id(pair)]
        if isinstance(outcome, FailedBuild):
            failures.append(outcome)
            continue
        function, variant = pair
        artifact = outcome.artifact(function, variant, handler_of(function, variant))
        same = (function.id, artifact.digest, artifact.handler)
        artifacts.append(
            replace(
                artifact,
                identical_to=first.get(same),
                warnings=(*artifact.warnings, *limit_warnings(outcome)),
            )
        )
        first.setdefault(same, variant.id)
    return BuildResult(artifacts=tuple(artifacts), failures=tuple(failures))


def handler_of(function: Function, variant: Variant) -> str:
    """The entry point of a variant: that of its own table, of its import style, or the common."""
    for name in (variant.id, variant.import_style):
        source = function.sources.get(name) if name else None
        if source and source.handler:
            return source.handler
    return function.handler


def limit_warnings(package: Package) -> tuple[str, ...]:
    """Sentences about Lambda's limits that a package is over, or near."""
    checks = (
        ("zipped", package.zip_bytes, ZIP_LIMIT_BYTES, "50 MB for a direct upload"),
        ("unpacked", package.unpacked_bytes, UNPACKED_LIMIT_BYTES, "250 MB"),
    )
    return tuple(
        f"{format_bytes(size)} {what} is {size / limit:.0%} of Lambda's limit of {words}"
        for what, size, limit, words in checks
        if size >= _WARN_AT * limit
    )
