"""A local Lambda for live tests, and a runner of single trials."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bootstraps import ANSWER, order_of, write_bootstrap
from deployments import Lambda

from bench.backends.local import LocalBackend
from bench.model import Trial


@pytest.fixture(name="backend")
def _backend(tmp_path: Path) -> Iterator[LocalBackend]:
    work, logs = tmp_path / "work", tmp_path / "logs"
    work.mkdir()
    logs.mkdir()
    backend = LocalBackend(work_directory=work, log_directory=logs, python=None, warm_invokes=2)
    yield backend
    backend.close()


@pytest.fixture(name="trial")
def _trial(backend: LocalBackend, tmp_path: Path) -> Callable[..., Trial]:
    """Run one trial of a bootstrap made from Python statements."""

    def run(*, handler: str = ANSWER, init: str = "", **order: object) -> Trial:
        tree = write_bootstrap(tmp_path / "function", handler=handler, init=init)
        return backend.run(order_of(tree, **order))  # type: ignore[arg-type]

    return run


@pytest.fixture(name="cloud")
def _cloud(tmp_path: Path) -> Iterator[Lambda]:
    """A local Lambda on which functions can be deployed and invoked."""
    cloud = Lambda(tmp_path)
    yield cloud
    cloud.close()
