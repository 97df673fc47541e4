"""Which interpreter a Python function gets that asks for a version."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from scripted_tools import OK, a_function, executable, refused

from bench.build.cache import BuildCache
from bench.build.interpreters import interpreter_for
from bench.build.package import Package
from bench.build.process import Command, Completed
from bench.build.python import build_python
from bench.build.toolchain import Toolchains
from bench.build.workshop import Workshop
from bench.subjects import Variant

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Machine:
    """A runner that answers as the interpreters of a machine and its ``uv`` would.

    Args:
        versions: what the interpreter at each path says it is; others fail as shims do.
        found: what ``uv python find`` answers.
        fetched: what ``uv python install`` brings, or None for no network.
    """

    def __init__(
        self, versions: Mapping[Path, str], *, found: Path | None = None, fetched: str | None = None
    ) -> None:
        self.versions = {str(path): version for path, version in versions.items()}
        self.found = found
        self.fetched = fetched
        self.asked: list[tuple[str, ...]] = []
        self.stopped = False

    def __call__(self, command: Command) -> Completed:
        program, *rest = command.arguments
        self.asked.append(tuple(rest[:2]))
        match rest:
            case ["-I", "-c", _]:
                return self._described(program)
            case ["python", "find", *_]:
                return refused("none") if self.found is None else self._said(str(self.found))
            case ["python", "install", *options]:
                return self._install(Path(options[options.index("--install-dir") + 1]))
            case _:
                return self._said("uv 1.2.3 (scripted)")

    def stop(self) -> None:
        self.stopped = True

    def _said(self, text: str) -> Completed:
        return Completed(status=0, stdout=f"{text}\n", stderr="")

    def _described(self, program: str) -> Completed:
        if program not in self.versions:
            return refused("pyenv: command not found")
        return self._said(json.dumps([program, self.versions[program]]))

    def _install(self, directory: Path) -> Completed:
        if self.fetched is None:
            return refused("error: Failed\n  cause: dns error for url: https://example.com/x")
        minor = ".".join(self.fetched.split(".")[:2])
        name = f"cpython-{self.fetched}-linux/bin/python{minor}"
        executable(directory / name)
        # Its path after the rename into the cache, which this machine cannot know.
        self._described = lambda program: self._said(  # type: ignore[method-assign]
            json.dumps([program, self.fetched])
        )
        return OK


def a_workshop(root: Path, run: Machine, *directories: Path) -> Workshop:
    environ = {"PATH": ":".join(map(str, directories)), "HOME": str(root / "home")}
    executable(root / "tools" / "uv")
    cache = BuildCache(root / "cache")
    return Workshop(
        cache=cache,
        tools=Toolchains(cache, run, environ, wheel_go=lambda: None),
        run=run,
        environ=environ,
        prove_reproducible=False,
        observer=lambda _: None,
    )


@pytest.mark.parametrize("minor", [None, OWN])
def test_the_running_interpreter_is_not_looked_for(tmp_path: Path, minor: str | None) -> None:
    """Without a version, and with our own, nothing is asked."""
    run = Machine({})

    found = interpreter_for(minor, a_workshop(tmp_path, run))

    assert (found.python.minor, found.shortfall, run.asked) == (OWN, "", [])


def test_a_shim_that_fails_hides_no_interpreter_behind_it(tmp_path: Path) -> None:
    """``PATH`` is followed to the end, past what does not run and what is something else."""
    shim, wrong, right = (tmp_path / name / "python3.9" for name in ("shims", "wrong", "right"))
    shim.parent.mkdir()
    shim.write_text("#!/bin/sh\n")
    shim.chmod(0o755)
    for path in (wrong, right):
        executable(path)
    run = Machine({wrong: "3.8.2", right: "3.9.4"})

    found = interpreter_for(
        "3.9", a_workshop(tmp_path, run, *(p.parent for p in (shim, wrong, right)))
    )

    assert (found.python.path, found.python.version, found.shortfall) == (right, "3.9.4", "")


def test_versions_of_pyenv_need_not_be_switched_on(tmp_path: Path) -> None:
    """The newest patch release of the version is taken."""
    versions = tmp_path / "home" / ".pyenv" / "versions"
    paths = [versions / patch / "bin" / "python3.9" for patch in ("3.9.4", "3.9.10")]
    run = Machine(dict(zip(map(executable, paths), ("3.9.4", "3.9.10"), strict=True)))

    assert interpreter_for("3.9", a_workshop(tmp_path, run)).python.version == "3.9.10"


def test_an_interpreter_that_uv_has_is_found(tmp_path: Path) -> None:
    """What its user has installed with uv is used where it is."""
    managed = executable(tmp_path / "uv" / "python3.9")
    run = Machine({managed: "3.9.7"}, found=managed)

    found = interpreter_for("3.9", a_workshop(tmp_path, run))

    assert found.python.path == managed
    assert ("python", "install") not in run.asked


def test_a_fetched_interpreter_is_kept_in_the_cache(tmp_path: Path) -> None:
    """It is installed there once, and found the second time without uv."""
    run = Machine({}, fetched="3.9.8")
    first = interpreter_for("3.9", a_workshop(tmp_path, run))
    run.asked.clear()

    second = interpreter_for("3.9", a_workshop(tmp_path, run))

    assert first == second
    assert first.python.version == "3.9.8"
    assert first.python.path.is_relative_to(tmp_path / "cache" / "entries" / "pythons")
    assert not any(words[0] == "python" for words in run.asked)


def test_offline_the_running_one_serves_and_says_so(tmp_path: Path) -> None:
    """The sentence names both versions and the cause, without addresses; the package has it."""
    workshop = a_workshop(tmp_path, Machine({}))
    directory = tmp_path / "hello"
    directory.mkdir()
    (directory / "app.py").write_text("def handler(event, context):\n    return event\n")
    function = a_function(directory, "python", handler="app.handler", version="3.9")
    variant = Variant(
        id="eager", runtime="python", summary="", import_style="eager", bytecode="none"
    )

    found = interpreter_for("3.9", workshop)
    (outcome,) = build_python([(function, variant)], workshop).values()

    assert found.python.minor == OWN
    assert "asks for Python 3.9" in found.shortfall
    assert f"runs on Python {OWN}" in found.shortfall
    assert "dns error for url)" in found.shortfall
    assert isinstance(outcome, Package)
    assert outcome.facts.warnings == (found.shortfall,)
    assert list((tmp_path / "cache" / "entries").glob("pythons/*")) == []
