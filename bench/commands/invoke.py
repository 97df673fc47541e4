"""``coldbench invoke``: one function, its events, and what Lambda would print and answer."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from bench.build import BuildCache, build_matrix, install_runtime, interpreter
from bench.codec import to_json
from bench.commands.options import InvokeOptions
from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.deployment import Deployment, PythonRuntime
from bench.emulator.function import Answer, LocalFunction
from bench.emulator.platform_format import format_json, format_text
from bench.emulator.platform_lines import End, PlatformLine
from bench.emulator.processes import Launcher
from bench.errors import BuildError, UnknownName, UsageError
from bench.functions import load_function, recipes
from bench.model import Artifact, Function
from bench.variants import BASELINES

_FUNCTION_FAILED = 1


@dataclass(slots=True)
class _Log:
    """The log of a function: to stderr as it comes, and kept for each answer."""

    stream: BinaryIO | None
    json_format: bool
    kept: bytearray

    def __call__(self, line: PlatformLine | bytes) -> None:
        data = line if isinstance(line, bytes) else self._written(line)
        self.kept += data
        if self.stream is not None:
            self.stream.write(data)
            self.stream.flush()

    def _written(self, line: PlatformLine) -> bytes:
        if self.json_format and isinstance(line, End):
            return b""  # Lambda's JSON logs have no END
        text = format_json(line, time.time_ns()) if self.json_format else format_text(line)
        return text.encode() + b"\n"

    def take(self) -> str:
        """What has come since the last answer."""
        text = self.kept.decode(errors="replace")
        self.kept.clear()
        return text


def execute(options: InvokeOptions) -> tuple[str | bytes, int]:
    """Build the function, give it the event, and answer as Lambda does.

    Raises:
        UsageError: the event or the directory cannot be used.
        BuildError: the function does not build.
    """
    function = _function(options)
    event = _event(options, function)
    artifact = _artifact(function, options)
    log = _Log(None if options.verbosity < 0 else sys.stderr.buffer, options.log_json, bytearray())
    with _deployed(function, artifact, options, log) as deployed:
        answers = [(deployed.invoke(event), log.take()) for _ in range(options.repeat)]
    failed = any(answer.function_error for answer, _ in answers)
    return _output(answers, options), _FUNCTION_FAILED if failed else 0


def _function(options: InvokeOptions) -> Function:
    directory = options.cwd / Path(options.directory).expanduser()
    if not directory.is_dir():
        raise UsageError(
            f"there is no directory `{options.directory}`",
            hint="name the directory of a function, such as `coldbench invoke go_functions/hello`",
        )
    function = load_function(directory.resolve())
    return replace(
        function,
        id=f"{function.runtime}/{options.function_name or function.name}",
        memory_mb=options.memory_mb or function.memory_mb,
        timeout_s=options.timeout_s or function.timeout_s,
        environment={**function.environment, **options.environment},
    )


def _event(options: InvokeOptions, function: Function) -> bytes:
    """``-`` is stdin, a path a file, the name of one of the function's events that; else JSON."""
    wanted = options.event
    if wanted is None:
        return function.events[0].path.read_bytes()
    if wanted == "-":
        return sys.stdin.buffer.read()
    named = next((e for e in function.events if e.name == wanted), None)
    path = named.path if named is not None else options.cwd / Path(wanted).expanduser()
    if not wanted.lstrip().startswith(("{", "[", '"')) and path.is_file():
        return path.read_bytes()
    try:
        json.loads(wanted)
    except ValueError:
        raise UsageError(
            f"the event `{wanted[:80]}` is not a file, not JSON, and no event of the function",
            hint=f"its events: {', '.join(e.name for e in function.events)}",
        ) from None
    return wanted.encode()


def _artifact(function: Function, options: InvokeOptions) -> Artifact:
    known = {v.id: v for v in recipes(function)}
    wanted = options.variant or BASELINES[function.runtime]
    if options.variant is None and wanted not in known:
        wanted = next(iter(known))
    if wanted not in known:
        raise UnknownName("variant", wanted, known)
    result = build_matrix(
        [(function, known[wanted])],
        cache=BuildCache(options.settings.cache),
        prove_reproducible=False,
    )
    for failure in result.failures:
        raise BuildError(f"{function.id} does not build: {failure.command}\n{failure.message}")
    return result.artifacts[0]


@contextmanager
def _deployed(
    function: Function, artifact: Artifact, options: InvokeOptions, log: _Log
) -> Iterator[LocalFunction]:
    """The function with launcher, cgroup and scratch directory; all gone afterwards."""
    parent = options.settings.cache / "invoke"
    parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleanup:
        scratch = Path(cleanup.enter_context(tempfile.TemporaryDirectory(dir=parent)))
        tree = scratch / "task"
        shutil.copytree(artifact.tree_path, tree, symlinks=True)
        support = limits.usable(enter_v2(detect()))
        limits.remove_abandoned(support)
        launcher = Launcher()
        cgroup = limits.create(support, limits.owner_name())
        if cgroup is not None:
            cleanup.callback(cgroup.remove)
            launcher.join(cgroup.procs_files)
        cleanup.callback(launcher.close)
        deployment = Deployment(
            function=function,
            handler=artifact.handler,
            tree=tree,
            memory_mb=function.memory_mb,
            cpu_mode=options.settings.cpu,
            python=_python(function, options),
            log_format="JSON" if options.log_json else "Text",
        )
        deployed = LocalFunction(deployment, launcher, cgroup, scratch, log)
        cleanup.callback(deployed.close)
        yield deployed


def _python(function: Function, options: InvokeOptions) -> PythonRuntime | None:
    if function.runtime != "python":
        return None
    runtime = install_runtime(interpreter(), BuildCache(options.settings.cache))
    return PythonRuntime(
        interpreter=runtime.interpreter, directory=runtime.directory, minor=runtime.minor
    )


def _output(answers: list[tuple[Answer, str]], options: InvokeOptions) -> str | bytes:
    if not options.json:
        return b"\n".join(answer.payload for answer, _ in answers)
    documents = [_document(answer, text) for answer, text in answers]
    whole = documents if options.repeat > 1 else documents[0]
    return json.dumps(whole, indent=2) + "\n"


def _document(answer: Answer, text: str) -> dict[str, Any]:
    response: Any
    try:
        response = json.loads(answer.payload)
    except ValueError:
        response = answer.payload.decode(errors="replace")
    return {
        "response": response,
        "function_error": answer.function_error,
        "log": text,
        "report": to_json(answer.report),
        "phases": answer.phases,
    }
