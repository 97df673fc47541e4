"""Python functions: own sources, installed packages, and bytecode or none.

The eager and the lazy entry point of a function are in one package; they differ in the handler
that Lambda is told. Bytecode is made last, from the very files that are shipped. A source that is
not valid Python is shipped all the same, as Lambda takes it too and reports the error at init.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from bench.build.archive import digest_of, files_of, normal_mode
from bench.build.bytecode import compile_sources
from bench.build.cache import content_key
from bench.build.dependencies import (
    TASK_ROOT,
    InstallError,
    installed,
    key_of,
)
from bench.build.distributions import bytes_per_package
from bench.build.interpreters import Interpreter, interpreter_for
from bench.build.package import Facts, Package, load, publish
from bench.build.process import stopped_by_interruption
from bench.build.requirements import Requirements, requirements_of
from bench.build.sources import own_files
from bench.build.toolchain import Python
from bench.build.workshop import Outcome, Pair, PairId, Workshop, advice, failed, pair_id
from bench.errors import BuildError
from bench.frozen import dataclass
from bench.subjects import FailedBuild, Function

_WORKERS = 2
_NOT_SHIPPED = frozenset({"__pycache__", "node_modules"})
_NOT_SHIPPED_AT_TOP = frozenset(
    {"events", "tests", "function.toml", "requirements.txt", "pyproject.toml", "uv.lock"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One package to make, and the pairs that are waiting for it."""

    function: Function
    requirements: Requirements | None
    python: Python
    toolchain: dict[str, str]
    bytecode: bool
    key: str
    pairs: list[Pair]

    @property
    def recipe(self) -> str:
        """How the package is made, in a sentence."""
        steps = ["own sources"]
        if self.requirements:
            steps.insert(0, f"uv pip install -r {self.requirements.file.name}")
        steps.append(
            f"python{self.python.minor} -m compileall --invalidation-mode unchecked-hash"
            if self.bytecode
            else "no bytecode"
        )
        return ", ".join(steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What lies in one function's directory, read once for all its variants."""

    #: The digest of what is shipped.
    sources: str
    requirements: Requirements | None
    #: What the function asks for, and what it gets.
    version: str | None
    interpreter: Interpreter


def build_python(pairs: Sequence[Pair], workshop: Workshop) -> dict[PairId, Outcome]:
    """Find or build every pair of a Python function and variant; failures are outcomes too."""
    outcomes: dict[PairId, Outcome] = {}
    jobs: dict[str, Job] = {}
    inputs: dict[Path, _Inputs] = {}
    for pair in pairs:
        try:
            job = _job(pair, inputs, workshop)
        except (BuildError, OSError) as error:
            workshop.tell(pair, "failed")
            outcomes[pair_id(pair)] = failed(pair, f"package {pair[0].directory}", advice(error))
            continue
        jobs.setdefault(job.key, job).pairs.append(pair)
    missing = []
    for job in jobs.values():
        if (package := load(workshop.cache, job.key)) is None:
            missing.append(job)
        else:
            outcomes.update(_told(job, package, workshop))
    for done in _built(missing, workshop):
        outcomes.update(done)
    return {pair_id(p): _served(p, outcomes[pair_id(p)], inputs) for p in pairs}


def _built(missing: Sequence[Job], workshop: Workshop) -> Iterator[dict[PairId, Outcome]]:
    if not missing:
        return
    from concurrent.futures import ThreadPoolExecutor  # only a build is worth its import

    with (
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="python-build") as pool,
        stopped_by_interruption(workshop.run),
    ):
        yield from pool.map(lambda job: _build(job, workshop), missing)


def _inputs(function: Function, known: Mapping[Path, _Inputs], workshop: Workshop) -> _Inputs:
    same = (i.interpreter for i in known.values() if i.version == function.runtime_version)
    return _Inputs(
        sources=digest_of(_own_sources(function.directory)),
        requirements=requirements_of(function.directory, workshop.environ),
        version=function.runtime_version,
        interpreter=next(same, None) or interpreter_for(function.runtime_version, workshop),
    )


def _served(pair: Pair, outcome: Outcome, inputs: Mapping[Path, _Inputs]) -> Outcome:
    """The outcome, with a warning where another interpreter than the one asked for made it."""
    found = inputs.get(pair[0].directory)
    if isinstance(outcome, FailedBuild) or found is None or not found.interpreter.shortfall:
        return outcome
    warnings = (*outcome.facts.warnings, found.interpreter.shortfall)
    return replace(outcome, facts=replace(outcome.facts, warnings=warnings))


def _job(pair: Pair, inputs: dict[Path, _Inputs], workshop: Workshop) -> Job:
    function, variant = pair
    if function.directory not in inputs:
        inputs[function.directory] = _inputs(function, inputs, workshop)
    found = inputs[function.directory]
    python = found.interpreter.python
    toolchain = {"python": python.version}
    dependencies = None
    if found.requirements:
        toolchain["uv"] = workshop.tools.uv()[1]
        dependencies = key_of(found.requirements, python, toolchain["uv"], TASK_ROOT)
    bytecode = variant.bytecode == "unchecked-hash"
    key = content_key(
        {
            "sources": found.sources,
            "dependencies": dependencies,
            "python": python.version,
            "bytecode": bytecode,
        }
    )
    return Job(
        function=function,
        requirements=found.requirements,
        python=python,
        toolchain=toolchain,
        bytecode=bytecode,
        key=key,
        pairs=[],
    )


def _build(job: Job, workshop: Workshop) -> dict[PairId, Outcome]:
    """Make one package, unless another run does so while we wait."""
    for pair in job.pairs:
        workshop.tell(pair, "started")
    began = time.monotonic()
    try:
        with workshop.cache.lock(f"python-{job.key[:2]}", lambda: workshop.run.stopped):
            package = load(workshop.cache, job.key)
            if package is not None:
                return _told(job, package, workshop)
            package = publish(workshop.cache, job.key, lambda tree: _fill(tree, job, workshop))
    except (BuildError, OSError) as error:
        command = error.command if isinstance(error, InstallError) else job.recipe
        for pair in job.pairs:
            workshop.tell(pair, "failed", time.monotonic() - began)
        return {pair_id(pair): failed(pair, command, advice(error)) for pair in job.pairs}
    share = (time.monotonic() - began) / len(job.pairs)
    for pair in job.pairs:
        workshop.tell(pair, "built", share)
    return {pair_id(pair): package for pair in job.pairs}


def _told(job: Job, package: Package, workshop: Workshop) -> dict[PairId, Outcome]:
    for pair in job.pairs:
        workshop.tell(pair, "cached")
    return {pair_id(pair): package for pair in job.pairs}


def _fill(tree: Path, job: Job, workshop: Workshop) -> Facts:
    if job.requirements:
        dependencies = installed(job.requirements, job.python, workshop)
        _link_tree(dependencies, tree, bytecode=job.bytecode)
    own = _own_sources(job.function.directory)
    for name, source in own:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            _remove_with_bytecode(target)
        shutil.copyfile(source, target)
        target.chmod(normal_mode(source))
    warnings: tuple[str, ...] = ()
    if job.bytecode:
        invalid = compile_sources(
            tree,
            [name for name, _ in own if name.endswith(".py")],
            prefix=TASK_ROOT,
            python=job.python,
            cache=workshop.cache,
            run=workshop.run,
        )
        warnings = tuple(
            f"`{name}` is not valid Python {job.python.minor} and ships without bytecode"
            for name in invalid
        )
    return Facts(
        toolchain=job.toolchain,
        recipe=job.recipe,
        breakdown=bytes_per_package(tree),
        warnings=warnings,
    )


def _link_tree(source: Path, target: Path, *, bytecode: bool) -> None:
    for name, path in files_of(source):
        if bytecode or not name.endswith(".pyc"):
            link = target / name
            link.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, link)
            except OSError:  # no hard links on this file system, or too many to one file
                shutil.copy2(path, link)


def _remove_with_bytecode(source: Path) -> None:
    """Make way for a file of the function that replaces one of an installed package.

    Writing to it would change the cached file that it is a link to.
    """
    source.unlink()
    for stale in source.parent.glob(f"__pycache__/{source.stem}.*.pyc"):
        stale.unlink()


def _own_sources(directory: Path) -> list[tuple[str, Path]]:
    """``(name, path)`` of what a function ships of its own.

    Not shipped: bytecode, and at the top settings, events, tests and their modules, as they are
    for us and not for Lambda. A top-level ``events`` with Python in it is a package, and shipped.
    """
    events_is_package = next((directory / "events").rglob("*.py"), None) is not None
    return list(own_files(directory, lambda name: _is_left_out(name, events_is_package)))


def _is_left_out(name: PurePosixPath, events_is_package: bool) -> bool:
    last = name.name
    if last in _NOT_SHIPPED or last.endswith((".pyc", ".pyo")):
        return True
    if len(name.parts) > 1 or (last == "events" and events_is_package):
        return False
    is_test = last == "conftest.py" or (last.startswith("test_") and last.endswith(".py"))
    return is_test or last in _NOT_SHIPPED_AT_TOP
