"""Which environments are kept, and which end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.serve.environment import Environment
from bench.serve.environments import Environments
from bench.serve.revision import Revision
from bench.serve.runtimes import Engine

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
