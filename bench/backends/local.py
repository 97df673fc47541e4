"""The local Lambda as a backend: one trial is one life of one execution environment."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.backends import TrialOrder
from bench.cpu_share import await_phase, quota_us
from bench.emulator import accounting, limits, root_filesystem, round_trip
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.deployment import Deployment, PythonRuntime
from bench.emulator.environment import ExecutionEnvironment
from bench.emulator.faults import FunctionFault
from bench.emulator.invocation import Invocation
from bench.emulator.log_stream import log_tail
from bench.emulator.processes import Launcher
from bench.errors import MeasurementError
from bench.model import Trial, TrialError
from bench.session import page_cache
from bench.subjects import CpuMode


@dataclass(slots=True)
class _Measured:
    """What has been measured of a trial so far; survives the failure of a later phase."""

    phases: dict[str, int]
    cpu: dict[str, int]
    warm_invokes_ns: list[int]
    warm_cpu_ns: list[int]
    guards: dict[str, int]
    peak_memory_bytes: int | None = None


class LocalBackend:
    """Runs trials in process groups of this machine.

    Args:
        work_directory: for the private ``/tmp`` of each trial; must exist.
        log_directory: where the logs of failed trials are kept; must exist.
        python: how Python functions run that ``pythons`` does not name; None if there are none.
        pythons: how the Python functions of these ids run.
        cpu_mode: when the CPU quota is in force.
        warm_invokes: how many invokes follow the first one.
        stop_fd: when it becomes readable, the trial in flight ends with ``Interrupted``.
    """

    name = "local"

    def __init__(
        self,
        *,
        work_directory: Path,
        log_directory: Path,
        python: PythonRuntime | None = None,
        pythons: Mapping[str, PythonRuntime] | None = None,
        cpu_mode: CpuMode = "on-demand",
        warm_invokes: int = 5,
        stop_fd: int | None = None,
    ) -> None:
        self._work_directory = work_directory
        self._log_directory = log_directory
        self._python = python
        self._pythons = pythons or {}
        self._cpu_mode = cpu_mode
        self._warm_invokes = warm_invokes
        self._stop_fd = stop_fd
        self.cgroups = limits.usable(enter_v2(detect()))
        limits.remove_abandoned(self.cgroups)
        self._launcher = Launcher()
        self._cgroup = limits.create(self.cgroups, limits.owner_name())
        if self._cgroup is not None:
            self._launcher.join(self._cgroup.procs_files)
        self._count = 0

    def run(self, order: TrialOrder) -> Trial:
        """Run one trial from preparation to the last killed process."""
        started_ns = time.monotonic_ns()
        self._count += 1
        measured = _Measured({}, {}, [], [], {})
        self._deployment(order).hidden_directories()  # reads the package before it is evicted
        if order.cell.page_cache == "evicted":
            measured.guards["resident_pages"] = page_cache.evict(order.tree)
        with tempfile.TemporaryDirectory(dir=self._work_directory, prefix="trial-") as scratch:
            log = Path(scratch) / "log"
            error = None
            try:
                self._live(order, Path(scratch), log, measured)
            except FunctionFault as fault:
                error = self._explain(order, fault, log)
        return Trial(
            **order.place(),
            outcome="ok" if error is None else "failed",
            started_ns=started_ns,
            phases=measured.phases,
            cpu=measured.cpu,
            warm_invokes_ns=tuple(measured.warm_invokes_ns),
            warm_cpu_ns=tuple(measured.warm_cpu_ns),
            peak_memory_bytes=measured.peak_memory_bytes,
            guards=measured.guards,
            error=error,
        )

    @property
    def file_system(self) -> str:
        """What functions see, in one sentence."""
        return root_filesystem.sentence(self._launcher.root_obstacle)

    def round_trip(self) -> dict[str, int]:
        """What an invoke of a runtime that does nothing takes here; see :mod:`round_trip`.

        To be called before the first trial.

        Raises:
            MeasurementError: the interpreter that runs us does not run that runtime.
        """
        try:
            return round_trip.measure(self._launcher, self._work_directory)
        except FunctionFault as fault:
            raise MeasurementError(
                f"our own round trip cannot be measured: {fault.message}",
                hint="`coldbench doctor` shows what this machine permits",
            ) from fault

    def close(self) -> None:
        """End the launcher and remove the cgroup."""
        self._launcher.close()
        if self._cgroup is not None:
            self._cgroup.remove()

    def _live(self, order: TrialOrder, scratch: Path, log: Path, measured: _Measured) -> None:
        memory_mb = order.cell.memory_mb
        cgroup = self._cgroup
        throttled_before = 0 if cgroup is None else cgroup.throttled()
        with self._environment(order) as environment:
            if self._cpu_mode == "provisioned" and cgroup is not None:
                cgroup.set_quota(quota_us(memory_mb))
            environment.start(
                self._deployment(order).process_order(
                    api_address=environment.api_address,
                    scratch=scratch,
                    log=log,
                    serial=self._count,
                    private_root=self._launcher.root_obstacle is None,
                )
            )

            if cgroup is not None:
                cgroup.limit_memory(memory_mb * 1024 * 1024)
            measured.phases["init"] = environment.init()
            measured.phases["spawn"] = environment.spawn_ns
            environment.settle()
            cpu_init_ns = environment.cpu_ns()
            measured.cpu["init"] = cpu_init_ns
            if self._cpu_mode == "on-demand" and cgroup is not None:
                cgroup.set_quota(quota_us(memory_mb))
            if order.phase_ns is not None:
                measured.guards["phase_ns"] = await_phase(order.phase_ns)

            first = environment.invoke(order.event)
            first_next_ns = _next_ns(first)
            _check_response(first)
            environment.settle()
            cpu_ns = environment.cpu_ns()
            measured.phases["first_invoke"] = first.received_ns - first.released_ns
            measured.phases["first_next"] = first_next_ns - first.released_ns
            measured.phases["cold_total"] = (
                measured.phases["init"] + measured.phases["first_invoke"]
            )
            measured.cpu["first_invoke"] = cpu_ns - cpu_init_ns

            for _ in range(self._warm_invokes):
                warm = environment.invoke(order.event)
                _next_ns(warm)
                environment.settle()
                cpu_before_ns, cpu_ns = cpu_ns, environment.cpu_ns()
                measured.warm_invokes_ns.append(warm.received_ns - warm.released_ns)
                measured.warm_cpu_ns.append(cpu_ns - cpu_before_ns)

            measured.peak_memory_bytes = accounting.peak_memory_bytes(environment.pid)
            measured.guards["involuntary_switches"] = accounting.involuntary_switches(
                environment.pid
            )
            measured.guards["major_faults"] = accounting.major_faults(environment.pid)
            measured.guards["idle"] = int(environment.was_idle)
            measured.guards["private_tmp"] = int(environment.private_tmp)
            if cgroup is not None:
                measured.guards["throttled_periods"] = cgroup.throttled() - throttled_before

    @contextlib.contextmanager
    def _environment(self, order: TrialOrder) -> Iterator[ExecutionEnvironment]:
        environment = ExecutionEnvironment(
            self._launcher,
            function_name=order.function.lambda_name,
            timeout_s=order.function.timeout_s,
            cgroup=self._cgroup,
            stop_fd=self._stop_fd,
        )
        try:
            yield environment
        finally:
            environment.end()

    def _deployment(self, order: TrialOrder) -> Deployment:
        return Deployment(
            function=order.function,
            handler=order.handler,
            tree=order.tree,
            memory_mb=order.cell.memory_mb,
            cpu_mode=self._cpu_mode,
            python=self._pythons.get(order.function.id, self._python),
            hash_seed=order.hash_seed,
        )

    def _explain(self, order: TrialOrder, fault: FunctionFault, log: Path) -> TrialError:
        """Keep the function's log, and quote its end."""
        cell = order.cell
        parts = (cell.function, cell.variant, cell.event, str(cell.memory_mb), f"r{order.round}")
        kept = self._log_directory / ("-".join(parts).replace("/", "_") + f"-{order.arm}.log")
        log_path = None
        if log.exists():
            shutil.copyfile(log, kept)
            log_path = str(kept)
        return TrialError(
            type=fault.kind,
            message=fault.message,
            log_tail=log_tail(log),
            log_path=log_path,
        )


def _next_ns(invocation: Invocation) -> int:
    """When the function asked for more.

    Raises:
        FunctionFault: it reported an error instead of a response, or ended after the response.
    """
    fault = invocation.error or invocation.ended
    if fault is not None:
        raise fault
    assert invocation.next_ns is not None, "a runtime that goes on has asked for more"
    return invocation.next_ns


def _check_response(invocation: Invocation) -> None:
    """A JSON response must be JSON: what Lambda would hand to the caller could not be read."""
    if not invocation.content_type.startswith("application/json"):
        return
    try:
        json.loads(invocation.body)
    except (ValueError, RecursionError):
        start = invocation.body[:80].decode(errors="replace")
        raise FunctionFault(
            "Function.InvalidResponse", f"the response is not JSON: it begins with {start!r}"
        ) from None
