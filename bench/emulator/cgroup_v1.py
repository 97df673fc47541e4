"""Control groups version 1: one hierarchy of groups per controller."""

from __future__ import annotations

import os
from pathlib import Path

from bench.cpu_share import PERIOD_US
from bench.emulator import cgroup_files


class CgroupV1:
    """Separate hierarchies: ``cpu`` for the quota, ``cpuacct`` for the accounting.

    ``parents`` has a directory per controller; ``memory``, ``pids`` and ``freezer`` are optional.
    """

    def __init__(self, parents: dict[str, Path], name: str, max_processes: int) -> None:
        directories = {parent / name for parent in parents.values()}
        for directory in directories:
            directory.mkdir()
        self._directories = tuple(sorted(directories))
        self._cpu = parents["cpu"] / name
        self.procs_files = tuple(str(d / "cgroup.procs") for d in self._directories)
        (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        self._quota_fd = os.open(self._cpu / "cpu.cfs_quota_us", os.O_WRONLY | os.O_CLOEXEC)
        self._memory = parents["memory"] / name if "memory" in parents else None
        self._freezer = parents["freezer"] / name if "freezer" in parents else None
        self._frozen = False
        #: For killing: the group that can refuse forks, where there is one.
        self._members = parents.get("pids", parents["cpu"]) / name
        if "pids" in parents:
            (self._members / "pids.max").write_text(str(max_processes))
        usage = parents["cpuacct"] / name / "cpuacct.usage"
        self._usage_fd = os.open(usage, os.O_RDONLY | os.O_CLOEXEC)

    def set_quota(self, microseconds: int | None) -> None:
        """CPU time per 20 ms period; None removes the limit."""
        os.pwrite(self._quota_fd, str(-1 if microseconds is None else microseconds).encode(), 0)

    def limit_memory(self, size_bytes: int | None) -> None:
        """Allow that much beyond what the group uses now; None removes the limit."""
        if self._memory is None:
            return
        limit = -1
        if size_bytes is not None:
            limit = size_bytes + int((self._memory / "memory.usage_in_bytes").read_text())
        (self._memory / "memory.limit_in_bytes").write_text(str(limit))

    def cpu_ns(self) -> int:
        """CPU time used by all processes of the group so far."""
        return int(os.pread(self._usage_fd, 32, 0))

    def throttled(self) -> int:
        """Periods in which the group was stopped."""
        return cgroup_files.flat_value(self._cpu / "cpu.stat", "nr_throttled")

    def anonymous_bytes(self) -> int:
        """Memory of all its processes that is no page of a file; 0 without the controller."""
        if self._memory is None:
            return 0
        return cgroup_files.flat_value(self._memory / "memory.stat", "total_rss")

    def oom_kills(self) -> int:
        """How many processes the kernel has killed at its limit; 0 without the controller."""
        if self._memory is None:
            return 0
        return cgroup_files.flat_value(self._memory / "memory.oom_control", "oom_kill")

    @property
    def frozen_with(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of what is frozen; empty where nothing can be."""
        return () if self._freezer is None else (str(self._freezer / "cgroup.procs"),)

    @property
    def frozen_without(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of who stays awake, with every limit but the freezer."""
        return () if self._freezer is None else (str(self._freezer.parent / "cgroup.procs"),)

    @property
    def thaw_file(self) -> tuple[str, str] | None:
        """What to write where to end a freeze, for who outlives us; None where none can be."""
        return None if self._freezer is None else (str(self._freezer / "freezer.state"), "THAWED")

    def freeze(self) -> None:
        """Stop all processes of the group; returns when all have stopped."""
        if self._freezer is not None:
            state = self._freezer / "freezer.state"
            self._frozen = True
            state.write_text("FROZEN")
            cgroup_files.await_text(state, "FROZEN")

    def thaw(self) -> None:
        """Let them run again."""
        if self._frozen and self._freezer is not None:
            cgroup_files.thaw(self._freezer)
            self._frozen = False

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone."""
        self.thaw()
        cgroup_files.kill_all_but(self._members, keep=pid)

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        self.thaw()
        os.close(self._quota_fd)
        os.close(self._usage_fd)
        cgroup_files.kill_all_but(self._members, keep=0)
        for directory in self._directories:
            cgroup_files.empty_and_remove(directory)
