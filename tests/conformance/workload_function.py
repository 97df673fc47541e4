"""The workload function on the local Lambda: one trial at a time, at any memory size."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.backends import TrialOrder
from bench.backends.local import LocalBackend
from bench.build import BuildCache, build_matrix, install_runtime, interpreter
from bench.emulator.deployment import PythonRuntime
from bench.functions.directory import load_function, recipes
from bench.model import Cell, Trial
from bench.subjects import CpuMode, Function

_ITERATIONS_PROBED = 1_000_000
_DIRECTORY = Path(__file__).with_name("workload")


class Workload:
    """Runs the workload function.

    Args:
        cpu_mode: when the CPU quota is in force.
        scratch: an existing directory outside of ``/tmp``'s private replacement.
    """

    def __init__(self, cpu_mode: CpuMode, scratch: Path) -> None:
        cache = BuildCache()
        self._function = load_function(_DIRECTORY)
        variant = recipes(self._function)[0]
        (self._artifact,) = build_matrix([(self._function, variant)], cache=cache).artifacts
        runtime = install_runtime(interpreter(), cache)
        logs = scratch / "logs"
        logs.mkdir(exist_ok=True)
        self._backend = LocalBackend(
            work_directory=scratch,
            log_directory=logs,
            python=PythonRuntime(
                interpreter=runtime.interpreter,
                directory=runtime.directory,
                minor=runtime.minor,
            ),
            cpu_mode=cpu_mode,
            warm_invokes=0,
        )
        self.limits = self._backend.cgroups
        self._count = 0

    def close(self) -> None:
        """End the backend."""
        self._backend.close()

    def trial(
        self,
        memory_mb: int,
        event: dict[str, object],
        *,
        init_cpu_ms: float = 0,
        phase_ns: int | None = None,
    ) -> Trial:
        """One cold start with one invoke, its event released so far into a period of the quota.

        Raises:
            RuntimeError: the function failed, which this work does not.
        """
        environment = {"INIT_CPU_MS": str(init_cpu_ms)}
        function = replace(self._function, environment=environment)
        trial = self._attempt(memory_mb, event, function, phase_ns)
        if trial.error is not None:
            raise RuntimeError(f"{trial.error.type}: {trial.error.message}\n{trial.error.log_tail}")
        return trial

    def failing_trial(self, memory_mb: int, event: dict[str, object], timeout_s: float) -> Trial:
        """One cold start with an invoke that may fail, under another timeout."""
        return self._attempt(memory_mb, event, replace(self._function, timeout_s=timeout_s))

    def _attempt(
        self,
        memory_mb: int,
        event: dict[str, object],
        function: Function,
        phase_ns: int | None = None,
    ) -> Trial:
        self._count += 1
        return self._backend.run(
            TrialOrder(
                cell=Cell(
                    function=self._function.id,
                    variant=self._artifact.variant,
                    memory_mb=memory_mb,
                    event="conformance",
                    page_cache="warm",
                ),
                arm="variant",
                round=self._count,
                position=0,
                slot=0,
                discarded=False,
                function=function,
                handler=self._artifact.handler,
                tree=self._artifact.tree_path,
                event=json.dumps(event).encode(),
                phase_ns=phase_ns,
            )
        )

    def iterations_per_ms(self) -> float:
        """How many steps of fixed work take a millisecond of unthrottled CPU time."""
        event: dict[str, object] = {"kind": "fixed", "iterations": _ITERATIONS_PROBED}
        least = min(self.trial(1769, event).cpu["first_invoke"] for _ in range(3))
        return _ITERATIONS_PROBED * 1e6 / least
