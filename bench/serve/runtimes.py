"""Lambda's runtimes on this machine: which there are, and what runs their functions."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bench.build import BuildCache
from bench.build.runtime import runtime_for
from bench.emulator.deployment import PythonRuntime
from bench.serve.errors import ServiceError
from bench.subjects import Runtime

_OS_ONLY = ("provided.al2023", "provided.al2", "provided")
#: Lambda's Python runtimes that functions can be made for; SnapStart is of those from 3.12 on.
_PYTHON_MINORS = range(8, 16)
_SNAP_START_FROM = 12
#: What this machine's processor is called in Lambda's API.
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What runs the functions of one runtime."""

    #: The word of :class:`bench.subjects.Function`.
    kind: Runtime
    python: PythonRuntime | None
    #: For ``INIT_START``, such as ``python:3.13.2``: what really runs, not what was asked for.
    version: str


class Runtimes:
    """Finds and installs engines, each once. Thread-safe.

    Args:
        cache: where interpreters and the packages of ``/var/runtime`` are kept.
        warn: is told when a runtime is replaced by a near one.
    """

    def __init__(self, cache: BuildCache, warn: Callable[[str], None]) -> None:
        self._cache = cache
        self._warn = warn
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()

    def engine(self, runtime: str | None) -> Engine:
        """What runs functions of ``runtime``.

        Raises:
            ServiceError: nothing on this machine does.
            BuildError: the packages of the Python runtime cannot be installed.
        """
        name = runtime or ""
        with self._lock:
            if name not in self._engines:
                self._engines[name] = self._find(name)
            return self._engines[name]

    def _find(self, name: str) -> Engine:
        if name in _OS_ONLY:
            return Engine(kind="custom", python=None, version=f"{name}:local")
        check_runtime(name)
        runtime = runtime_for(name.removeprefix("python"), self._cache)
        if f"python{runtime.minor}" != name:
            self._warn(
                f"{name} is not on this machine and cannot be fetched: its functions run on "
                f"Python {runtime.version}; `uv python install {name.removeprefix('python')}` "
                "adds it"
            )
        python = PythonRuntime(
            interpreter=runtime.interpreter,
            directory=runtime.directory,
            minor=runtime.minor,
            version=runtime.version,
        )
        return Engine(kind="python", python=python, version=f"python:{runtime.version}")


def check_runtime(name: str) -> None:
    """Refuse a runtime that Lambda does not have, or this endpoint does not run.

    Raises:
        ServiceError: with those that there are.
    """
    if name in _OS_ONLY or name in _pythons(0):
        return
    known = ", ".join((*_OS_ONLY, *_pythons(0)))
    if name.startswith("python"):
        raise _invalid(
            f"Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{known}]"
        )
    raise _invalid(
        f"Runtime {name or 'of container images'} does not run on this endpoint; it runs {known} "
        "from zip archives"
    )


def check_snap_start(runtime: str, wanted: dict[str, str] | None) -> None:
    """Refuse SnapStart for a runtime that has none.

    Raises:
        ServiceError: with the runtime.
    """
    on = (wanted or {}).get("ApplyOn") == "PublishedVersions"
    if on and runtime not in _pythons(_SNAP_START_FROM):
        raise _invalid(f"{runtime} is not supported for SnapStart enabled functions.")


def _pythons(least_minor: int) -> tuple[str, ...]:
    return tuple(f"python3.{minor}" for minor in _PYTHON_MINORS if minor >= least_minor)


def check_architecture(architectures: list[str]) -> None:
    """Refuse a function for another processor than this machine's.

    Raises:
        ServiceError: with what would run.
    """
    machine = ARCHITECTURES.get(platform.machine().lower(), platform.machine())
    wanted = architectures[0] if architectures else "x86_64"
    if wanted != machine:
        raise _invalid(
            f"Architecture {wanted} does not run on this machine, whose processor is {machine}; "
            f"use Architectures=['{machine}'] here, and {wanted} on AWS"
        )


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameterValueException", message)
