"""Who descends from whom, as the kernel has it now."""

from __future__ import annotations

import os


def children(parent: int) -> set[int]:
    """The children of a process that has one thread; the dead ones too, as long as nobody waited.

    Not every kernel lists children; else the parent is looked up in everybody's ``stat``.
    """
    try:
        with open(f"/proc/{parent}/task/{parent}/children", "rb") as file:
            return {int(pid) for pid in file.read().split()}
    except FileNotFoundError:
        return {pid for pid, of in parents().items() if of == parent}


def descendants(ancestor: int) -> set[int]:
    """All processes that descend from a process."""
    parent_of = parents()
    found: set[int] = set()
    wave = {ancestor}
    while wave:
        wave = {pid for pid, parent in parent_of.items() if parent in wave} - found
        found |= wave
    return found


def parents() -> dict[int, int]:
    """The parent of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue  # it has ended
    return found
