"""CPU share, CPU accounting, memory and process limits of execution environments, by cgroups.

One group serves all trials of a run, one after the other: the launcher lives in it.

Where the kernel's CPU controller is not ours to use, nothing is limited and
:class:`CgroupSupport` says why.
"""

from __future__ import annotations

import os
from dataclasses import field
from pathlib import Path
from typing import Literal, Protocol

from bench.cpu_share import PERIOD_US
from bench.emulator import cgroup_files
from bench.emulator.cgroup_v1 import CgroupV1
from bench.emulator.cgroup_v2 import CgroupV2
from bench.errors import MeasurementError
from bench.frozen import dataclass

#: Lambda's limit on processes and threads of an environment; one more is ours, the launcher.
_MAX_PROCESSES = 1_024 + 1
#: How every reason for having no limits ends.
NO_LIMITS = "CPU is not limited and memory sizes are modelled"
_GROUP_PREFIX = "coldbench-"


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

    def anonymous_bytes(self) -> int:
        """Memory of all its processes that is no page of a file; 0 without the controller."""

    def oom_kills(self) -> int:
        """How many processes the kernel has killed at its limit; 0 without the controller."""

    @property
    def frozen_with(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of what is frozen; empty where nothing can be."""

    @property
    def frozen_without(self) -> tuple[str, ...]:
        """``cgroup.procs`` files of who stays awake while the group is frozen."""

    @property
    def thaw_file(self) -> tuple[str, str] | None:
        """What to write where to end a freeze, for who outlives us; None where none can be."""

    def freeze(self) -> None:
        """Stop all processes of the group; returns when all have stopped.

        Nothing happens where the kernel or our privileges have no freezer.

        Raises:
            MeasurementError: one of them does not stop.
        """

    def thaw(self) -> None:
        """Let them run again."""

    def kill_all_but(self, pid: int) -> None:
        """Kill every process of the group except ``pid``, and wait until they are gone.

        A frozen group is thawed for that.

        Raises:
            MeasurementError: something in it cannot be killed.
        """

    def remove(self) -> None:
        """Kill what is left in the group and remove it.

        Raises:
            MeasurementError: something in it cannot be killed.
        """


def create(support: CgroupSupport, name: str) -> Cgroup | None:
    """A new group called ``name``, or None where the machine does not permit any.

    Raises:
        MeasurementError: the machine permits groups, but this one could not be made.
    """
    if support.version == "none":
        return None
    try:
        if support.version == "v1":
            return CgroupV1(support.parents, _GROUP_PREFIX + name, _MAX_PROCESSES)
        return CgroupV2(support.parents, _GROUP_PREFIX + name, _MAX_PROCESSES)
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
        name = f"{_GROUP_PREFIX}{owner_name()}-probe"
        group = CgroupV1(support.parents, name, _MAX_PROCESSES)
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
    abandoned = [
        directory
        for parent in set(support.parents.values())
        for directory in parent.glob(_GROUP_PREFIX + "*")
        if is_abandoned(directory.name.removeprefix(_GROUP_PREFIX))
    ]
    for directory in abandoned:
        cgroup_files.thaw(directory)
    for directory in sorted(abandoned, key=lambda d: not (d / "pids.max").exists()):
        cgroup_files.empty_and_remove(directory)  # where forks can be refused first
    return len(abandoned)


def is_abandoned(name: str) -> bool:
    """Whether a name that begins with an :func:`owner_name` is that of a dead process."""
    pid, _, rest = name.partition("-")
    ticks = rest.partition("-")[0]
    return pid.isdigit() and ticks.isdigit() and _start_ticks(int(pid)) != int(ticks)


def _start_ticks(pid: int) -> int:
    """Start time of a process in clock ticks since boot; 0 if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[19])
