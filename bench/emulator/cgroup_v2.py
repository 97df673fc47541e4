"""Control groups version 2, the unified hierarchy: one directory for everything."""

from __future__ import annotations

from pathlib import Path

from bench.cpu_share import PERIOD_US
from bench.emulator import cgroup_files


class CgroupV2:
    """A group below ``parents["cpu"]``; the other keys of ``parents`` say what else is enabled."""

    def __init__(self, parents: dict[str, Path], name: str, max_processes: int) -> None:
        self._directory = parents["cpu"] / name
        self._directory.mkdir()
        #: Where the launcher goes while the group is frozen; made when it is needed.
        self._awake = parents["cpu"] / f"{name}-launcher"
        self.procs_files: tuple[str, ...] = (str(self._directory / "cgroup.procs"),)
        self._limits_memory = "memory" in parents
        self._freezes = (self._directory / "cgroup.freeze").exists()
        self._frozen = False
        if "pids" in parents:
            (self._directory / "pids.max").write_text(str(max_processes))

    def set_quota(self, microseconds: int | None) -> None:
        """CPU time per 20 ms period; None removes the limit."""
        quota = "max" if microseconds is None else str(microseconds)
        (self._directory / "cpu.max").write_text(f"{quota} {PERIOD_US}")

    def limit_memory(self, size_bytes: int | None) -> None:
        """Allow that much beyond what the group uses now; None removes the limit."""
        if not self._limits_memory:
            return
        limit = "max"
        if size_bytes is not None:
            limit = str(size_bytes + int((self._directory / "memory.current").read_text()))
        (self._directory / "memory.max").write_text(limit)

    def cpu_ns(self) -> int:
        """CPU time used by all processes of the group so far; the kernel counts in µs."""
        return cgroup_files.flat_value(self._directory / "cpu.stat", "usage_usec") * 1_000

    def throttled(self) -> int:
        """Periods in which the group was stopped."""
        return cgroup_files.flat_value(self._directory / "cpu.stat", "nr_throttled")

    def anonymous_bytes(self) -> int:
        """Memory of all its processes that is no page of a file; 0 without the controller."""
        if not self._limits_memory:
            return 0
        return cgroup_files.flat_value(self._directory / "memory.stat", "anon")

    def oom_kills(self) -> int:
        """How many processes the kernel has killed at its limit; 0 without the controller."""
        if not self._limits_memory:
            return 0
        return cgroup_files.flat_value(self._directory / "memory.events", "oom_kill")

    @property
    def frozen_with(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of what is frozen; empty where nothing can be."""
        return self.procs_files if self._freezes else ()

    @property
    def frozen_without(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of who stays awake, in a group without limits."""
        if not self._freezes:
            return ()
        self._awake.mkdir(exist_ok=True)
        return (str(self._awake / "cgroup.procs"),)

    @property
    def thaw_file(self) -> tuple[str, str] | None:
        """What to write where to end a freeze, for who outlives us; None where none can be."""
        return (str(self._directory / "cgroup.freeze"), "0") if self._freezes else None

    def freeze(self) -> None:
        """Stop all processes of the group; returns when all have stopped."""
        if self._freezes:
            self._frozen = True
            (self._directory / "cgroup.freeze").write_text("1")
            cgroup_files.await_text(self._directory / "cgroup.events", "frozen 1")

    def thaw(self) -> None:
        """Let them run again."""
        if self._frozen:
            cgroup_files.thaw(self._directory)
            self._frozen = False

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone."""
        self.thaw()
        cgroup_files.kill_all_but(self._directory, keep=pid)

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        self.thaw()
        cgroup_files.empty_and_remove(self._directory)
        cgroup_files.empty_and_remove(self._awake)
