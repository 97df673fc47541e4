"""The Go functions' own tests, with the toolchain that builds use."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bench.build.cache import BuildCache
from bench.build.process import ProcessRunner
from bench.build.toolchain import Toolchains

pytestmark = pytest.mark.live

MODULE = Path(__file__).parents[2] / "go_functions"


def test_the_go_functions_pass_their_own_tests() -> None:
    """Every package of the module is tested; the output of a failure is shown."""
    go = Toolchains(BuildCache(), ProcessRunner(), os.environ).go("1.26").path

    result = subprocess.run(
        [str(go), "test", "./..."], cwd=MODULE, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count("ok  ") >= 6
