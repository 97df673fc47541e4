"""The managed Python runtime's stand-in: a clean interpreter, and what AWS puts beside it.

**The interpreter** is an empty virtual environment made by ``venv --without-pip`` of the base
interpreter. The base interpreter's own ``site-packages`` would leak into functions: an import that
works here and fails on Lambda, and ``.pth`` files that run at every start (we met one that made an
empty start four times as long, under ``-I`` as well, which also ignores the ``PYTHONPATH`` that
Lambda sets). ``-S`` is 2 ms faster, but it is not how Lambda starts Python: ``site`` runs there.
The environment costs one small file to read (``pyvenv.cfg``); its path entry, an empty directory,
is where Lambda's interpreter has its own ``site-packages``.

**The directory** is what ``/var/runtime`` is on Lambda: ``awslambdaric`` and ``boto3``, pinned with
hashes in ``runtime-requirements.txt``, compiled by this interpreter.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench.build.cache import BuildCache, content_key
from bench.build.dependencies import InstallError, installed
from bench.build.interpreters import interpreter_for
from bench.build.process import Command, ProcessRunner, Runner
from bench.build.requirements import Requirements
from bench.build.toolchain import Python, Toolchains
from bench.build.workshop import Workshop
from bench.errors import BuildError

KIND = "interpreters"
RUNTIME_ROOT = "/var/runtime"
_REQUIREMENTS = Path(__file__).with_name("runtime-requirements.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeDirectory:
    """What Python functions run on."""

    #: The ``python`` of an empty virtual environment.
    interpreter: Path
    #: The equivalent of ``/var/runtime``: belongs on ``PYTHONPATH``.
    directory: Path
    #: For example ``3.13.0``.
    version: str

    @property
    def minor(self) -> str:
        """For example ``3.13``."""
        return ".".join(self.version.split(".")[:2])


def interpreter() -> Path:
    """The base interpreter to run functions with: that of the running Python."""
    return Toolchains.own_python().path


def runtime_for(
    version: str | None, cache: BuildCache, run: Runner | None = None
) -> RuntimeDirectory:
    """The runtime for functions that ask for Python ``version`` (``3.13``); None = no matter which.

    It is what builds choose too, so that the bytecode fits: see :mod:`bench.build.interpreters`.

    Raises:
        BuildError: the packages cannot be installed; the message is ``uv``'s.
    """
    workshop = _workshop(cache, run or ProcessRunner())
    chosen = interpreter_for(version, workshop)
    return install_runtime(chosen.python.path, cache, workshop.run)


def _workshop(cache: BuildCache, runner: Runner) -> Workshop:
    return Workshop(
        cache=cache,
        tools=Toolchains(cache, runner, os.environ),
        run=runner,
        environ=os.environ,
        prove_reproducible=False,
        observer=lambda _: None,
    )


def install_runtime(python: Path, cache: BuildCache, run: Runner | None = None) -> RuntimeDirectory:
    """Find or make the runtime for the interpreter at ``python``; made once, in one rename.

    Raises:
        BuildError: the packages cannot be installed; the message is ``uv``'s.
    """
    runner = run or ProcessRunner()
    workshop = _workshop(cache, runner)
    base = workshop.tools.describe_python(python)
    text = _REQUIREMENTS.read_text(encoding="utf-8")
    requirements = Requirements(
        file=_REQUIREMENTS, contents=((_REQUIREMENTS.name, text),), require_hashes=True
    )
    try:
        directory = installed(requirements, base, workshop, prefix=RUNTIME_ROOT)
        return RuntimeDirectory(
            interpreter=_environment(base, workshop), directory=directory, version=base.version
        )
    except InstallError as error:
        raise BuildError(
            f"the Python runtime of Lambda cannot be installed: {error.message}",
            hint=f"it is installed once; check the network and try: {error.command}",
        ) from error
    except BaseException:
        runner.stop()
        raise


def _environment(base: Python, workshop: Workshop) -> Path:
    """The interpreter of an empty virtual environment of ``base``."""
    status = base.path.stat()
    key = content_key([str(base.path), base.version, status.st_mtime_ns, status.st_size])
    entry = workshop.cache.find(KIND, key)
    if entry is None:

        def write(directory: Path) -> None:
            done = workshop.run(
                Command(
                    arguments=(
                        *(str(base.path), "-I", "-m", "venv", "--without-pip", "--symlinks"),
                        str(directory),
                    ),
                    cwd=directory,
                    environment={"PATH": os.defpath},
                )
            )
            if done.status != 0:
                raise BuildError(f"`{base.path} -m venv` failed: {done.message}")
            for script in (directory / "bin").glob("[aA]ctivate*"):
                script.unlink()  # they name the directory before its rename
            shutil.rmtree(directory / "include", ignore_errors=True)

        entry = workshop.cache.store(KIND, key, write)
    return entry / "bin" / "python"
