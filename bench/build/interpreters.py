"""The interpreter that a Python function asks for: found on this machine, or fetched by ``uv``.

Looked for in this order, the cheapest first: the running one, one that we fetched before, programs
on ``PATH``, the versions of ``pyenv``, scripts on ``PATH`` (which take long to ask, and as shims of
``pyenv`` fail for versions that are not switched on), one that ``uv`` has for its user, and last a
download by ``uv``, which is kept in the build cache and touches nobody's own installations.
``UV_PYTHON_DOWNLOADS=never`` forbids the download.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.build import elf
from bench.build.cache import content_key
from bench.build.process import Command
from bench.build.toolchain import Python, machine, version_order
from bench.build.workshop import Workshop
from bench.errors import BuildError

KIND = "pythons"
_QUIET = ("--no-config", "--no-progress", "--color", "never")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What a function gets, and why that is another one than it asked for, if it is."""

    python: Python
    #: A sentence for the report; empty where the version is the one asked for.
    shortfall: str = ""


def interpreter_for(minor: str | None, workshop: Workshop) -> Interpreter:
    """The base interpreter for functions of Python ``minor``; None = the running one.

    Where that version can neither be found nor fetched, the running one serves, and says so.
    """
    own = workshop.tools.own_python()
    if minor in (None, own.minor):
        return Interpreter(python=own)
    for path in _candidates(minor, workshop):
        python = _described(path, workshop)
        if python is not None and python.minor == minor:
            return Interpreter(python=python)
    return _fetched(minor, own, workshop)


def _candidates(minor: str, workshop: Workshop) -> Iterator[Path]:
    """Where an interpreter of that version may be, each looked at only if those before fail."""
    name = f"python{minor}"
    fetched = workshop.cache.find(KIND, _key(minor))
    if fetched is not None:
        yield from _installed(fetched, minor)
    environ = workshop.environ
    directories = environ.get("PATH", os.defpath).split(os.pathsep)
    on_path = [Path(directory, name) for directory in directories]
    on_path = [path for path in on_path if os.access(path, os.X_OK)]
    shims = [path for path in on_path if not elf.is_elf(path)]
    yield from (path for path in on_path if path not in shims)
    root = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/"), ".pyenv"))
    yield from _newest_first(root.glob(f"versions/{minor}.*/bin/{name}"))
    yield from shims
    wanted = ("--no-project", "--managed-python", "--no-python-downloads", minor)
    found = _uv(("python", "find", *_QUIET, *wanted), workshop)
    if found is not None and found[0] == 0:
        yield Path(found[1].strip())


def _described(path: Path, workshop: Workshop) -> Python | None:
    """What the interpreter at ``path`` is; None if there is none, or it does not run."""
    try:
        return workshop.tools.describe_python(path)
    except (BuildError, OSError, ValueError):
        return None  # a shim without its version, for another machine, or removed meanwhile


def _fetched(minor: str, own: Python, workshop: Workshop) -> Interpreter:
    try:
        with workshop.cache.lock(KIND, lambda: workshop.run.stopped):
            entry = workshop.cache.find(KIND, _key(minor)) or workshop.cache.store(
                KIND, _key(minor), lambda directory: _fetch(minor, directory, workshop)
            )
        python = workshop.tools.describe_python(next(_installed(entry, minor)))
        return Interpreter(python=python)
    except BuildError as error:
        reason = _root_cause(error.message)
    return Interpreter(
        python=own,
        shortfall=f"asks for Python {minor}, which is not on this machine and cannot be fetched"
        f" ({reason}): it is built for and runs on Python {own.version}",
    )


def _fetch(minor: str, directory: Path, workshop: Workshop) -> None:
    """Have ``uv`` install Python ``minor`` below ``directory``.

    Raises:
        BuildError: ``uv`` said no; the message is its own.
    """
    wanted = ("--install-dir", str(directory), "--no-bin", minor)
    done = _uv(("python", "install", *_QUIET, *wanted), workshop)
    if done is None:
        raise BuildError("there is no `uv`, which would fetch it")
    status, said = done
    if status != 0 or next(_installed(directory, minor), None) is None:
        raise BuildError(said or f"`uv python install {minor}` left nothing")


def _root_cause(message: str) -> str:
    """The last cause that ``uv`` names, without the address that it was about."""
    last = message.strip().splitlines()[-1].strip()
    return last.removeprefix("error: ").removeprefix("cause: ").partition(": http")[0]


def _uv(arguments: tuple[str, ...], workshop: Workshop) -> tuple[int, str] | None:
    """Status of a ``uv`` command, and what it printed; None without ``uv``."""
    try:
        uv, _ = workshop.tools.uv()
    except BuildError:
        return None
    # Another interpreter serves where this one cannot be had: that is not worth seconds of waiting.
    environment = {"UV_HTTP_RETRIES": "1", **workshop.environ}
    done = workshop.run(
        Command(arguments=(str(uv), *arguments), cwd=workshop.cache.root, environment=environment)
    )
    return done.status, done.stdout if done.status == 0 else done.message


def _installed(directory: Path, minor: str) -> Iterator[Path]:
    """The interpreters in an installation directory of ``uv``, without the links beside them."""
    paths = directory.glob(f"cpython-{minor}.*/bin/python{minor}")
    yield from _newest_first(path for path in paths if not path.parent.parent.is_symlink())


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    """Interpreters by the version in the name of their installation."""
    return sorted(paths, key=lambda path: version_order(path.parent.parent.name), reverse=True)


def _key(minor: str) -> str:
    return content_key([minor, machine()])
