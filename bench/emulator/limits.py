"""CPU share, CPU accounting, memory and process limits of execution environments, by cgroups.

One group serves all trials of a run, one after the other: the launcher lives in it.

Where the kernel's CPU controller is not ours to use, nothing is limited and
:class:`CgroupSupport` says why.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from bench.cpu_share import PERIOD_US
from bench.errors import MeasurementError

#: Lambda's limit on processes and threads of an environment; one more is ours, the launcher.
_MAX_PROCESSES = 1_024 + 1
#: How every reason for having no limits ends.
NO_LIMITS = "CPU is not limited and memory sizes are modelled"
_GROUP_PREFIX = "coldbench-"
_EMPTY_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupSupport:
    """What this machine permits. ``version`` none means: no limits, memory sizes are modelled."""

    version: Literal["v1", "v2", "none"]
    #: One sentence for `doctor` and for the record.
    reason: str
    #: Directory, per controller, under which our groups are made. ``memory`` and ``pids`` are
    #: there only where they can be used.
    parents: dict[str, Path] = field(default_factory=dict)


class Cgroup(Protocol):
    """The cgroup of the execution environments of one run."""

    #: ``cgroup.procs`` files that a process must write itself to.
    procs_files: tuple[str, ...]

    def set_quota(self, microseconds: int | None) -> None:
        """CPU time per 20 ms period; None removes the limit."""

    def limit_memory(self, size_bytes: int | None) -> None:
        """Allow that much beyond what the group uses now; None removes the limit.

        Without the memory controller nothing happens.
        """

    def cpu_ns(self) -> int:
        """CPU time used by all processes of the group so far."""

    def throttled(self) -> int:
        """Periods in which the group was stopped."""

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone.

        Raises:
            MeasurementError: something in it cannot be killed.
        """

    def remove(self) -> None:
        """Kill what is left in the group and remove it.

        Raises:
            MeasurementError: something in it cannot be killed.
        """


class CgroupV1:
    """Separate hierarchies: ``cpu`` for the quota, ``cpuacct`` for the accounting."""

    def __init__(self, parents: dict[str, Path], name: str) -> None:
        directories = {parent / name for parent in parents.values()}
        for directory in directories:
            directory.mkdir()
        self._directories = tuple(sorted(directories))
        self._cpu = parents["cpu"] / name
        self.procs_files = tuple(str(d / "cgroup.procs") for d in self._directories)
        (self._cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        self._quota_fd = os.open(self._cpu / "cpu.cfs_quota_us", os.O_WRONLY | os.O_CLOEXEC)
        self._memory = parents["memory"] / name if "memory" in parents else None
        if "pids" in parents:
            (parents["pids"] / name / "pids.max").write_text(str(_MAX_PROCESSES))
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
        return _flat_value(self._cpu / "cpu.stat", "nr_throttled")

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone."""
        _empty(self._cpu, keep=pid)

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        os.close(self._quota_fd)
        os.close(self._usage_fd)
        for directory in self._directories:
            _empty_and_remove(directory)


class CgroupV2:
    """The unified hierarchy: one directory for everything."""

    def __init__(self, parents: dict[str, Path], name: str) -> None:
        self._directory = parents["cpu"] / name
        self._directory.mkdir()
        self.procs_files: tuple[str, ...] = (str(self._directory / "cgroup.procs"),)
        self._limits_memory = "memory" in parents
        if "pids" in parents:
            (self._directory / "pids.max").write_text(str(_MAX_PROCESSES))

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
        return _flat_value(self._directory / "cpu.stat", "usage_usec") * 1_000

    def throttled(self) -> int:
        """Periods in which the group was stopped."""
        return _flat_value(self._directory / "cpu.stat", "nr_throttled")

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone."""
        _empty(self._directory, keep=pid)

    def remove(self) -> None:
        """Kill what is left in the group and remove it."""
        _empty_and_remove(self._directory)


def create(support: CgroupSupport, name: str) -> Cgroup | None:
    """A new group called ``name``, or None where the machine does not permit any.

    Raises:
        MeasurementError: the machine permits groups, but this one could not be made.
    """
    if support.version == "none":
        return None
    try:
        if support.version == "v1":
            return CgroupV1(support.parents, _GROUP_PREFIX + name)
        return CgroupV2(support.parents, _GROUP_PREFIX + name)
    except OSError as error:
        raise MeasurementError(
            f"cannot create the cgroup `{name}`: {error}",
            hint="`coldbench doctor` shows what this machine permits",
        ) from error


def usable(support: CgroupSupport) -> CgroupSupport:
    """What really works: a v1 group of ours may not get more CPU than the group above it has.

    Tries a whole CPU once, in a group that is removed at once. (v2 caps without an error.)
    """
    if support.version != "v1":
        return support
    try:
        group = CgroupV1(support.parents, f"{_GROUP_PREFIX}{owner_name()}-probe")
    except OSError as error:
        return CgroupSupport(version="none", reason=f"cgroup v1: {error.strerror}: {NO_LIMITS}")
    try:
        group.set_quota(PERIOD_US)
    except OSError:
        text = f"cgroup v1: the group above ours has less than one CPU: {NO_LIMITS}"
        return CgroupSupport(version="none", reason=text)
    finally:
        group.remove()
    return support


def owner_name() -> str:
    """A name part that ties a group to the process that made it: pid and its start time."""
    return f"{os.getpid()}-{_start_ticks(os.getpid())}"


def remove_abandoned(support: CgroupSupport) -> int:
    """Remove groups whose maker is dead (killed before it could clean up); returns how many."""
    removed = 0
    for parent in set(support.parents.values()):
        for directory in parent.glob(_GROUP_PREFIX + "*"):
            pid, _, rest = directory.name.removeprefix(_GROUP_PREFIX).partition("-")
            ticks = rest.partition("-")[0]
            if not (pid.isdigit() and ticks.isdigit()) or _start_ticks(int(pid)) == int(ticks):
                continue
            _empty_and_remove(directory)
            removed += 1
    return removed


def _start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])


def _flat_value(path: Path, key: str) -> int:
    for line in path.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0


def _empty(directory: Path, *, keep: int) -> None:
    """Kill until nobody but ``keep`` is left: a process may fork between the look and the kill."""
    deadline = time.monotonic() + _EMPTY_LIMIT_S
    while True:
        others = {int(p) for p in (directory / "cgroup.procs").read_text().split()} - {keep, 0}
        if not others:
            return
        for pid in others:
            _kill(pid)
        if time.monotonic() > deadline:
            raise MeasurementError(
                f"processes of a finished trial do not end: {sorted(others)}",
                hint=f"look at `cat {directory}/cgroup.procs` and `cat /proc/PID/stack`",
            )
        time.sleep(0.0005)


def _empty_and_remove(directory: Path) -> None:
    if not directory.exists():
        return
    _empty(directory, keep=0)
    deadline = time.monotonic() + _EMPTY_LIMIT_S
    while True:
        try:
            directory.rmdir()
            return
        except OSError as error:  # the last process is gone from the list before it is gone
            if time.monotonic() > deadline:
                raise MeasurementError(f"cannot remove the cgroup {directory}: {error}") from error
            time.sleep(0.001)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
