"""Memory of all processes of an environment, from counters that are only written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.emulator.cgroup_v1 import CgroupV1
from bench.emulator.cgroup_v2 import CgroupV2
from bench.emulator.limits import Cgroup
from bench.emulator.usage import GroupMemory

_MB = 1024 * 1024


class Kernel:
    """A group whose counters are set by hand; ``events`` is the file that counts kills."""

    def __init__(self, directory: Path, version: str, *, controlled: bool = True) -> None:
        names = ("cpu", "cpuacct", *(("memory",) if controlled else ()))
        parents = dict.fromkeys(names, directory)
        self.directory = directory / "group"
        self.cgroup: Cgroup
        if version == "v1":
            self.cgroup = CgroupV1(parents, "group", 9)
            self._counter, self._events = "total_rss", "memory.oom_control"
        else:
            self.cgroup = CgroupV2(parents, "group", 9)
            self._counter, self._events = "anon", "memory.events"

    def says(self, *, anonymous_mb: int, kills: int) -> None:
        """Set both counters, among others."""
        stat = f"cache {900 * _MB}\n{self._counter} {anonymous_mb * _MB}\nmapped_file 1\n"
        (self.directory / "memory.stat").write_text(stat)
        (self.directory / self._events).write_text(f"under_oom 0\noom_kill {kills}\n")


@pytest.fixture(name="directory")
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    mkdir = Path.mkdir

    def make(path: Path, *arguments: object, **options: object) -> None:
        mkdir(path, exist_ok=True)
        for name in ("cpu.cfs_quota_us", "cpuacct.usage"):
            (path / name).write_text("0")

    monkeypatch.setattr(Path, "mkdir", make)
    return tmp_path


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_memory_is_what_came_on_top_of_the_launcher(directory: Path, version: str) -> None:
    """Without the page cache; and a kill before the environment began is none of its own."""
    kernel = Kernel(directory, version)
    memory = GroupMemory(kernel.cgroup)
    kernel.says(anonymous_mb=6, kills=1)
    memory.begin()
    kernel.says(anonymous_mb=76, kills=1)

    assert (memory.used_bytes, memory.ran_out) == (70 * _MB, False)
    kernel.says(anonymous_mb=5, kills=2)
    assert (memory.used_bytes, memory.ran_out) == (0, True)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_without_the_controller_nothing_is_known(directory: Path, version: str) -> None:
    """Neither a size nor an end of it."""
    memory = GroupMemory(Kernel(directory, version, controlled=False).cgroup)
    memory.begin()

    assert (memory.used_bytes, memory.ran_out) == (0, False)


def test_without_a_group_nothing_is_known() -> None:
    """Neither a size nor an end of it."""
    memory = GroupMemory(None)
    memory.begin()

    assert (memory.used_bytes, memory.ran_out) == (0, False)
