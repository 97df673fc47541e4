"""The programs of the known-shift control, as real processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bootstraps import order_of

from bench.backends.local import LocalBackend
from bench.build import BuildCache
from bench.controls import ControlProgram, build_control
from bench.controls.program import python_control

pytestmark = pytest.mark.live


@pytest.mark.parametrize("build", [build_control, python_control])
def test_both_programs_are_functions_that_need_cpu_time(
    tmp_path: Path, build: Callable[[BuildCache], ControlProgram | None]
) -> None:
    """In Go and in Python: they answer, and the packages differ in nothing but their content."""
    program = build(BuildCache(tmp_path / "cache"))
    assert program is not None
    backend = LocalBackend(work_directory=tmp_path, log_directory=tmp_path, cpu_mode="none")
    try:
        trials = [backend.run(order_of(a.tree_path)) for a in program.artifacts]
    finally:
        backend.close()

    plain, shifted = program.artifacts
    assert [trial.outcome for trial in trials] == ["ok", "ok"], trials
    assert min(trial.cpu["init"] for trial in trials) > 1_000_000
    assert plain.digest != shifted.digest
    assert plain.unpacked_bytes == shifted.unpacked_bytes
    known = program.known_shift("warm")
    assert (known.ratio, known.baseline.group) == (1.02, known.shifted.group)
