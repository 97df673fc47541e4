"""Functions on a local Lambda of their own, for tests of what Lambda does around them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from bootstraps import order_of, write_bootstrap

from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.deployment import Deployment
from bench.emulator.function import Configuration, LocalFunction
from bench.emulator.platform_format import format_text
from bench.emulator.platform_lines import PlatformLine
from bench.emulator.processes import Launcher

_serial = itertools.count(1)


class Lambda:
    """Deploys functions below a directory, and keeps what is seen of their logs in ``told``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._cleanup = ExitStack()
        self._support = limits.usable(enter_v2(detect()))
        self.told: list[PlatformLine | bytes] = []

    def bootstrap(self, *, handler: str, init: str = "", **settings: Any) -> LocalFunction:
        """Deploy a bootstrap made from Python statements."""
        name = f"function-{next(_serial)}"
        return self.deploy(
            write_bootstrap(self._directory / name, handler=handler, init=init), **settings
        )

    def deploy(
        self,
        tree: Path,
        *,
        timeout_s: float = 5.0,
        memory_mb: int = 1769,
        configuration: Configuration | None = None,
        function: dict[str, Any] | None = None,
        live: Callable[[], bool] | None = None,
        **deployment: Any,
    ) -> LocalFunction:
        """Deploy the package in ``tree``; ``function`` and the rest are fields of the model."""
        serial = next(_serial)
        scratch = self._directory / f"scratch-{serial}"
        scratch.mkdir()
        launcher = Launcher()
        cgroup = limits.create(self._support, f"{limits.owner_name()}-{serial}")
        if cgroup is not None:
            self._cleanup.callback(cgroup.remove)
            launcher.join(cgroup.procs_files)
        self._cleanup.callback(launcher.close)
        model = replace(order_of(tree, timeout_s=timeout_s).function, **(function or {}))
        deployed = LocalFunction(
            Deployment(
                **{
                    "function": model,
                    "handler": model.handler,
                    "tree": tree,
                    "memory_mb": memory_mb,
                    "cpu_mode": "on-demand",
                    **deployment,
                }
            ),
            launcher,
            cgroup,
            scratch,
            self.told.append,
            configuration,
            live=live,
        )
        self._cleanup.callback(deployed.close)
        return deployed

    @property
    def text(self) -> str:
        """What has been seen of all logs, in the text form."""
        return "\n".join(
            line.decode().rstrip("\n") if isinstance(line, bytes) else format_text(line)
            for line in self.told
        )

    def lines(self, kind: type) -> list[Any]:
        """The platform lines of one kind."""
        return [line for line in self.told if isinstance(line, kind)]

    def close(self) -> None:
        """End everything."""
        self._cleanup.close()
