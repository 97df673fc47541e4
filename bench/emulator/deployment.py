"""A function as it is deployed: its package, its settings, and the process they make."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bench.cpu_share import visible_cpus
from bench.emulator import variables
from bench.emulator.processes import ProcessOrder
from bench.model import CpuMode, Function


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRuntime:
    """The managed Python runtime's stand-in: an interpreter and the directory like /var/runtime."""

    interpreter: Path
    directory: Path
    #: For example ``3.13``.
    minor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What one execution environment is made from."""

    function: Function
    handler: str
    #: The unpacked package.
    tree: Path
    memory_mb: int
    cpu_mode: CpuMode
    #: How Python functions run; not looked at for others.
    python: PythonRuntime | None = None
    #: ``Text`` or ``JSON``: what the function is told about the format of its log.
    log_format: str = "Text"
    #: ``PYTHONHASHSEED`` of Python functions; None leaves it to chance, as Lambda does.
    hash_seed: int | None = None

    def _managed(self, python: PythonRuntime | None) -> dict[str, str]:
        if python is None:
            return {}
        managed = variables.of_python(python.minor, python.directory)
        if self.hash_seed is not None:
            managed["PYTHONHASHSEED"] = str(self.hash_seed)
        return managed

    def process_order(
        self, *, api_address: str, scratch: Path, log: Path, serial: int
    ) -> ProcessOrder:
        """The process of a new environment; ``scratch/tmp`` becomes its temporary directory.

        Where the package or the interpreter lives below ``/tmp`` itself, a private ``/tmp`` would
        hide it, and ``TMPDIR`` has to do.
        """
        python = self.python if self.function.runtime == "python" else None
        runtime_directory = self.tree if python is None else python.directory
        environment = variables.of_function(
            name=self.function.name,
            handler=self.handler,
            memory_mb=self.memory_mb,
            runtime_api=api_address,
            task_root=self.tree,
            runtime_directory=runtime_directory,
            initialization_type=(
                "provisioned-concurrency" if self.cpu_mode == "provisioned" else "on-demand"
            ),
            log_stream=f"local/[{variables.VERSION}]{serial:032x}",
            user=self.function.environment,
            managed=self._managed(python),
            log_format=self.log_format,
        )
        needed = [self.tree, runtime_directory]
        if python is None:
            argv = [str(self.tree / "bootstrap")]
        else:
            argv = [str(python.interpreter), "-m", "awslambdaric", self.handler]
            needed.append(python.interpreter)
        tmp = scratch / "tmp"
        tmp.mkdir(mode=0o1777, exist_ok=True)
        can_bind = not any(path.resolve().is_relative_to("/tmp") for path in needed)
        if not can_bind:
            environment["TMPDIR"] = str(tmp)
        processors = sorted(os.sched_getaffinity(0))
        return ProcessOrder(
            argv=argv,
            environment=environment,
            directory=self.tree,
            log_path=log,
            cpus=processors[: visible_cpus(self.memory_mb)],
            tmp=tmp if can_bind else None,
        )
