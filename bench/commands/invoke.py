"""``coldbench invoke``: one function, its events, and what Lambda would print and answer."""

from __future__ import annotations

import errno
import gc
import signal
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.processes import Launcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.build import BuildCache
    from bench.commands.invoke_output import Output
    from bench.commands.options import InvokeOptions
    from bench.emulator.deployment import Deployment
    from bench.emulator.ephemeral_storage import Making
    from bench.emulator.function import LocalFunction
    from bench.emulator.limits import Cgroup
    from bench.subjects import CpuMode, Function

_FUNCTION_FAILED = 1
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def execute(options: InvokeOptions) -> tuple[str | bytes, int]:
    """Build the function, give it the event, and answer as Lambda does.

    Responses go to stdout as they come; the text that is returned is what is left to print.

    Raises:
        UsageError: the event or the directory cannot be used.
        BuildError: the function does not build.
        StorageError: there is no space for its files.
    """
    gc.disable()  # until the function runs, as most of what follows imports modules
    support = limits.usable(enter_v2(detect()))
    limits.remove_abandoned(support)
    with ExitStack() as removals, closing(Launcher()) as launcher:
        for signum in _STOP_SIGNALS:
            removals.callback(signal.signal, signum, signal.getsignal(signum))
        cgroup = limits.create(support, limits.owner_name())
        if cgroup is not None:
            removals.callback(cgroup.remove)
            launcher.begin_join(cgroup.procs_files)
        # Only now the rest is imported: the launcher starts meanwhile, on another processor.
        from bench.commands.invoke_output import Output

        output = Output(options)
        removals.callback(output.flush)
        if cgroup is None:
            output.note(support.reason)
        try:
            return _invoke(options, launcher, cgroup, output, removals)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise _no_space(error, options) from error


def _invoke(
    options: InvokeOptions,
    launcher: Launcher,
    cgroup: Cgroup | None,
    output: Output,
    removals: ExitStack,
) -> tuple[str | bytes, int]:
    from bench.build import BuildCache
    from bench.commands.invoke_build import artifact_of
    from bench.commands.invoke_input import read_event, read_function
    from bench.emulator.invocation import Caller

    cache = BuildCache(options.settings.cache)
    scratch = removals.enter_context(cache.temporary())
    image = _image_of_tmp(options, scratch)
    if image is not None:
        removals.callback(image.close)
    function, is_package = read_function(options, scratch / "package")
    event = read_event(options.event, function, options.cwd)
    if is_package:
        tree, handler, minor = scratch / "package", function.handler, function.runtime_version
    else:
        artifact = artifact_of(function, options, cache, output.note)
        tree, handler, minor = artifact.tree_path, artifact.handler, artifact.python_minor
    deployment = _deployment(function, tree, handler, minor, options, cache, output)
    deployment = _with_limited_tmp(deployment, image, options, launcher, output)
    caller = Caller(
        trace_id=options.trace_id,
        client_context=options.client_context,
        cognito_identity=options.cognito_identity,
    )
    failed = False
    snap_start = options.cpu == "snap-start"
    with _deployed(deployment, snap_start, launcher, cgroup, scratch, output) as deployed:
        gc.enable()
        for left in reversed(range(options.repeat)):
            answer = deployed.invoke(event, caller=caller, stream_to=output.sink, last=left == 0)
            output.add(answer)
            failed = failed or answer.function_error is not None
    return output.rest(), _FUNCTION_FAILED if failed else 0


def _finish_undisturbed() -> None:
    """Let no second Ctrl-C interrupt what the first one set off: to end and remove everything."""
    for signum in _STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def _no_space(error: OSError, options: InvokeOptions) -> Exception:
    from bench.commands.invoke_build import NO_SPACE_HINT
    from bench.errors import StorageError

    where = error.filename or options.settings.cache
    return StorageError(
        f"no space left to write {where}",
        hint=NO_SPACE_HINT,
    )


def _deployment(
    function: Function,
    tree: Path,
    handler: str,
    minor: str | None,
    options: InvokeOptions,
    cache: BuildCache,
    output: Output,
) -> Deployment:
    from bench.commands.invoke_build import python_of
    from bench.emulator import layers
    from bench.emulator.deployment import Deployment

    if options.layers:
        layers.check(options.layers)
    return Deployment(
        function=function,
        handler=handler,
        tree=tree,
        memory_mb=function.memory_mb,
        cpu_mode=_cpu_mode(options),
        python=python_of(minor, cache, output.note) if function.runtime == "python" else None,
        log_format="JSON" if options.log_json else "Text",
        layers=options.layers,
    )


def _image_of_tmp(options: InvokeOptions, scratch: Path) -> Making | None:
    """A file system of the size of ``/tmp``, made while other things begin.

    Lambda's default is left out where it might not work, with no word but that of `doctor`.
    """
    from bench.emulator import ephemeral_storage

    size_mb = options.ephemeral_storage_mb
    if size_mb is None and ephemeral_storage.is_certain():
        size_mb = ephemeral_storage.DEFAULT_MB
    if size_mb is None or ephemeral_storage.obstacle() is not None:
        return None
    return ephemeral_storage.Making(scratch / ephemeral_storage.IMAGE, size_mb)


def _with_limited_tmp(
    deployment: Deployment,
    image: Making | None,
    options: InvokeOptions,
    launcher: Launcher,
    output: Output,
) -> Deployment:
    """The size of ``/tmp`` where this machine can enforce it, else a word to who asked for it."""
    from dataclasses import replace

    from bench.emulator import ephemeral_storage
    from bench.errors import MeasurementError

    wanted = options.ephemeral_storage_mb
    obstacle = launcher.root_obstacle or ephemeral_storage.obstacle()
    if image is None or obstacle is not None:
        if wanted is not None:
            output.note(f"/tmp is not limited to {wanted} MB here: {obstacle}")
        return deployment
    try:
        image.finish()
    except MeasurementError as error:
        if wanted is not None:
            raise
        output.note(f"/tmp is not limited here: {error.message}")
        return deployment
    return replace(deployment, ephemeral_storage_mb=image.size_mb)


def _cpu_mode(options: InvokeOptions) -> CpuMode:
    """SnapStart is a protocol, beside the quota of an on-demand environment."""
    if options.cpu == "snap-start":
        return "on-demand"
    return options.cpu or options.settings.cpu


@contextmanager
def _deployed(
    deployment: Deployment,
    snap_start: bool,
    launcher: Launcher,
    cgroup: Cgroup | None,
    scratch: Path,
    output: Output,
) -> Iterator[LocalFunction]:
    """The function, ready for its first event; ended when the context is left."""
    import shutil
    from dataclasses import replace

    from bench.emulator.function import Configuration, LocalFunction

    if cgroup is not None:
        launcher.await_join()
    if launcher.root_obstacle is not None:
        from bench.emulator.root_filesystem import sentence

        output.note(sentence(launcher.root_obstacle))
    if launcher.root_obstacle is not None and deployment.tree.parent != scratch:
        # Without a read-only mount a function could write to its package in the cache.
        tree = scratch / "task"
        shutil.copytree(deployment.tree, tree, symlinks=True)
        deployment = replace(deployment, tree=tree)
    configuration = Configuration(snap_start=snap_start)
    deployed = LocalFunction(
        deployment,
        launcher,
        cgroup,
        scratch,
        output.log,
        configuration,
        live=output.follows,
        whole_log=output.wants_log,
    )
    try:
        yield deployed
    finally:
        _finish_undisturbed()
        deployed.close()
