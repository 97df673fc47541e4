"""Builds that meet each other, are killed, or are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.build import BuildCache, build_matrix
from bench.build.process import Command, ProcessRunner
from bench.errors import Interrupted
from bench.subjects import Function, Variant

pytestmark = pytest.mark.live

#: Builds the module in argv[1] with the cache in argv[2]; prints every event.
BUILD = """
import sys
from pathlib import Path
from bench.build import BuildCache, build_matrix
from bench.subjects import (Function,)
from bench.functions.variants import of_runtime
root = Path(sys.argv[1])
function = Function(
    id="go/hello", runtime="go", directory=root / "hello", handler="bootstrap", events=()
)
result = build_matrix(
    [(function, variant) for variant in of_runtime("go")],
    cache=BuildCache(Path(sys.argv[2])),
    observer=lambda event: print(event.variant, event.state, flush=True),
)
print("failures", len(result.failures))
print(*sorted(artifact.digest for artifact in result.artifacts))
"""


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    root = tmp_path / "functions"
    (root / "hello").mkdir(parents=True)
    (root / "hello" / "main.go").write_text('package main\n\nfunc main() {\n\tprintln("hi")\n}\n')
    (root / "go.mod").write_text("module example.com/interrupted\n\ngo 1.24\n")
    return root


def start(root: Path, cache: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root), str(cache)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_line(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    while text not in (line := process.stdout.readline()):
        assert line, "the build ended early"


def compilers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """What `go build` has started, as soon as there is something; with an empty cache it lives."""
    while process.poll() is None:
        children = psutil.Process(process.pid).children(recursive=True)
        if any(child.name() in ("compile", "asm") for child in children):
            return children
        time.sleep(0.01)
    raise AssertionError("the build ended early")


def test_two_builds_at_once_both_succeed(root: Path, tmp_path: Path) -> None:
    """Two processes that build the same matrix get the same artifacts, and neither fails."""
    processes = [start(root, tmp_path / "cache") for _ in range(2)]
    said = [process.communicate(timeout=300)[0].splitlines() for process in processes]

    assert [process.returncode for process in processes] == [0, 0]
    assert [lines[-2] for lines in said] == ["failures 0", "failures 0"]
    assert said[0][-1] == said[1][-1]


def test_a_killed_build_leaves_nothing_half_written(root: Path, tmp_path: Path) -> None:
    """After kill -9 the next build succeeds, and what the dead one left is gone."""
    cache = tmp_path / "cache"
    process = start(root, cache)
    wait_for_line(process, "started")
    process.kill()
    process.communicate()

    function = Function(
        id="go/hello", runtime="go", directory=root / "hello", handler="bootstrap", events=()
    )
    variant = Variant(id="default", runtime="go", summary="")
    result = build_matrix([(function, variant)], cache=BuildCache(cache))

    assert result.failures == ()
    assert list((cache / "scratch").iterdir()) == []
    assert len(list((cache / "tmp").iterdir())) <= 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_no_process(
    root: Path, tmp_path: Path, signum: signal.Signals
) -> None:
    """Ctrl-C and a service manager's stop end a build, and take its compilers along."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench", "build", "./hello", "--cache", str(tmp_path / "cache")],
        cwd=root,
        env={**os.environ, "GOCACHE": str(tmp_path / "gocache")},
        stderr=subprocess.PIPE,
        text=True,
    )
    compilers = compilers_of(process)
    process.send_signal(signum)
    _, said = process.communicate(timeout=60)

    # What was built before it is said too.
    assert (process.returncode, said.splitlines()[-1]) == (130, "error: interrupted")
    _, alive = psutil.wait_procs(compilers, timeout=10)
    assert alive == []


def test_stopping_a_runner_kills_the_whole_group(tmp_path: Path) -> None:
    """A child of a child is killed as well, and nothing starts afterwards."""
    run = ProcessRunner()
    script = (
        "import os, signal, subprocess, sys, time; "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
        f"os.kill({os.getpid()}, signal.SIGUSR1); time.sleep(600)"
    )
    ready: list[float] = []

    def stop(*_: object) -> None:
        ready.append(time.monotonic())
        run.stop()

    previous = signal.signal(signal.SIGUSR1, stop)
    command = Command(
        arguments=(sys.executable, "-c", script), cwd=tmp_path, environment=dict(os.environ)
    )
    try:
        with pytest.raises(Interrupted):
            run(command)
    finally:
        signal.signal(signal.SIGUSR1, previous)

    assert len(ready) == 1
    with pytest.raises(Interrupted):
        run(command)
