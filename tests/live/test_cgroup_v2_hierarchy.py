"""Version 2 of control groups on the kernel's own hierarchy, which may have no controllers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.emulator.cgroup_v2 import CgroupV2

pytestmark = pytest.mark.live

_COUNTS = "import time\nfor n in range(10**9):\n    print(n, flush=True)\n    time.sleep(0.002)\n"


@pytest.fixture(name="hierarchy", scope="module")
def _hierarchy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The unified hierarchy, mounted where nobody else looks."""
    place = tmp_path_factory.mktemp("cgroup2")
    mounted = subprocess.run(
        ["mount", "-t", "cgroup2", "none", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"the unified hierarchy cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.fixture(name="cgroup")
def _cgroup(hierarchy: Path) -> Iterator[CgroupV2]:
    cgroup = CgroupV2({"cpu": hierarchy}, f"coldbench-test-{os.getpid()}", 1_024)
    try:
        yield cgroup
    finally:
        cgroup.remove()


@pytest.fixture(name="counting")
def _counting(cgroup: CgroupV2, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the group that writes a number every other millisecond."""
    output = tmp_path / "numbers"
    with output.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-I", "-S", "-c", _COUNTS], stdout=file)
    for procs in cgroup.procs_files:
        Path(procs).write_text(str(process.pid))
    try:
        _await_growth(output)
        yield process
    finally:
        cgroup.thaw()
        process.kill()
        process.wait()


def _await_growth(output: Path) -> None:
    size = output.stat().st_size
    deadline = time.monotonic() + 10
    while output.stat().st_size == size:
        assert time.monotonic() < deadline, "the process makes no progress"
        time.sleep(0.002)


def test_what_is_frozen_makes_no_progress_and_goes_on_afterwards(
    cgroup: CgroupV2, counting: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """When ``freeze`` has returned, nothing runs any more."""
    output = tmp_path / "numbers"

    cgroup.freeze()
    size = output.stat().st_size
    time.sleep(0.1)
    assert output.stat().st_size == size

    cgroup.thaw()
    _await_growth(output)


def test_the_group_accounts_for_its_processes(
    cgroup: CgroupV2, counting: subprocess.Popen[bytes]
) -> None:
    """The CPU time of the unified hierarchy needs no controller."""
    assert cgroup.cpu_ns() > 0
    assert cgroup.throttled() == 0


def test_a_frozen_group_can_be_killed_and_removed(
    cgroup: CgroupV2, counting: subprocess.Popen[bytes], hierarchy: Path
) -> None:
    """Nothing stays, neither the process nor the group nor the place where the launcher waited."""
    (awake,) = cgroup.frozen_without
    cgroup.freeze()

    cgroup.remove()

    assert counting.wait(timeout=10) == -9
    assert not Path(awake).parent.exists()
    assert not list(hierarchy.glob(f"coldbench-test-{os.getpid()}*"))
