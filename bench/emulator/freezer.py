"""Between invokes an environment is frozen, as on Lambda: nothing of it runs, and timers wait.

The launcher lives in the cgroup of the environment and must not be frozen with it: it has to
notice the end of the measuring process. So it steps out before the first freeze, and back in
before it starts another environment. To move costs milliseconds: trials that are measured invoke
back to back and are never frozen.
"""

from __future__ import annotations

from bench.emulator.limits import Cgroup
from bench.emulator.processes import Launcher


class Freezer:
    """Freezes what ``launcher`` starts in ``cgroup``; without a cgroup nothing happens."""

    def __init__(self, launcher: Launcher, cgroup: Cgroup | None) -> None:
        self._launcher = launcher
        self._cgroup = cgroup if cgroup is not None and cgroup.frozen_with else None
        self._frozen = False

    @property
    def works(self) -> bool:
        """Whether this machine lets us freeze processes."""
        return self._cgroup is not None

    def freeze(self) -> None:
        """Stop everything in the environment; returns when it has stopped.

        Raises:
            MeasurementError: something does not stop.
        """
        if self._cgroup is None or self._frozen:
            return
        if not self._launcher.stepped_aside:
            self._launcher.join(self._cgroup.frozen_without, thaw=self._cgroup.thaw_file)
        self._frozen = True
        self._cgroup.freeze()

    def thaw(self) -> None:
        """Let it run again."""
        if self._cgroup is not None and self._frozen:
            self._cgroup.thaw()
            self._frozen = False

    def admit(self) -> None:
        """Call before an environment is prepared: its processes will be in the cgroup again."""
        self.thaw()
        if self._cgroup is not None and self._launcher.stepped_aside:
            self._launcher.join(self._cgroup.frozen_with)
