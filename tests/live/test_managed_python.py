"""Real Python functions on the real awslambdaric, one trial at a time.

Needs the package index once, for the runtime directory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bootstraps import order_of

from bench.backends.local import LocalBackend
from bench.build import BuildCache, install_runtime, interpreter
from bench.emulator.deployment import PythonRuntime
from bench.model import Trial

pytestmark = pytest.mark.live

Run = Callable[..., Trial]

#: Fails if its answer is not the right one.
HELLO = """\
import shop.prices


def handler(event, context):
    answer = {"total": shop.prices.total(event), "name": context.function_name}
    assert answer == {"total": 7, "name": "function"}
    return answer
"""
PRICES = """\
def total(event):
    return sum(item["price"] for item in event["items"])
"""
EVENT = b'{"items": [{"price": 3}, {"price": 4}]}'


@pytest.fixture(name="runtime", scope="module")
def _runtime() -> PythonRuntime:
    """The runtime directory, from the user's cache if it has been made before."""
    runtime = install_runtime(interpreter(), BuildCache())
    return PythonRuntime(
        interpreter=runtime.interpreter, directory=runtime.directory, minor=runtime.minor
    )


@pytest.fixture(name="run")
def _run(tmp_path: Path, runtime: PythonRuntime) -> Iterator[Run]:
    """Run one trial of the module ``app`` with the given source."""
    for name in ("work", "logs", "function"):
        (tmp_path / name).mkdir()
    backend = LocalBackend(
        work_directory=tmp_path / "work",
        log_directory=tmp_path / "logs",
        python=runtime,
        warm_invokes=2,
    )
    tree = tmp_path / "function"

    def run(source: str, handler: str = "app.handler") -> Trial:
        (tree / "app.py").write_text(source)
        order = order_of(tree, event=EVENT)
        function = replace(order.function, runtime="python", handler=handler)
        return backend.run(replace(order, function=function, handler=handler))

    yield run
    backend.close()


@pytest.fixture(name="hello")
def _hello(run: Run, tmp_path: Path) -> str:
    """The source of a function that imports a package beside it."""
    package = tmp_path / "function" / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "prices.py").write_text(PRICES)
    return HELLO


def test_a_python_function_answers(run: Run, hello: str) -> None:
    """Event and context arrive, its own modules are found, and every phase is measured."""
    trial = run(hello)

    assert trial.error is None
    assert trial.phases["cold_total"] == trial.phases["init"] + trial.phases["first_invoke"]
    assert len(trial.warm_invokes_ns) == 2


def test_no_bytecode_is_written_into_the_package(run: Run, hello: str, tmp_path: Path) -> None:
    """A trial must not make the imports of the next one faster."""
    trials = [run(hello), run(hello)]

    assert [t.outcome for t in trials] == ["ok", "ok"]
    files = {p.name for p in (tmp_path / "function").rglob("*")}
    assert files == {"app.py", "shop", "__init__.py", "prices.py"}


@pytest.mark.parametrize(
    ("source", "handler", "kind", "words"),
    [
        ("import no_such_library\n", "app.handler", "Runtime.ImportModuleError", "no_such_library"),
        ("", "ap.handler", "Runtime.ImportModuleError", "No module named 'ap'"),
        ("def handler(:\n", "app.handler", "Runtime.UserCodeSyntaxError", "invalid syntax"),
        ("other = None\n", "app.handler", "Runtime.HandlerNotFound", "handler"),
        ("", "handler", "Runtime.MalformedHandlerName", "handler"),
        ("", "sys.handler", "Runtime.BuiltInModuleConflict", "sys"),
        ("raise ValueError('bad table')\n", "app.handler", "ValueError", "bad table"),
        (
            "def handler(event, context):\n    raise LookupError('no stock')\n",
            "app.handler",
            "LookupError",
            "no stock",
        ),
        (
            "def handler(event, context):\n    return {1, 2}\n",
            "app.handler",
            "Runtime.MarshalError",
            "set",
        ),
    ],
)
def test_a_failure_has_lambdas_name_and_the_functions_own_log(
    run: Run, source: str, handler: str, kind: str, words: str
) -> None:
    """What awslambdaric reports is the trial's error; what it logs is in the log's end."""
    trial = run(source, handler)

    assert trial.outcome == "failed"
    assert trial.error is not None
    assert trial.error.type == kind
    assert words in trial.error.message
    assert f"[ERROR] {kind}" in trial.error.log_tail
    assert words in trial.error.log_tail


def test_an_exception_is_logged_with_its_traceback(run: Run) -> None:
    """The line of the function that raised is in the end of the log."""
    source = "def handler(event, context):\n    raise LookupError('no stock')\n"

    trial = run(source)

    assert trial.error is not None
    assert "Traceback (most recent call last):" in trial.error.log_tail
    assert "app.py" in trial.error.log_tail
    assert "line 2, in handler" in trial.error.log_tail


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("import sys\nprint('no database')\nsys.exit(3)\n", 3),
        ("import os\nprint('no database', flush=True)\nos._exit(0)\n", 0),
        (
            "import os\n\ndef handler(event, context):\n"
            "    print('no database', flush=True)\n    os._exit(4)\n",
            4,
        ),
    ],
)
def test_an_exit_is_an_exit_error(run: Run, source: str, status: int) -> None:
    """A runtime that ends has Lambda's words for it, and what it printed is in the log."""
    trial = run(source)

    assert trial.error is not None
    assert trial.error.type == "Runtime.ExitError"
    reason = f"with error: exit status {status}" if status else "without providing a reason"
    assert f"Runtime exited {reason}" in trial.error.message
    assert "no database" in trial.error.log_tail
