"""Version 2 of control groups, on files that only look like them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.emulator.cgroup_v2 import CgroupV2


class Kernel:
    """Makes the files that the kernel makes in a new group."""

    def __init__(self, parent: Path) -> None:
        self.group = parent / "coldbench-1-2"
        parents = dict.fromkeys(("cpu", "pids", "memory"), parent)
        self.cgroup = CgroupV2(parents, self.group.name, 9)

    def read(self, name: str) -> str:
        """What was written to a file of the group."""
        return (self.group / name).read_text()


@pytest.fixture(name="kernel")
def _kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    mkdir = Path.mkdir

    def make(path: Path, *arguments: object, **options: object) -> None:
        mkdir(path)
        (path / "cgroup.freeze").write_text("0")
        (path / "cgroup.events").write_text("populated 1\nfrozen 1\n")
        (path / "memory.current").write_text("1000\n")

    monkeypatch.setattr(Path, "mkdir", make)
    return Kernel(tmp_path)


def test_limits_are_written_as_version_2_has_them(kernel: Kernel) -> None:
    """Quota and period in one file, sizes beyond what is used, and `max` for none."""
    kernel.cgroup.set_quota(1_447)
    kernel.cgroup.limit_memory(500)

    assert kernel.read("cpu.max") == "1447 20000"
    assert kernel.read("memory.max") == "1500"
    assert kernel.read("pids.max") == "9"
    kernel.cgroup.set_quota(None)
    kernel.cgroup.limit_memory(None)
    assert kernel.read("cpu.max") == "max 20000"
    assert kernel.read("memory.max") == "max"


def test_a_group_is_frozen_and_thawed_by_its_own_file(kernel: Kernel) -> None:
    """The launcher is to wait in a group beside it, which is made when it is asked for."""
    (awake,) = kernel.cgroup.frozen_without

    kernel.cgroup.freeze()
    frozen = kernel.read("cgroup.freeze")
    kernel.cgroup.thaw()

    assert frozen == "1"
    assert kernel.read("cgroup.freeze") == "0"
    assert Path(awake).parent.name == "coldbench-1-2-launcher"
    assert kernel.cgroup.frozen_with == kernel.cgroup.procs_files
    assert kernel.cgroup.thaw_file == (str(kernel.group / "cgroup.freeze"), "0")
