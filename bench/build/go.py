"""Go functions: a ``bootstrap`` for Linux on this machine's architecture, per variant.

A module is copied to a scratch directory with a stable path and built there, so that neither
version control nor the checkout shows in the binary. All functions of a variant are built by one
command, which compiles what they share once; when it fails they are built one by one, so that each
failure has its function and the compiler's own message.

``reproducible`` means: the same bytes from another path, on this machine with this toolchain. A
binary that contains the path it was built in cannot be; for the others the build is repeated in a
second directory. Both share Go's build cache, so the repetition compiles what depends on a path and
links; that an empty build cache gives the same bytes is not proved here.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from bench.build import elf
from bench.build.go_recipe import (
    Ground,
    Job,
    arguments_of,
    compile_settings,
    environment_of,
    job_for,
    settings_of,
)
from bench.build.package import BOOTSTRAP, Facts, Package, load, publish
from bench.build.process import Command, Completed, stopped_by_interruption
from bench.build.workshop import Outcome, Pair, PairId, State, Workshop, advice, failed, pair_id
from bench.errors import BuildError
from bench.frozen import dataclass

#: Two chains of variants keep two cores busy while one waits for its slowest package.
_CHAINS = 2
_MAJOR_VERSION = re.compile(r"v[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a module is built: a copy, another copy for the proof, and the environment."""

    first: Path
    #: None where the module cannot be copied, so that nothing can be proved.
    second: Path | None
    outputs: Path
    environment: Mapping[str, str]


def build_go(pairs: Sequence[Pair], workshop: Workshop) -> dict[PairId, Outcome]:
    """Find or build every pair of a Go function and a Go variant; failures are outcomes too."""
    outcomes: dict[PairId, Outcome] = {}
    missing: list[Job] = []
    grounds: dict[Path, Ground] = {}
    for pair in pairs:
        try:
            job = job_for(pair, grounds, workshop)
        except (BuildError, OSError) as error:
            workshop.tell(pair, "failed")
            untried = " ".join(("go", *arguments_of(pair[1]), str(pair[0].directory)))
            outcomes[pair_id(pair)] = failed(pair, untried, advice(error))
            continue
        if (package := _cached(job, workshop)) is not None:
            outcomes[pair_id(pair)] = package
        else:
            missing.append(job)
    for root in grounds:
        jobs = [job for job in missing if job.ground.module.root == root]
        if jobs:
            outcomes.update(_build_module(jobs, workshop))
    return outcomes


def _cached(job: Job, workshop: Workshop) -> Package | None:
    package = load(workshop.cache, job.key)
    if package is None:
        return None
    provable = workshop.prove_reproducible and not job.ground.module.in_place
    if provable and package.facts.reproducible is None:
        workshop.cache.discard("packages", job.key)
        return None
    workshop.tell(job.pair, "cached")
    return package


def _build_module(jobs: Sequence[Job], workshop: Workshop) -> dict[PairId, Outcome]:
    """Build the jobs of one module, unless another run does so while we wait for its scratch."""
    ground = jobs[0].ground
    outcomes: dict[PairId, Outcome] = {}
    # Named after the module, not the checkout: two checkouts of one revision give the same bytes.
    name = f"go-{hashlib.sha256(ground.module.path.encode()).hexdigest()[:12]}"
    with workshop.cache.lock(name, lambda: workshop.run.stopped):
        missing = []
        for job in jobs:
            if (package := _cached(job, workshop)) is not None:
                outcomes[pair_id(job.pair)] = package
            else:
                missing.append(job)
        if not missing:
            return outcomes
        scratch = workshop.cache.scratch(name)
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            # Outputs are ours alone: a compiler that outlived a killed run writes elsewhere.
            with workshop.cache.temporary() as outputs:
                site = _prepare(scratch, outputs, missing, workshop)
                outcomes.update(_build_chains(missing, site, workshop))
        except (BuildError, OSError) as error:
            outcomes.update(_all_failed(missing, advice(error), workshop))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return outcomes


def _prepare(scratch: Path, outputs: Path, jobs: Sequence[Job], workshop: Workshop) -> Site:
    ground = jobs[0].ground
    environment = environment_of(ground, workshop)
    if ground.module.in_place:
        return Site(first=ground.module.root, second=None, outputs=outputs, environment=environment)
    packages = {job.package for job in jobs}
    first, second = scratch / "module", scratch / "again-in-another-path" / "module"
    ground.module.stage(packages, first)
    if workshop.prove_reproducible:
        ground.module.stage(packages, second)
    return Site(
        first=first,
        second=second if workshop.prove_reproducible else None,
        outputs=outputs,
        environment=environment,
    )


def _build_chains(jobs: Sequence[Job], site: Site, workshop: Workshop) -> dict[PairId, Outcome]:
    """One chain per set of compile settings: the first variant compiles, the others link."""
    from concurrent.futures import ThreadPoolExecutor  # only a build is worth its import

    chains: dict[str, dict[str, list[Job]]] = {}
    for job in jobs:
        chain = chains.setdefault(compile_settings(job.variant), {})
        chain.setdefault(job.variant.id, []).append(job)

    def follow(chain: Mapping[str, list[Job]]) -> dict[PairId, Outcome]:
        done: dict[PairId, Outcome] = {}
        for same_variant in chain.values():
            done.update(_build_variant(same_variant, site, workshop))
        return done

    outcomes: dict[PairId, Outcome] = {}
    with (
        ThreadPoolExecutor(_CHAINS, thread_name_prefix="go-build") as pool,
        stopped_by_interruption(workshop.run),
    ):
        for done in pool.map(follow, chains.values()):
            outcomes.update(done)
    return outcomes


def _build_variant(jobs: Sequence[Job], site: Site, workshop: Workshop) -> dict[PairId, Outcome]:
    for job in jobs:
        workshop.tell(job.pair, "started")
    began = time.monotonic()
    output = site.outputs / jobs[0].variant.id
    built, refused = _compile(jobs, site, site.first, output, workshop)
    again: dict[str, Path] = {}
    doubtful = [j for j in jobs if j.package in built and not _names(site.first, built[j.package])]
    if site.second is not None and doubtful:
        proof = site.outputs / "again" / jobs[0].variant.id
        again, _ = _compile(doubtful, site, site.second, proof, workshop)
    share = (time.monotonic() - began) / len(jobs)
    outcomes: dict[PairId, Outcome] = {}
    for job in jobs:
        began = time.monotonic()
        outcome = _outcome(job, built, again, refused, site, workshop)
        state: State = "built" if isinstance(outcome, Package) else "failed"
        workshop.tell(job.pair, state, share + time.monotonic() - began)
        outcomes[pair_id(job.pair)] = outcome
    return outcomes


def _outcome(
    job: Job,
    built: Mapping[str, Path],
    again: Mapping[str, Path],
    refused: Mapping[str, Completed],
    site: Site,
    workshop: Workshop,
) -> Outcome:
    if job.package in refused:
        message = refused[job.package].message
        shown = message.replace(str(site.first), str(job.ground.module.root))
        return failed(job.pair, job.command, shown)
    binary = built[job.package]
    if not elf.is_elf(binary):
        message = "the build gave no executable: the package must be `package main`"
        return failed(job.pair, job.command, message)
    reproducible = None
    if site.second is not None:
        other = again.get(job.package)
        reproducible = other is not None and other.read_bytes() == binary.read_bytes()

    def fill(tree: Path) -> Facts:
        target = tree / BOOTSTRAP
        shutil.copyfile(binary, target)
        target.chmod(0o755)
        return Facts(
            toolchain=job.toolchain,
            recipe=job.recipe,
            binary_bytes=target.stat().st_size,
            breakdown=elf.breakdown(target),
            reproducible=reproducible,
        )

    try:
        return publish(workshop.cache, job.key, fill)
    except (BuildError, OSError, ValueError) as error:
        return failed(job.pair, job.command, advice(error))


def _compile(
    jobs: Sequence[Job], site: Site, directory: Path, output: Path, workshop: Workshop
) -> tuple[dict[str, Path], dict[str, Completed]]:
    """Build the jobs of one variant; gives binaries, and refusals, by package."""
    batch = _batch(jobs)
    built: dict[str, Path] = {}
    refused: dict[str, Completed] = {}
    if len(batch) > 1:
        target = output / "together"
        target.mkdir(parents=True)
        done = _run(batch, site, directory, f"{target}{os.sep}", workshop)
        if done.status == 0:
            outputs = {job.package: target / PurePosixPath(job.package).name for job in batch}
            built = {package: path for package, path in outputs.items() if path.exists()}
    for index, job in enumerate(jobs):
        if job.package in built:
            continue
        target = output / str(index) / BOOTSTRAP
        target.parent.mkdir(parents=True)
        done = _run([job], site, directory, str(target), workshop)
        if done.status == 0:
            built[job.package] = target
        else:
            refused[job.package] = done
    return built, refused


def _batch(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that one command can build: Go names each binary after its directory."""
    names = Counter(PurePosixPath(job.package).name for job in jobs)
    return [
        job
        for job in jobs
        if job.package != "."
        and names[name := PurePosixPath(job.package).name] == 1
        and not _MAJOR_VERSION.fullmatch(name)
    ]


def _run(
    jobs: Sequence[Job], site: Site, directory: Path, output: str, workshop: Workshop
) -> Completed:
    job = jobs[0]
    targets = (job.target for job in jobs)
    return workshop.run(
        Command(
            arguments=(
                str(job.ground.go.path),
                *arguments_of(job.variant),
                *("-o", output),
                *targets,
            ),
            cwd=directory,
            environment={**site.environment, **settings_of(job.variant)},
        )
    )


def _names(directory: Path, binary: Path) -> bool:
    """Whether the binary contains the path it was built in: then another path changes it."""
    return os.fsencode(directory) in binary.read_bytes()


def _all_failed(jobs: Sequence[Job], message: str, workshop: Workshop) -> dict[PairId, Outcome]:
    for job in jobs:
        workshop.tell(job.pair, "failed")
    return {pair_id(job.pair): failed(job.pair, job.command, message) for job in jobs}
