"""Which environments are kept, and which end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.emulator.log_frames import LOG_FD
from bench.serve.environment import Environment
from bench.serve.environments import Environments
from bench.serve.revision import Revision
from bench.serve.runtimes import Engine

from .conftest import Aws

pytestmark = pytest.mark.live

ABOVE_SELECT = 1_100
ENGINE = Engine(kind="custom", python=None, version="provided.al2023:local")


def revision(serial: int, tree: Path) -> Revision:
    return Revision(
        serial=serial,
        account="123456789012",
        region="us-east-1",
        name="f",
        version=str(serial),
        handler="bootstrap",
        engine=ENGINE,
        memory_mb=128,
        timeout_s=3,
        tree=tree,
    )


@pytest.fixture(name="use")
def _use(tmp_path: Path) -> Iterator[Callable[[int], Environment]]:
    """``use(serial)``: an environment of that revision, acquired and released; three are kept."""
    made = Environments(
        work_directory=tmp_path / "scratch",
        endpoint_url=lambda: "http://127.0.0.1:1",
        account_limit=10,
        idle_s=300,
        idle_limit=3,
    )

    def use(serial: int) -> Environment:
        environment = made.acquire(revision(serial, tmp_path))
        made.release(environment)
        return environment

    yield use
    made.close()


def test_the_least_recently_used_environment_ends_first(use: Callable[[int], Environment]) -> None:
    """With three kept, the fourth ends the one that was used longest ago, and no other."""
    first, second, third = use(1), use(2), use(3)
    again = use(1)
    fourth = use(4)

    assert again is first
    assert not second.scratch.exists()
    assert all(kept.scratch.exists() for kept in (first, third, fourth))


def test_environments_work_beyond_1023_descriptors(use: Callable[[int], Environment]) -> None:
    """A process with many open files starts environments like any other."""
    with ExitStack() as opened:
        for _ in range(ABOVE_SELECT):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        environment = use(1)
        answered = environment.slot.launcher.exited(1, timeout_s=0.01)

    assert environment.slot.launcher.channel.fileno() > ABOVE_SELECT
    assert answered is None


def test_a_deleted_version_takes_its_environments_with_it(aws: Aws) -> None:
    """DeleteFunction of a version ends the processes of that version, and of no other."""
    name = aws.deploy("def handler(e, c): return e")
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.invoke(FunctionName=name)
    client.invoke(FunctionName=name, Qualifier="1")

    client.delete_function(FunctionName=name, Qualifier="1")

    assert versions_with_processes(name) == {"$LATEST"}


def versions_with_processes(name: str) -> set[str]:
    """By the environment variables of what runs on this machine."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_text(errors="replace").split("\0")
        except OSError:
            continue
        if f"AWS_LAMBDA_FUNCTION_NAME={name}" in variables:
            prefix = "AWS_LAMBDA_FUNCTION_VERSION="
            found |= {v.removeprefix(prefix) for v in variables if v.startswith(prefix)}
    return found


def test_a_dead_launcher_spoils_one_environment_only(aws: Aws) -> None:
    """What kills a launcher ends its environment; the next invoke has another and answers."""
    name = aws.deploy("import os\ndef handler(e, c): return [os.getppid(), os.getpid()]")
    client = aws.client("lambda")
    processes = json.load(client.invoke(FunctionName=name)["Payload"])
    for pid in processes:
        os.kill(pid, signal.SIGKILL)

    with pytest.raises(client.exceptions.ServiceException):
        client.invoke(FunctionName=name)
    answer = client.invoke(FunctionName=name)

    assert not set(json.load(answer["Payload"])) & set(processes)


def test_an_endpoint_ends_although_a_launcher_is_dead(use: Callable[[int], Environment]) -> None:
    """What cannot be ended in an orderly way any more does not keep the others from ending."""
    environment = use(1)
    os.kill(environment.slot.launcher.own_pid, signal.SIGKILL)
    others = [use(serial) for serial in (2, 3, 4)]

    assert not environment.scratch.exists()
    assert all(other.scratch.exists() for other in others)


@pytest.mark.parametrize("before", range(LOG_FD - 4, LOG_FD + 1))
def test_the_descriptor_of_framed_logs_may_be_in_use_here(tmp_path: Path, before: int) -> None:
    """Whatever number a process's next files have, that of the log included, functions start."""
    (tmp_path / "app.py").write_text("def handler(e, c): return e")
    program = (
        "import os, sys; from bench.cli import main\n"
        f"while os.open(os.devnull, os.O_RDONLY) < {before - 1}: pass\n"
        "sys.exit(main(['invoke', sys.argv[1], '--event', '{}']))"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)

    assert done.stdout == b"{}"
