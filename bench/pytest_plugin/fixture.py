"""The object behind the fixture ``cold_start``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest

from bench.errors import EXIT_INCOMPARABLE, EXIT_INCONCLUSIVE, EXIT_OK, EXIT_REGRESSION
from bench.pytest_plugin import benchmarks
from bench.pytest_plugin.messages import (
    broken,
    failed_words,
    inconclusive_words,
    slower_words,
    unfit_words,
)
from bench.pytest_plugin.subjects import Subject, find_directory, find_subject, is_variant
from bench.pytest_plugin.trials import ColdStart, Finished, cold_start, run

#: Judged rounds of a measurement without a comparison.
ROUNDS = 16
Event = str | Path | Mapping[str, object]
WhenInconclusive = Literal["fail", "skip"]


class ColdStarts:
    """Measures cold starts of functions on the local Lambda, by ``coldbench`` itself.

    Called, it gives the metrics of one function; :meth:`assert_not_slower` compares two. Relative
    paths are those below pytest's root directory, or else below the directory of the test.
    """

    def __init__(self, request: pytest.FixtureRequest, benchmark: Any) -> None:
        self._request = request
        self._config = request.config
        self._benchmark = benchmark
        self._roots = (request.config.rootpath, request.path.parent)
        self._last: tuple[Subject, str | Path] | None = None
        _refuse_workers()
        benchmarks.claim(benchmark)

    def __call__(
        self,
        path: str | Path,
        *,
        event: Event | None = None,
        memory: int | None = None,
        variant: str | None = None,
        rounds: int = ROUNDS,
        metric: str = "cold_total",
        allow_unfit: bool = False,
        allow_failures: bool = False,
    ) -> ColdStart:
        """Measure one function in ``rounds`` fresh execution environments.

        Args:
            path: the function's directory.
            event: the name of one of its events, a JSON file, or the event itself; its first.
            memory: memory size in MB; that of the function.
            variant: which build; the baseline of its runtime.
            rounds: judged rounds; 3 more come first and are discarded.
            metric: what pytest-benchmark gets to see.
            allow_unfit: give the metrics of a run whose controls failed, too.
            allow_failures: give the metrics of the trials that succeeded where others failed.

        Raises:
            pytest.fail.Exception: there is no such function, it does not build, a trial failed
                (with ``allow_failures``: all of them), or the run is unfit.
        """
        __tracebackhide__ = True
        out = self._scratch()
        subject = self._subject(path, event=event, memory=memory, variant=variant, scratch=out)
        finished = self._run(
            "run",
            subject.function.directory,
            *("--variant", subject.variant, "--baseline", subject.variant),
            *_conditions(subject, rounds=rounds),
            "--all",
            out=out,
        )
        found = cold_start(finished)
        if found is None:
            pytest.fail(broken(finished), pytrace=False)
        if found.failures and not allow_failures:
            pytest.fail(failed_words(found, subject), pytrace=False)
        if not found.fit and not allow_unfit:
            pytest.fail(unfit_words(found), pytrace=False)
        self._last = (subject, path)
        benchmarks.add(self._request, self._benchmark, found, metric)
        return found

    def assert_not_slower(
        self,
        path: str | Path | None = None,
        *,
        than: str | Path,
        margin: float = 0.05,
        event: Event | None = None,
        memory: int | None = None,
        variant: str | None = None,
        rounds: int | None = None,
        budget: str | None = None,
        inconclusive: WhenInconclusive = "fail",
    ) -> None:
        """Assert that a function's cold start is not slower by more than ``margin``.

        Both sides are measured anew in one run of interleaved rounds and compared on CPU time by
        the paired test of ``coldbench``; what the fixture measured before is not used, and
        pytest-benchmark's comparison of blocks has no part in it.

        Args:
            path: the function's directory; the one that was measured last, as it was measured.
            than: another variant of the function, the directory of another function (a ``Path``
                is always one), or a git revision, with which the working tree is compared.
            margin: the relative change that is still allowed, 0.05 = 5 %.
            event: as for a measurement.
            memory: as for a measurement.
            variant: as for a measurement.
            rounds: exactly so many rounds; without, as many as the verdict needs.
            budget: how long that may take, such as ``90s``.
            inconclusive: whether too little data for a verdict fails the test or skips it; it
                never passes it.

        Raises:
            AssertionError: it is slower by more than the margin.
            pytest.fail.Exception: the run gives no verdict: unfit, broken, incomparable or, if
                so wanted, inconclusive.
        """
        __tracebackhide__ = True
        out = self._scratch()
        subject = self._compared(path, event=event, memory=memory, variant=variant, scratch=out)
        how = [*_conditions(subject, rounds=rounds), "--fail-on", f"slower:{margin * 100:g}%"]
        if 0 < margin < 1:  # what is decided for the gate needs no more rounds for its own sake
            how += ["--margin", f"{margin:g}"]
        if budget is not None:
            how += ["--budget", budget]
        finished = self._run(*self._sides(subject, than), *how, "--strict", out=out)
        if finished.exit_code == EXIT_REGRESSION:
            raise AssertionError(slower_words(finished, than, margin))
        if finished.exit_code == EXIT_INCONCLUSIVE:
            words = inconclusive_words(finished, margin)
            if inconclusive == "skip":
                pytest.skip(words)
            pytest.fail(words, pytrace=False)
        if finished.exit_code != EXIT_OK and not _identical(finished):
            pytest.fail(broken(finished), pytrace=False)

    def _compared(
        self,
        path: str | Path | None,
        *,
        event: Event | None,
        memory: int | None,
        variant: str | None,
        scratch: Path,
    ) -> Subject:
        if path is not None or (event, memory, variant) != (None, None, None):
            if path is None and self._last is not None:
                path = self._last[1]
            if path is not None:
                return self._subject(
                    path, event=event, memory=memory, variant=variant, scratch=scratch
                )
        if self._last is None:
            pytest.fail(
                "cold_start.assert_not_slower: name the function's directory, or measure it first:"
                ' cold_start("path/to/function")',
                pytrace=False,
            )
        return self._last[0]

    def _sides(self, subject: Subject, than: str | Path) -> list[object]:
        """The command that measures both sides in one run."""
        directory = subject.function.directory
        if isinstance(than, str) and is_variant(than, subject.function):
            variants = ("--variant", subject.variant, "--variant", than)
            return ["run", directory, *variants, "--baseline", than, "--all"]
        other = find_directory(than, self._roots)
        build = ("--variant", subject.variant)
        if other is not None:
            return ["compare", other, directory, *build]
        if isinstance(than, Path):
            pytest.fail(f"cold_start: there is no directory `{than}`", pytrace=False)
        return ["compare", than, "WORKTREE", directory, *build]

    def _subject(
        self,
        path: str | Path,
        *,
        event: Event | None,
        memory: int | None,
        variant: str | None,
        scratch: Path,
    ) -> Subject:
        return find_subject(
            path,
            variant=variant,
            event=event,
            memory=memory,
            roots=self._roots,
            scratch=scratch,
        )

    def _scratch(self) -> Path:
        factory: pytest.TempPathFactory = self._request.getfixturevalue("tmp_path_factory")
        return factory.mktemp("cold_start")

    def _run(self, *arguments: object, out: Path) -> Finished:
        return run(arguments, cwd=self._config.rootpath, out=out)


def _conditions(subject: Subject, *, rounds: int | None) -> Iterable[object]:
    chosen = ["--event", subject.event, "--memory", subject.memory_mb]
    return chosen if rounds is None else [*chosen, "--rounds", rounds]


def _identical(finished: Finished) -> bool:
    """Whether nothing was compared because both sides are the same package, byte for byte."""
    if finished.exit_code != EXIT_INCOMPARABLE or finished.result is None:
        return False
    result = finished.result
    digests = {artifact["digest"] for artifact in result["artifacts"]}
    return len(result["artifacts"]) > 1 and len(digests) == 1 and not result["failed_builds"]


def _refuse_workers() -> None:
    """Cold starts beside the tests of other workers would measure those tests.

    Raises:
        pytest.fail.Exception: this is one of several workers of pytest-xdist.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and os.environ.get("PYTEST_XDIST_WORKER_COUNT") != "1":
        pytest.fail(
            f"cold_start measures nothing in worker {worker} of pytest-xdist: the tests of the"
            " other workers would be in every time.\nhint: run these tests by themselves,"
            " `pytest -m cold_start -n 0`, and the others with `-m 'not cold_start'`",
            pytrace=False,
        )
