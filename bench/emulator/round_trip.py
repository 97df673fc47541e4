"""What our own Runtime API costs: the time of an invoke of a runtime that does nothing."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.emulator import echo_runtime
from bench.emulator.environment import ExecutionEnvironment
from bench.emulator.processes import Launcher, ProcessOrder

_INVOKES = 200
_EVENT = b"{}"


def measure(launcher: Launcher, directory: Path) -> dict[str, int]:
    """Invoke the echo runtime some hundred times, without limits; takes about a tenth of a second.

    The figure is part of every invoke time that is measured with the same launcher, with the
    wake-up of one process and the few instructions of the echo in it.

    Args:
        launcher: the one that starts the functions of the run.
        directory: for a log that is removed again.

    Returns:
        ``p50_ns``, ``p99_ns`` from the release of an event to its received response, and ``n``.

    Raises:
        FunctionFault: the interpreter that runs us does not run the echo runtime.
        MeasurementError: the process cannot be started or does not end.
    """
    with tempfile.TemporaryDirectory(dir=directory, prefix="round-trip-") as scratch:
        environment = ExecutionEnvironment(
            launcher, function_name="round-trip", timeout_s=5.0, cgroup=None
        )
        try:
            environment.start(
                ProcessOrder(
                    argv=[sys.executable, "-I", "-S", str(Path(echo_runtime.__file__))],
                    environment={"AWS_LAMBDA_RUNTIME_API": environment.api_address},
                    directory=Path(scratch),
                    log_path=Path(scratch) / "log",
                )
            )
            environment.init()
            times_ns = sorted(_invoke_ns(environment) for _ in range(_INVOKES))
        finally:
            environment.end()
    return {
        "p50_ns": times_ns[len(times_ns) // 2],
        "p99_ns": times_ns[int(0.99 * (len(times_ns) - 1))],
        "n": len(times_ns),
    }


def _invoke_ns(environment: ExecutionEnvironment) -> int:
    environment.settle()
    invocation = environment.invoke(_EVENT)
    if invocation.ended is not None:
        raise invocation.ended
    return invocation.received_ns - invocation.released_ns
