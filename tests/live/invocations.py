"""The command ``coldbench invoke`` as a user runs it, and what came out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).with_name("programs")
_PATIENCE_S = 120.0


@dataclass(frozen=True, slots=True)
class Invoked:
    """How one command ended."""

    code: int
    stdout: bytes
    stderr: str

    @property
    def body(self) -> Any:
        """The response, which must be JSON."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        """The kinds of the lines of the log: the first word of each."""
        return [line.replace("\t", " ").split(" ")[0] for line in self.stderr.splitlines()]


def coldbench(
    *arguments: str | Path,
    cwd: Path,
    event: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> Invoked:
    """Run ``coldbench invoke`` to its end; ``event`` is its stdin."""
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "bench", "invoke", *map(str, arguments)],
        cwd=cwd,
        env={**clean, **(environment or {})},
        input=event,
        capture_output=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    return Invoked(done.returncode, done.stdout, done.stderr.decode())


def python_function(directory: Path, source: str, manifest: str = "") -> Path:
    """Write a Python function of one module, ``app``."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "app.py").write_text(source)
    if manifest:
        (directory / "function.toml").write_text(manifest)
    return directory


def program(name: str, directory: Path) -> Path:
    """A copy of one of the shipped test programs, which a build may write beside."""
    shutil.copytree(PROGRAMS / name, directory)
    return directory
