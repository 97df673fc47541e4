"""What a local Lambda could leave behind, counted."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from bench.emulator.cgroups import detect


def census(scratch: Path) -> Counter[str]:
    """Processes, cgroups, mounts, sockets, descriptors and directories of ours, as they are now.

    Args:
        scratch: where the environments have their files.
    """
    ours = {os.getpid(), *processes_of(os.getpid())}
    own = f"coldbench-{os.getpid()}-"
    return Counter(
        {
            "processes": len(ours) - 1,
            "cgroups": sum(group.name.startswith(own) for group in _groups()),
            "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "sockets": sum(_sockets(pid) for pid in ours),
            "temporary directories": sum(1 for _ in scratch.glob("*-*")),
        }
    )


def _sockets(pid: int) -> int:
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return found


def _groups() -> list[Path]:
    parents = set(detect().parents.values())
    return [group for parent in parents for group in parent.glob("coldbench-*")]


def abandoned_groups() -> list[Path]:
    """Cgroups whose maker, which their name tells, is dead; others run at the same time as we."""
    return [group for group in _groups() if not Path("/proc", group.name.split("-")[1]).exists()]


def processes_of(ancestor: int) -> set[int]:
    """All living descendants of a process; orphans are adopted by the launcher, so counted."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if stat[0] != "Z":
                parents[int(name)] = int(stat[1])
    found = {ancestor}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found - {ancestor}
        found |= more


def processes_below(directory: Path) -> set[int]:
    """Living processes that run in, or were started with, something below a directory."""
    found = set()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            line = Path(f"/proc/{name}/cmdline").read_bytes()
            place = os.readlink(f"/proc/{name}/cwd")
        except OSError:
            continue
        if os.fsencode(str(directory)) in line or place.startswith(str(directory)):
            found.add(int(name))
    return found
