"""One run in one region: copies made, rounds measured, everything deleted, the record sealed."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.backends.aws import AwsBackend
from bench.cloud.account import Account
from bench.cloud.control import ControlPlane
from bench.cloud.copies import PREFIX, Copy, Workshop
from bench.cloud.faults import Stopped
from bench.cloud.leftovers import remove_role
from bench.cloud.probe import Probe
from bench.cloud.session import CloudSession
from bench.cloud.versions import Method
from bench.errors import BenchError, Interrupted
from bench.model import Record, Trial
from bench.session.dialogue import Observer
from bench.store import TrialWriter, load_record, seal

#: What a run leaves of the account's free concurrency to others.
_SHARE_OF_CONCURRENCY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a run goes about it."""

    method: Method = "version"
    parallel: int = 8
    role: str | None = None
    pin_runtime: bool = False
    probe: bool = True


class CloudRun:
    """Measures what is left of a record's plan on copies.

    Args:
        directory: of the record.
        copies: one for every arm at every memory size of the plan.
        account: where.
        manner: how.
        observer: told of each trial.
        say: told what a user should know meanwhile.
    """

    def __init__(
        self,
        directory: Path,
        copies: Sequence[Copy],
        account: Account,
        manner: Manner,
        *,
        observer: Observer,
        say: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._copies = tuple(copies)
        self._account = account
        self._manner = manner
        self._observer = observer
        self._say = say
        self._stop = threading.Event()
        self._stop_cleaning = threading.Event()
        self._pinned = False
        self._record = load_record(directory)
        plane = ControlPlane(account, self._stop, say=say)
        self._workshop = self._workshop_on(plane)
        self._plane = plane

    def measure(self) -> None:
        """Run to the end, or until it is stopped; clean up and seal the record in any case.

        Raises:
            Interrupted: by a signal.
            Stopped: AWS cannot be used any more.
            RecordError: another process is measuring this run.
        """
        with contextlib.ExitStack() as cleanup:
            writer = TrialWriter(self._directory)
            cleanup.callback(writer.close)
            self._record = load_record(self._directory)
            cleanup.enter_context(self._signals())
            cleanup.callback(self._clean_up)
            probe = self._make_everything()
            session = self._session(writer, probe)
            cleanup.callback(lambda: self._seal(session.header, session.backend, probe))
            session.run()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """The first SIGINT or SIGTERM ends the measuring, the second the cleaning up."""

        def stop(*_: object) -> None:
            if self._stop.is_set():
                self._stop_cleaning.set()
            self._stop.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _make_everything(self) -> Probe | None:
        self._workshop.make_role(in_vpc=any(copy.subnets for copy in self._copies))
        with ThreadPoolExecutor(self._manner.parallel, thread_name_prefix="copy") as pool:
            futures = [pool.submit(self._workshop.make, copy) for copy in self._copies]
        for error in (f.exception() for f in futures):
            if error is not None and not isinstance(error, Interrupted):
                raise error
        if self._stop.is_set():
            raise Interrupted("interrupted")
        return self._make_probe() if self._manner.probe else None

    def _make_probe(self) -> Probe | None:
        """The probe is welcome and not needed: without it, no CPU models are on record."""
        probe = self._probe(self._plane)
        try:
            self._workshop.make(probe.copy)
        except Stopped as error:
            self._say(f"no CPU models will be known: {error.message}")
            return None
        return probe

    def _probe(self, plane: ControlPlane) -> Probe:
        runtimes = [c.runtime for c in self._copies if c.runtime and "python" in c.runtime]
        return Probe(
            plane,
            self._record.run_id,
            self._copies[0].architecture,
            runtimes[0] if runtimes else None,
        )

    def _session(self, writer: TrialWriter, probe: Probe | None) -> CloudSession:
        parallel = self._parallel()
        longest_s = max(copy.timeout_s for copy in self._copies)
        backend = AwsBackend(
            plane=self._plane,
            invoker=self._account.invoker(longest_s, parallel),
            copies={(c.function, c.variant, c.arm, c.memory_mb): c for c in self._copies},
            method=self._manner.method,
            warm_invokes=self._record.plan.warm_invokes,
        )
        if self._manner.pin_runtime:
            self._pin(self._record.trials)

        def on_round(trials: Sequence[Trial]) -> None:
            if self._manner.pin_runtime:
                self._pin(trials)
            if probe is not None and trials:
                probe.look(trials[0].round)

        return CloudSession(
            self._record,
            backend,
            writer,
            self._observer,
            stop=self._stop,
            parallel=parallel,
            on_round=on_round,
        )

    def _parallel(self) -> int:
        """Trials at a time: what was asked for, within half of the free concurrency."""
        try:
            found = self._plane.call("lambda", "get_account_settings") or {}
        except Stopped:
            return self._manner.parallel  # not permitted, or not known to this endpoint
        free = found.get("AccountLimit", {}).get("UnreservedConcurrentExecutions")
        if not isinstance(free, int):
            return self._manner.parallel
        return max(1, min(self._manner.parallel, free // _SHARE_OF_CONCURRENCY))

    def _pin(self, trials: Sequence[Trial]) -> None:
        """Fix the runtime version that the first trials ran on; once known, for the whole run."""
        if self._pinned:
            return
        seen: dict[str, Counter[str]] = {}
        kinds = {(c.function, c.variant): f"{c.runtime} {c.architecture}" for c in self._copies}
        for trial in trials:
            version = trial.facts.get("runtime_version")
            if version:
                kind = kinds[trial.function, trial.variant]
                seen.setdefault(kind, Counter())[version] += 1
        for copy in self._copies:
            found = seen.get(kinds[copy.function, copy.variant])
            if found and copy.runtime:
                self._workshop.pin(copy, found.most_common(1)[0][0])
                self._pinned = True

    def _seal(self, header: Record, backend: AwsBackend, probe: Probe | None) -> None:
        trials = load_record(self._directory).trials
        facts = dict(header.environment)
        own = {**facts.get("aws", {}), **facts_of(trials)}
        own["throttled_invokes"] = own.get("throttled_invokes", 0) + backend.tally.throttled
        if probe is not None:
            own["cpu_models"] = _added(own.get("cpu_models", {}), probe.models)
        facts["aws"] = dict(sorted(own.items()))
        warnings = (*header.warnings, *_mixed(trials), *_warnings(facts["aws"], backend))
        seal(
            self._directory,
            replace(header, environment=facts, warnings=tuple(dict.fromkeys(warnings))),
        )

    def _clean_up(self) -> None:
        """Delete all that this run has made; what cannot be deleted is named, not passed over."""
        plane = ControlPlane(self._account, self._stop_cleaning)
        workshop = self._workshop_on(plane)
        names = [*self._copies]
        if self._manner.probe:
            names.append(self._probe(plane).copy)
        with ThreadPoolExecutor(self._manner.parallel, thread_name_prefix="clean") as pool:
            futures = [pool.submit(workshop.remove, copy) for copy in names]
        errors = [e for f in futures if (e := f.exception()) is not None]
        if self._manner.role is None:
            try:
                remove_role(plane, f"{PREFIX}{self._record.run_id}")
            except BenchError as error:
                errors.append(error)
        if errors:
            self._say(
                f"not everything was cleaned up ({errors[0]}): `coldbench clean --run"
                f" {self._record.run_id} --region {self._account.region}` does the rest"
            )

    def _workshop_on(self, plane: ControlPlane) -> Workshop:
        return Workshop(
            plane,
            run_id=self._record.run_id,
            started=self._record.started,
            role=self._manner.role,
        )


def facts_of(trials: Sequence[Trial]) -> dict[str, Any]:
    """What the trials of a record together say about where they ran."""
    versions = Counter(v for t in trials if (v := t.facts.get("runtime_version")))
    return {
        "runtime_versions": dict(sorted(versions.items())),
        "replaced_samples": sum(t.guards.get("replaced", 0) for t in trials),
    }


def _added(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(before) + Counter(now)).items()))


def _mixed(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Functions have their own runtimes, so each variant is looked at by itself."""
    seen: dict[tuple[str, str], set[str]] = {}
    for trial in trials:
        if version := trial.facts.get("runtime_version"):
            seen.setdefault((trial.function, trial.variant), set()).add(version)
    mixed = [name for name, versions in seen.items() if len(versions) > 1]
    if not mixed:
        return ()
    function, variant = mixed[0]
    return (
        f"{len(mixed)} variants, `{function}` `{variant}` among them, ran on several versions of"
        " the runtime: AWS updated it meanwhile, so times are mixed; see `--pin-runtime`",
    )


def _warnings(facts: Mapping[str, Any], backend: AwsBackend) -> Iterator[str]:
    models = facts.get("cpu_models", {})
    if len(models) > 1:
        named = ", ".join(f"{model} ({count})" for model, count in models.items())
        yield f"the region has several CPU models, by a probe in each round: {named}"
    for reason, count in sorted(backend.tally.replaced.items()):
        yield f"{count} samples were no cold starts and were replaced: {reason}"
    if backend.tally.warm_lost:
        yield f"{backend.tally.warm_lost} warm invokes were lost, or met another environment"
