"""Places for execution environments: a launcher in a cgroup, used again and again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count

from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.limits import Cgroup
from bench.emulator.processes import Launcher

_SPARE = 8
#: Of all slots of the process: cgroups are named by them.
_NUMBERS = count()


@dataclass(slots=True)
class Slot:
    """A launcher in its cgroup: outlives the environments that it starts one after the other."""

    launcher: Launcher
    cgroup: Cgroup | None


class Slots:
    """Makes slots, and keeps a few for those who come next. Thread-safe."""

    def __init__(self) -> None:
        self._support = limits.usable(enter_v2(detect()))
        limits.remove_abandoned(self._support)
        self._lock = threading.Lock()
        self._spare: list[Slot] = []
        self._closed = False

    def take(self) -> Slot:
        """A spare slot, else a new one. Give it back by :meth:`give_back`."""
        with self._lock:
            if self._spare:
                return self._spare.pop()
        launcher = Launcher()
        cgroup = limits.create(self._support, f"{limits.owner_name()}-{next(_NUMBERS)}")
        if cgroup is not None:
            launcher.join(cgroup.procs_files)
        return Slot(launcher, cgroup)

    def give_back(self, slot: Slot) -> None:
        """Take back a slot in which nothing runs any more."""
        with self._lock:
            keep = len(self._spare) < _SPARE and not self._closed
            if keep:
                self._spare.append(slot)
        if not keep:
            self.dissolve(slot)

    def dissolve(self, slot: Slot) -> None:
        """End a slot for good, with whatever still runs in it."""
        slot.launcher.close()
        if slot.cgroup is not None:
            slot.cgroup.remove()

    def close(self) -> None:
        """End the spare ones; those that come back later end at once."""
        with self._lock:
            self._closed = True
            spare, self._spare = self._spare, []
        for slot in spare:
            self.dissolve(slot)
