"""``python -m tests.go_checks DIRECTORY``: gofmt and go vet, with the toolchain that builds use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.build.cache import BuildCache
from bench.build.process import ProcessRunner
from bench.build.toolchain import Toolchains


def main(directory: Path) -> int:
    """Print what is not formatted or suspicious; 0 if there is nothing."""
    go = str(Toolchains(BuildCache(), ProcessRunner(), os.environ).go(_minimum(directory)).path)
    root = subprocess.run([go, "env", "GOROOT"], check=True, capture_output=True, text=True).stdout
    unformatted = subprocess.run(
        [f"{root.strip()}/bin/gofmt", "-l", "."],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    sys.stdout.write(unformatted)
    vet = subprocess.run([go, "vet", "./..."], cwd=directory, check=False)
    return 1 if unformatted or vet.returncode else 0


def _minimum(directory: Path) -> str:
    """The version that the module's go directive asks for."""
    lines = (directory / "go.mod").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith("go "))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
