"""What ``coldbench invoke`` runs: the package that it builds, and the Python below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.build import build_matrix
from bench.build.process import Command, Completed, ProcessRunner
from bench.emulator.deployment import PythonRuntime
from bench.errors import BuildError, UnknownName
from bench.functions.directory import recipes
from bench.functions.variants import BASELINES

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.build import BuildCache, BuildEvent
    from bench.commands.invoke_options import InvokeOptions
    from bench.subjects import Artifact, Function

    Note = Callable[[str], None]

NO_SPACE_HINT = "free some, or choose another directory: `--cache DIR` or COLDBENCH_CACHE=DIR"


def artifact_of(
    function: Function, options: InvokeOptions, cache: BuildCache, note: Note
) -> Artifact:
    """Build the variant that is asked for, or find it built; ``note`` is told what takes time.

    Raises:
        UnknownName: the function has no such variant.
        BuildError: it does not build.
    """
    known = {v.id: v for v in recipes(function)}
    wanted = options.variant or BASELINES[function.runtime]
    if options.variant is None and wanted not in known:
        wanted = next(iter(known))
    if wanted not in known:
        raise UnknownName("variant", wanted, known)

    def tell(event: BuildEvent) -> None:
        # To copy a custom function takes no time that anybody would wonder about.
        if event.state == "started" and function.runtime != "custom":
            note(f"building {event.function}, variant {event.variant}")

    result = build_matrix(
        [(function, known[wanted])], cache=cache, prove_reproducible=False, observer=tell
    )
    for failure in result.failures:
        text = f"{function.id} does not build: {failure.command}\n{failure.message}"
        raise BuildError(text, hint=_hint(text))
    (artifact,) = result.artifacts
    for warning in artifact.warnings:
        note(warning)
    return artifact


def python_of(minor: str | None, cache: BuildCache, note: Note) -> PythonRuntime:
    """What functions for Python ``minor`` run on; it is installed when it is first needed.

    Raises:
        BuildError: it cannot be installed.
    """
    from bench.build import runtime_for

    try:
        runtime = runtime_for(minor, cache, _TellingRunner(note))
    except BuildError as error:
        raise BuildError(error.message, hint=_hint(error.message) or error.hint) from error
    return PythonRuntime(
        interpreter=runtime.interpreter,
        directory=runtime.directory,
        minor=runtime.minor,
        version=runtime.version,
    )


def _hint(message: str) -> str | None:
    """What helps against a failure that is the machine's and not the source's."""
    return NO_SPACE_HINT if "no space left on device" in message.lower() else None


class _TellingRunner(ProcessRunner):
    """Says what it installs, which takes seconds and a network."""

    def __init__(self, note: Note) -> None:
        super().__init__()
        self._note = note

    def __call__(self, command: Command) -> Completed:
        """Run one process."""
        if "install" in command.arguments:
            is_python = "pip" not in command.arguments
            what = "Python" if is_python else "Lambda's Python runtime (awslambdaric, boto3)"
            self._note(f"installing {what} into the cache, once")
        return super().__call__(command)
