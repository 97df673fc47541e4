"""What ``coldbench invoke`` says of failures, of the runtime, and of limits of all kinds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bootstraps import ANSWER, write_bootstrap
from invocations import Invoked, coldbench, python_function

from bench.emulator import ephemeral_storage, root_filesystem
from bench.emulator.cgroups import detect

pytestmark = pytest.mark.live

_ERROR = """
post("invocation/" + request_id + "/error", b'{"errorType": "E", "errorMessage": "m"}')
sys.exit(4)
"""


def invoke(tmp_path: Path, *arguments: str, **bootstrap: str) -> Invoked:
    """Invoke a bootstrap that is made from statements."""
    write_bootstrap(tmp_path / "function", **bootstrap)
    cache = {"COLDBENCH_CACHE": str(tmp_path / "cache")}
    return coldbench("function", *arguments, cwd=tmp_path, environment=cache)


def between_start_and_end(log: str) -> str:
    """The log without the lines around it, and with `ID` for the request's id."""
    found = re.search(r"START RequestId: (\S+) .*?\n(.*)END RequestId", log, re.DOTALL)
    assert found is not None, log
    return found[2].replace(found[1], "ID")


def test_a_timeout_in_the_text_log(tmp_path: Path) -> None:
    """Lambda writes when it happened and how long it had waited, and an empty line."""
    log = invoke(tmp_path, "--timeout", "0.2", handler="time.sleep(9)").stderr

    said = between_start_and_end(log)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ID Task timed out after 0\.20 seconds\n\n", said
    )


@pytest.mark.parametrize(
    ("handler", "status"), [("os._exit(3)", 3), (_ERROR, 4)], ids=["silent", "after its error"]
)
def test_a_crash_in_the_text_log(tmp_path: Path, handler: str, status: int) -> None:
    """Lambda writes how the runtime ended and the type, also after an error that it reported."""
    said = between_start_and_end(invoke(tmp_path, handler=handler).stderr)

    assert said == (
        f"RequestId: ID Error: Runtime exited with error: exit status {status}\nRuntime.ExitError\n"
    )


def test_the_json_log_has_failures_in_its_report_only(tmp_path: Path) -> None:
    """Every line of the platform's is an object."""
    log = invoke(tmp_path, "--log-format", "json", handler="os._exit(3)").stderr

    assert all(line.startswith("{") for line in log.splitlines())
    assert '"errorType":"Runtime.ExitError"' in log.splitlines()[-1]


def test_the_runtime_is_called_by_its_version(tmp_path: Path) -> None:
    """The form is Lambda's, the version true, and in place of a build number it says local."""
    custom = invoke(tmp_path).stderr
    python_function(tmp_path / "python", "def handler(event, context):\n    return 1\n")
    python = coldbench("python", cwd=tmp_path).stderr

    assert "INIT_START Runtime Version: provided:al2023.local\t" in custom
    assert re.search(r"INIT_START Runtime Version: python:3\.\d+\.\d+\S*\.local\t", python)


def test_memory_of_child_processes_counts(tmp_path: Path) -> None:
    """Max Memory Used is that of the environment, where the kernel knows who belongs to it."""
    if detect().version == "none":
        pytest.skip("without a cgroup only the main process is known")
    child = "x = bytearray(100 << 20); x[::4096] = b'x' * len(x[::4096]); print(flush=True)"
    handler = f"""
import subprocess
child = subprocess.Popen(
    [sys.executable, "-S", "-c", {child + "; import time; time.sleep(9)"!r}],
    stdout=subprocess.PIPE,
)
child.stdout.readline()
{ANSWER}
"""
    log = invoke(tmp_path, handler=handler).stderr

    used = re.search(r"Max Memory Used: (\d+) MB", log)
    assert used is not None
    assert int(used[1]) > 100


@pytest.mark.skipif(
    root_filesystem.obstacle() is not None or ephemeral_storage.obstacle() is not None,
    reason="the size of /tmp cannot be limited here",
)
def test_the_size_of_tmp(tmp_path: Path) -> None:
    """More than `--ephemeral-storage` does not fit."""
    handler = f"""
try:
    with open("/tmp/file", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 600 << 20)
except OSError as error:
    print(error.strerror, flush=True)
{ANSWER}
"""
    log = invoke(tmp_path, "--ephemeral-storage", "512", handler=handler).stderr

    assert between_start_and_end(log) == "No space left on device\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams(tmp_path: Path, closed: str) -> None:
    """What the caller has closed is as good as nowhere, and no file of ours gets its number."""
    write_bootstrap(tmp_path / "function")
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m bench invoke function --event 1 {closed}"],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, b"rror" in done.stderr) == (0, False)
    assert done.stdout in (b"", b"{}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_under_a_build(tmp_path: Path) -> None:
    """The tool's own words, and what to do about it, which is not to look at the source."""
    cache = tmp_path / "cache"
    cache.mkdir()
    function = Path(__file__).parents[2] / "go_functions" / "hello"
    done = subprocess.run(
        [
            *("unshare", "-m", "sh", "-c"),
            'mount -t tmpfs -o size=2m none "$0" && exec "$@"',
            *(str(cache), sys.executable, "-m", "bench", "invoke", str(function)),
            *("--cache", str(cache)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 3
    assert "no space left on device" in done.stderr
    assert "hint: free some, or choose another directory: `--cache DIR`" in done.stderr
