"""How much processor time and memory an environment has used."""

from __future__ import annotations

from bench.emulator import accounting, peers
from bench.emulator.limits import Cgroup


class Usage:
    """Of all its processes where a cgroup knows them, else of its main process.

    Args:
        launcher_pid: the launcher, which lives in the cgroup and does not count.
        cgroup: holds the processes; None where there is none.
    """

    def __init__(self, launcher_pid: int, cgroup: Cgroup | None) -> None:
        self._launcher_pid = launcher_pid
        self._cgroup = cgroup
        self._base_ns = 0

    def begin(self) -> None:
        """Count from now on; the launcher has to be idle."""
        if self._cgroup is not None:
            self._base_ns = self._group_cpu_ns(self._cgroup)

    def cpu_ns(self, pid: int) -> int:
        """CPU time since the beginning; ``pid`` is the main process."""
        if self._cgroup is None:
            return accounting.process_cpu_ns(pid)
        return self._group_cpu_ns(self._cgroup) - self._base_ns

    def peak_bytes(self, pid: int) -> int:
        """Peak memory; ``pid`` is the main process.

        Raises:
            OSError: that has ended.
        """
        if self._cgroup is None:
            return accounting.peak_memory_bytes(pid)
        others = peers.members(self._launcher_pid, self._cgroup.procs_files[0]) - {pid}
        return accounting.group_peak_bytes(pid, others)

    def _group_cpu_ns(self, cgroup: Cgroup) -> int:
        return cgroup.cpu_ns() - accounting.process_cpu_ns(self._launcher_pid)
