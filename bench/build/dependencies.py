"""The packages that a Python function is deployed with, installed by ``uv`` for Lambda.

One set of requirements is installed and compiled once, whatever functions and variants use it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.build.archive import files_of, normal_mode
from bench.build.bytecode import compile_sources
from bench.build.cache import content_key
from bench.build.process import Command, shell_line
from bench.build.requirements import Requirements
from bench.build.toolchain import Python, machine
from bench.build.workshop import Workshop
from bench.errors import BuildError

KIND = "dependencies"
TASK_ROOT = "/var/task"

#: Amazon Linux 2023, under Lambda's Python 3.12 and later, has glibc 2.34; of the platforms that it
#: can load, this is the one that packages publish wheels for.
_PLATFORM = "manylinux_2_28"
#: Settings of the user's environment that would make it another installation.
_FOREIGN = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "UV_PYTHON",
    "UV_COMPILE_BYTECODE",
    "UV_SYSTEM_PYTHON",
    "UV_TARGET",
    "UV_LINK_MODE",
    "CONDA_PREFIX",
)


class InstallError(BuildError):
    """``uv`` said no: its own message, and the command that can be run again."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command


def key_of(requirements: Requirements, python: Python, uv_version: str, prefix: str) -> str:
    """The key under which the installed tree is cached."""
    return content_key(
        {
            "requirements": requirements.contents,
            "python": python.version,
            "uv": uv_version,
            "platform": [machine(), _PLATFORM],
            "prefix": prefix,
        }
    )


def installed(
    requirements: Requirements, python: Python, workshop: Workshop, prefix: str = TASK_ROOT
) -> Path:
    """The directory with the installed and compiled packages, from the cache or made now.

    Raises:
        InstallError: a package does not exist, has no wheel for Lambda, or cannot be reached.
    """
    _, uv_version = workshop.tools.uv()
    key = key_of(requirements, python, uv_version, prefix)
    with workshop.cache.lock(f"{KIND}-{key[:2]}", lambda: workshop.run.stopped):
        entry = workshop.cache.find(KIND, key)
        if entry is None:

            def write(directory: Path) -> None:
                _install(requirements, python, workshop, directory, prefix)

            entry = workshop.cache.store(KIND, key, write)
    return entry


def install_command(requirements: Requirements, python: Python, uv: Path, target: str) -> list[str]:
    """The arguments of the installation, as run and as shown to the user."""
    return [
        *(str(uv), "pip", "install", "--target", target, "--requirements", str(requirements.file)),
        *("--python", str(python.path), "--python-platform", f"{machine()}-{_PLATFORM}"),
        *("--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"),
        *(["--require-hashes"] if requirements.require_hashes else []),
        *("--no-progress", "--color", "never"),
    ]


def _install(
    requirements: Requirements, python: Python, workshop: Workshop, directory: Path, prefix: str
) -> None:
    directory.mkdir(exist_ok=True)
    uv, _ = workshop.tools.uv()
    environment = {k: v for k, v in workshop.environ.items() if k not in _FOREIGN}
    done = workshop.run(
        Command(
            arguments=tuple(install_command(requirements, python, uv, str(directory))),
            cwd=requirements.file.parent,
            environment=environment,
        )
    )
    if done.status != 0:
        shown = shell_line(install_command(requirements, python, uv, "DIR"), {})
        raise InstallError(done.message, shown)
    _remove_local_traces(directory)
    sources = [name for name, _ in files_of(directory) if name.endswith(".py")]
    compile_sources(
        directory, sources, prefix=prefix, python=python, cache=workshop.cache, run=workshop.run
    )
    for _, path in files_of(directory):
        path.chmod(normal_mode(path))


def _remove_local_traces(directory: Path) -> None:
    """Remove what names this machine or was not in a wheel: scripts, locks, bytecode."""
    shutil.rmtree(directory / "bin", ignore_errors=True)
    (directory / ".lock").unlink(missing_ok=True)
    for cached in sorted(directory.rglob("__pycache__")):
        shutil.rmtree(cached)
    for metadata in sorted(directory.glob("*.dist-info")):
        for name in ("direct_url.json", "uv_cache.json", "REQUESTED"):
            (metadata / name).unlink(missing_ok=True)
        record = metadata / "RECORD"
        if record.is_file():
            record.write_text(_existing(record.read_text(encoding="utf-8"), directory), "utf-8")


def _existing(record: str, directory: Path) -> str:
    lines = record.splitlines(keepends=True)
    return "".join(line for line in lines if (directory / line.split(",")[0]).is_file())
