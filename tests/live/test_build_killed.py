"""A build whose process is killed with -9, and what it had started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

#: A build that runs a driver, which runs a compiler; both write their process ids.
BUILD = """
import sys
from pathlib import Path
from bench.build.process import Command, ProcessRunner

script = 'echo $$ > driver; sh -c "echo \\\\$\\\\$ > compiler; sleep 60" & wait'
ProcessRunner()(Command(arguments=("/bin/sh", "-c", script), cwd=Path(sys.argv[1])))
"""


def test_killing_a_build_ends_its_compilers(tmp_path: Path) -> None:
    """Neither the driver nor the process that it started survives a kill -9 of the build."""
    build = subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)])
    pids = [_written(tmp_path / name) for name in ("driver", "compiler")]
    assert all(_runs(pid) for pid in pids)

    build.send_signal(signal.SIGKILL)
    build.wait()

    assert _until(lambda: not any(_runs(pid) for pid in pids))


def _written(path: Path) -> int:
    assert _until(lambda: path.exists() and path.read_text().strip() != "")
    return int(path.read_text())


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _until(condition: Callable[[], bool]) -> bool:
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False
