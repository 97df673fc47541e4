"""Cold starts as benchmarks of pytest-benchmark, in its own tables and files."""

from __future__ import annotations

from typing import Any

import pytest

from bench.pytest_plugin.trials import ColdStart

_NS_PER_S = 1_000_000_000
_MODE = "cold_start(...)"


def claim(benchmark: Any) -> None:
    """Have the fixture count as used: a test may only assert, which gives no benchmark."""
    if benchmark is not None:
        benchmark._mode = _MODE


def add(request: pytest.FixtureRequest, benchmark: Any, found: ColdStart, metric: str) -> None:
    """Add one measured metric, in seconds, as a benchmark; the others go along as extra info.

    The first of a test has the test's name, so that it is found again in saved runs; further ones
    have that of their function beside it.

    Raises:
        pytest.fail.Exception: there is no such metric, or it is not a time.
    """
    values = found.samples.get(metric, ())
    if not values or found.metrics[metric].unit != "ns":
        times = [name for name in found.samples if found.metrics[name].unit == "ns"]
        pytest.fail(f"cold_start: `{metric}` is none of {', '.join(times)}", pytrace=False)
    if benchmark is None or benchmark.disabled:
        return
    one = benchmark if benchmark.stats is None else _another(request, benchmark, found)
    one.extra_info.update(_extra(found, metric))
    stats = one._make_stats(iterations=1)
    for value in values:
        stats.update(value / _NS_PER_S)


def _another(request: pytest.FixtureRequest, benchmark: Any, found: ColdStart) -> Any:
    """A second benchmark of one test: pytest-benchmark itself gives each test one."""
    session = request.config._benchmarksession  # type: ignore[attr-defined]
    taken = {known.fullname for known in session.benchmarks}
    label = f"{found.function} {found.variant} {found.event} {found.memory_mb} MB"
    names = (f" ({label})", *(f" ({label}, {number})" for number in range(2, len(taken) + 3)))
    suffix = next(name for name in names if f"{benchmark.fullname}{name}" not in taken)
    one = type(benchmark)(
        request.node,
        add_stats=benchmark._add_stats,
        logger=benchmark._logger,
        warner=benchmark._warner,
        disabled=False,
        **session.options,
    )
    one.name, one.fullname, one.group = benchmark.name + suffix, benchmark.fullname + suffix, None
    claim(one)
    return one


def _extra(found: ColdStart, metric: str) -> dict[str, Any]:
    return {
        "coldbench": {
            "function": found.function,
            "variant": found.variant,
            "event": found.event,
            "memory_mb": found.memory_mb,
            "metric": metric,
            "fit": found.fit,
            "failures": found.failures,
            "run": found.record.name,
            "medians": {name: summary.median for name, summary in found.metrics.items()},
        }
    }
