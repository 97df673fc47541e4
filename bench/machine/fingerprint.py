"""Facts of the machine and the harness that absolute times depend on.

``hard`` facts are the comparability key: two records whose hard facts differ are compared by ratios
only. ``soft`` facts explain noise and are shown, not compared. Nothing calibrated at boot (clock
rate, bogomips) is in the key, because it differs between reboots of one machine; nothing names the
host, its users or its directories, because reports are published.

Not for the measuring process: psutil is imported here.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import __version__
from bench.emulator.cgroups import detect
from bench.emulator.limits import CgroupSupport

Fact = str | int | float | bool | None
Facts = dict[str, Fact]


@dataclass(frozen=True, slots=True)
class KernelFiles:
    """The files of ``/proc`` and ``/sys``, below a root that tests can choose."""

    root: Path = Path("/")

    def text(self, path: str) -> str | None:
        """Give the stripped content, or None where this kernel has no such file for us."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def pairs(self, path: str) -> dict[str, str]:
        """Give the first ``key: value`` block of a file such as ``/proc/cpuinfo``."""
        block = (self.text(path) or "").partition("\n\n")[0]
        lines = (line.partition(":") for line in block.splitlines())
        return {key.strip(): value.strip() for key, _, value in lines}

    def chosen(self, path: str) -> str | None:
        """Give the selected word of a file such as ``always [madvise] never``."""
        text = self.text(path)
        return text.partition("[")[2].partition("]")[0] if text and "[" in text else text

    def names(self, path: str) -> list[str]:
        """List a directory; empty where there is none."""
        try:
            return sorted(os.listdir(self.root / path))
        except OSError:
            return []


def collect(cache: Path, *, files: KernelFiles | None = None) -> dict[str, Facts]:
    """Collect all facts, sorted, as ``{"hard": {...}, "soft": {...}}``; a missing one is None.

    ``cache`` is the directory that artifacts are staged from: its file system is a hard fact.
    """
    files = files or KernelFiles()
    hard = _cpu(files) | _system(files, cache) | _cgroup(files, detect()) | _python()
    soft = _kernel_modes(files) | _load(files) | _memory() | _identity(files)
    return {"hard": dict(sorted(hard.items())), "soft": dict(sorted(soft.items()))}


def _cpu(files: KernelFiles) -> Facts:
    info = files.pairs("proc/cpuinfo")
    return {
        "cpu_model": info.get("model name") or platform.machine(),
        "cpu_stepping": "/".join(info.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "architecture": platform.machine(),
        "hypervisor": "hypervisor" in info.get("flags", "").split(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)),
        "threads_per_core": (os.cpu_count() or 1) // (psutil.cpu_count(logical=False) or 1),
    }


def _system(files: KernelFiles, cache: Path) -> Facts:
    return {
        "kernel": ".".join(platform.release().split(".")[:2]),
        "libc": " ".join(platform.libc_ver()) or None,
        "file_system": file_system(files.text("proc/self/mountinfo") or "", cache),
        "page_size": os.sysconf("SC_PAGE_SIZE"),
        "coldbench": __version__,
    }


def file_system(mountinfo: str, path: Path) -> str | None:
    """Find the type of the file system that holds ``path``, by its longest mount point."""
    best, kind = -1, None
    target = path.resolve()
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if target.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def _cgroup(files: KernelFiles, support: CgroupSupport) -> Facts:
    """Describe what may be limited, and what already limits us."""
    quota = None
    parent = support.parents.get("cpu")
    if support.version == "v1" and parent is not None:
        quota = files.text(f"{str(parent)[1:]}/cpu.cfs_quota_us")
    elif parent is not None:
        quota = files.text(f"{str(parent)[1:]}/cpu.max")
    return {
        "cgroup": support.version,
        "cgroup_quota": None if quota in (None, "-1") or "max" in str(quota) else quota,
    }


def _python() -> Facts:
    """Describe the interpreter's build; option values are left out where they hold paths."""
    arguments = str(sysconfig.get_config_var("CONFIG_ARGS") or "").replace("'", "").split()
    options = [a for a in arguments if a.startswith("--") and "/" not in a]
    flags = str(sysconfig.get_config_var("PY_CFLAGS") or "").split()
    return {
        "python": platform.python_version(),
        "python_implementation": platform.python_implementation(),
        "python_compiler": platform.python_compiler(),
        "python_options": " ".join(sorted(options)) or None,
        "python_optimisation": " ".join(f for f in flags if f.startswith("-O")) or None,
        "python_pgo": "--enable-optimizations" in arguments,
        "python_lto": any(a.startswith("--with-lto") and a != "--with-lto=no" for a in arguments),
        "python_debug": hasattr(sys, "gettotalrefcount"),
    }


def _kernel_modes(files: KernelFiles) -> Facts:
    cpu = "sys/devices/system/cpu"
    states = (
        (name, files.text(f"{cpu}/vulnerabilities/{name}") or "")
        for name in files.names(f"{cpu}/vulnerabilities")
    )
    mitigated = [name for name, state in states if state.startswith("Mitigation")]
    return {
        "microcode": files.pairs("proc/cpuinfo").get("microcode"),
        "mitigations": " ".join(mitigated) or None,
        "governor": files.text(f"{cpu}/cpu0/cpufreq/scaling_governor"),
        "no_turbo": files.text(f"{cpu}/intel_pstate/no_turbo"),
        "smt": files.text(f"{cpu}/smt/control"),
        "transparent_huge_pages": files.chosen("sys/kernel/mm/transparent_hugepage/enabled"),
        "address_randomisation": files.text("proc/sys/kernel/randomize_va_space"),
        "autogroup": files.text("proc/sys/kernel/sched_autogroup_enabled"),
        "overcommit": files.text("proc/sys/vm/overcommit_memory"),
        "swappiness": files.text("proc/sys/vm/swappiness"),
        "clock_source": files.text(
            "sys/devices/system/clocksource/clocksource0/current_clocksource"
        ),
        "clock_resolution_ns": round(time.clock_getres(time.CLOCK_MONOTONIC) * 1e9),
        "ticks_per_second": os.sysconf("SC_CLK_TCK"),
    }


def _load(files: KernelFiles) -> Facts:
    one, five, fifteen = os.getloadavg()
    ticks = psutil.cpu_times()
    return {
        "load_1_min": round(one, 2),
        "load_5_min": round(five, 2),
        "load_15_min": round(fifteen, 2),
        "processes": sum(name.isdigit() for name in files.names("proc")),
        "steal_s": getattr(ticks, "steal", None),
        "uptime_s": round(time.time() - psutil.boot_time()),
        **{f"pressure_{kind}": _pressure(files, kind) for kind in ("cpu", "io", "memory")},
    }


def _pressure(files: KernelFiles, kind: str) -> float | None:
    """Give the share of the last 10 s, in %, in which some task waited for this resource."""
    text = files.text(f"proc/pressure/{kind}")
    if not text:
        return None
    fields: Mapping[str, str] = dict(word.split("=") for word in text.splitlines()[0].split()[1:])
    return float(fields["avg10"])


def _memory() -> Facts:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "memory_total_bytes": memory.total,
        "memory_available_bytes": memory.available,
        "swap_total_bytes": swap.total,
        "swap_used_bytes": swap.used,
    }


def _identity(files: KernelFiles) -> Facts:
    """Name the distribution and the kernel build, which say which updates are in."""
    release = (line.partition("=") for line in (files.text("etc/os-release") or "").splitlines())
    names = {key: value.strip('"') for key, _, value in release}
    return {
        "distribution": names.get("PRETTY_NAME"),
        "kernel_release": platform.release(),
        "cpu_cache": files.pairs("proc/cpuinfo").get("cache size"),
        "root_privileges": os.geteuid() == 0,
    }
