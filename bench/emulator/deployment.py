"""A function as it is deployed: its package, its settings, and the processes they make."""

from __future__ import annotations

import os
from pathlib import Path

from bench.cpu_share import visible_cpus
from bench.emulator import layers, variables
from bench.emulator.paths import OPT, RUNTIME, TASK
from bench.emulator.processes import Files, ProcessOrder
from bench.emulator.programs import hidden_directories
from bench.frozen import dataclass
from bench.subjects import CpuMode, Function

_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRuntime:
    """The managed Python runtime's stand-in: an interpreter and the directory like /var/runtime."""

    interpreter: Path
    directory: Path
    #: For example ``3.13``.
    minor: str
    #: For example ``3.13.9``; None where nobody knows more than the minor.
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where a function finds its files: Lambda's paths, or the real ones."""

    task: Path
    runtime: Path
    opt: Path


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
    #: Directories or zip files, up to five; a later one wins.
    layers: tuple[Path, ...] = ()
    #: The size of ``/tmp``, enforced; None does not limit it, and costs nothing.
    ephemeral_storage_mb: int | None = None

    @property
    def _managed_python(self) -> PythonRuntime | None:
        return self.python if self.function.runtime == "python" else None

    @property
    def runtime_version(self) -> str:
        """What ``INIT_START`` calls the runtime, in the form of Lambda's ``python:3.13.v74``.

        A build of AWS's is not what runs here, so it says ``local`` in place of its number.
        """
        python = self._managed_python
        if python is None:
            return "provided:al2023.local"
        return f"python:{python.version or python.minor}.local"

    def hidden_directories(self, opt: Path | None = None) -> tuple[Path, ...]:
        """What the function's program needs from below the host's ``/tmp`` and ``/opt``.

        Reads the beginning of ``bootstrap``, in the package or in the merged layers, once.
        """
        python = self._managed_python
        program = self._bootstrap(opt) if python is None else python.interpreter
        shown = [self.tree] if opt is None else [self.tree, opt]
        return tuple(
            path
            for path in hidden_directories(program)
            if not any(tree.is_relative_to(path) for tree in shown)
        )

    def _bootstrap(self, opt: Path | None) -> Path:
        """Lambda looks for it in the package first, then in the layers."""
        own = self.tree / "bootstrap"
        if opt is None or own.exists() or not (opt / "bootstrap").exists():
            return own
        return opt / "bootstrap"

    def process_order(
        self,
        *,
        api_address: str,
        scratch: Path,
        log: Path,
        serial: int,
        private_root: bool = False,
    ) -> ProcessOrder:
        """The process of a new environment; its ``/tmp`` is in ``scratch``, and stays there.

        Args:
            api_address: where its Runtime API is.
            scratch: a directory of this environment, and of its successors after a crash.
            log: where its output goes.
            serial: tells its log stream from others.
            private_root: whether it gets the file system of Lambda
                (:attr:`~bench.emulator.processes.Launcher.root_obstacle` is None); with real paths
                ``TMPDIR`` and the search paths have to do.

        Raises:
            UsageError: settings or layers are above Lambda's limits.
            MeasurementError: ``/tmp`` cannot have the size that is asked for.
        """
        opt = self._merged_layers(scratch / "opt")
        files = Files(
            task=self.tree,
            tmp=self._tmp(scratch, private_root=private_root),
            runtime=None if self._managed_python is None else self._managed_python.directory,
            opt=opt,
            visible=self.hidden_directories(opt),
        )
        places = self._places(files, private_root=private_root)
        environment = self._environment(api_address, serial, places)
        if not private_root:
            environment["TMPDIR"] = str(files.tmp)
        return ProcessOrder(
            argv=self._command(places, files, environment.get(_WRAPPER)),
            environment=environment,
            directory=places.task,
            log_path=log,
            cpus=sorted(os.sched_getaffinity(0))[: visible_cpus(self.memory_mb)],
            files=files if private_root else None,
        )

    def extension_orders(self, function: ProcessOrder, scratch: Path) -> tuple[ProcessOrder, ...]:
        """The external extensions in the layers of the function that ``function`` starts."""
        opt = scratch / "opt"
        seen = opt if function.files is None else Path(OPT)
        return tuple(
            ProcessOrder(
                argv=[str(seen / "extensions" / name)],
                environment=variables.of_extension(function.environment),
                directory=function.directory,
                log_path=function.log_path,
            )
            for name in layers.external_extensions(opt)
        )

    def _merged_layers(self, opt: Path) -> Path | None:
        if not self.layers:
            return None
        return opt if opt.exists() else layers.merge(self.layers, opt, package=self.tree)

    def _tmp(self, scratch: Path, *, private_root: bool) -> Path:
        if private_root and self.ephemeral_storage_mb is not None:
            from bench.emulator import ephemeral_storage  # starts programs, which few wait for

            image = scratch / ephemeral_storage.IMAGE
            if not image.exists():
                ephemeral_storage.make(image, self.ephemeral_storage_mb)
            return image
        tmp = scratch / "tmp"
        tmp.mkdir(mode=0o1777, exist_ok=True)
        return tmp

    def _places(self, files: Files, *, private_root: bool) -> _Places:
        if private_root:
            return _Places(task=Path(TASK), runtime=Path(RUNTIME), opt=Path(OPT))
        return _Places(
            task=files.task, runtime=files.runtime or files.task, opt=files.opt or Path(OPT)
        )

    def _command(self, places: _Places, files: Files, wrapper: str | None) -> list[str]:
        """The runtime's program: managed runtimes honour a wrapper, ``bootstrap`` has none."""
        python = self._managed_python
        if python is not None:
            command = [str(python.interpreter), "-m", "awslambdaric", self.handler]
            return command if wrapper is None else [_found(wrapper, places), *command]
        in_package = self._bootstrap(files.opt).parent == self.tree
        return [str((places.task if in_package else places.opt) / "bootstrap")]

    def _environment(self, api_address: str, serial: int, places: _Places) -> dict[str, str]:
        python = self._managed_python
        managed = {}
        if python is not None:
            managed = variables.of_python(
                python.minor, places.runtime, places.opt if self.layers else None
            )
            if self.hash_seed is not None:
                managed["PYTHONHASHSEED"] = str(self.hash_seed)
        return variables.of_function(
            name=self.function.lambda_name,
            handler=self.handler,
            memory_mb=self.memory_mb,
            runtime_api=api_address,
            task_root=places.task,
            runtime_directory=places.runtime,
            opt=places.opt,
            initialization_type=(
                "provisioned-concurrency" if self.cpu_mode == "provisioned" else "on-demand"
            ),
            log_stream=f"local/[{variables.VERSION}]{serial:032x}",
            user=self.function.environment,
            managed=managed,
            log_format=self.log_format,
        )


def _found(path: str, places: _Places) -> str:
    """Where a path that is right on Lambda is here."""
    for prefix, place in ((OPT, places.opt), (TASK, places.task)):
        if path.startswith(prefix + "/"):
            return str(place / path.removeprefix(prefix + "/"))
    return path
