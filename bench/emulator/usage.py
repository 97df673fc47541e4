"""How much processor time and memory an environment has used."""

from __future__ import annotations

from bench.emulator import accounting
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

    def _group_cpu_ns(self, cgroup: Cgroup) -> int:
        return cgroup.cpu_ns() - accounting.process_cpu_ns(self._launcher_pid)


class GroupMemory:
    """What the kernel says about the memory of all processes of an environment.

    The kernel's peak of a group has the page cache in it, and a sum over processes has what forks
    share several times. So its anonymous memory is read now and then, and a process that comes and
    goes in between is not seen, unless it runs into the limit.

    Args:
        cgroup: holds the processes; None, or one without the memory controller, knows nothing.
    """

    def __init__(self, cgroup: Cgroup | None) -> None:
        self._cgroup = cgroup
        self._base_bytes = 0
        self._base_kills = 0

    def begin(self) -> None:
        """The environment begins; what is there now belongs to the launcher."""
        if self._cgroup is not None:
            self._base_bytes = self._cgroup.anonymous_bytes()
            self._base_kills = self._cgroup.oom_kills()

    @property
    def used_bytes(self) -> int:
        """Anonymous memory at this moment; 0 where nothing is known."""
        if self._cgroup is None:
            return 0
        return max(0, self._cgroup.anonymous_bytes() - self._base_bytes)

    @property
    def ran_out(self) -> bool:
        """Whether the kernel has killed a process of the environment at its limit."""
        return self._cgroup is not None and self._cgroup.oom_kills() > self._base_kills
