"""What ``coldbench invoke`` says of failures, of the runtime, and of limits of all kinds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    """The REPORT has it in its status, the caller in words; nothing is written before END."""
    invoked = invoke(tmp_path, "--timeout", "0.2", handler="time.sleep(9)")

    assert between_start_and_end(invoked.stderr) == ""
    assert invoked.stderr.rstrip().endswith("\tStatus: timeout")
    assert invoked.body["errorMessage"].endswith("Error: Task timed out after 0.20 seconds")


@pytest.mark.parametrize("handler", ["os._exit(3)", _ERROR], ids=["silent", "after its error"])
def test_a_crash_in_the_text_log(tmp_path: Path, handler: str) -> None:
    """The REPORT has status and type, also after an error that the runtime reported."""
    log = invoke(tmp_path, handler=handler).stderr

    assert between_start_and_end(log) == ""
    assert log.rstrip().endswith("\tStatus: error\tError Type: Runtime.ExitError")


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
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "No space left on device\n"),
        (("--ephemeral-storage", "512"), "No space left on device\n"),
        (("--ephemeral-storage", "1024"), ""),
    ],
)
def test_the_size_of_tmp(tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    """More than `--ephemeral-storage` does not fit; without it Lambda's 512 MB hold."""
    handler = f"""
try:
    with open("/tmp/file", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 600 << 20)
except OSError as error:
    print(error.strerror, flush=True)
{ANSWER}
"""
    log = invoke(tmp_path, *options, handler=handler).stderr

    assert between_start_and_end(log) == said


def test_the_log_comes_while_the_function_goes_on(tmp_path: Path) -> None:
    """Whoever waits for an event of minutes sees what happens meanwhile."""
    handler = "print('at work', flush=True)\ntime.sleep(60)"
    with running(tmp_path, handler, "--timeout", "90") as process:
        assert process.stderr is not None
        seen = next(line for line in process.stderr if b"at work" in line)

        assert seen == b"at work\n"
        assert process.poll() is None


def test_who_reads_the_log_slowly_does_not_make_the_function_late(tmp_path: Path) -> None:
    """It had its say in time, although nobody has taken its log from us."""
    handler = f"""
for _ in range(10):
    print("x" * 99_999, flush=True)
    time.sleep(0.1)
{ANSWER}
"""
    with running(tmp_path, handler, "--timeout", "3") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        time.sleep(4)
        log = process.stderr.read()

        assert log.count(b"x" * 99_999 + b"\n") == 10
        assert b"timed out" not in log
        assert process.stdout.read() == b"{}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take away from itself")
def test_what_this_machine_does_not_permit_is_said(tmp_path: Path) -> None:
    """Once for each invoke, in the words of `doctor`; without a private root also for layers."""
    write_bootstrap(tmp_path / "function")
    root = tmp_path / "root"
    root.mkdir()
    # Whoever is in a chroot cannot get capabilities back by a user namespace.
    poorer = (
        f"mount --rbind / {root} && umount -lR {root}/sys/fs/cgroup; exec chroot {root} "
        f"setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {sys.executable} "
        f"-m bench invoke {tmp_path}/function --event 1 --repeat 2 --cache {tmp_path}/cache"
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", poorer],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = [line for line in done.stderr.splitlines() if line.startswith("coldbench: ")]
    assert (done.returncode, done.stdout) == (0, "{}\n{}")
    assert said == [
        "coldbench: no cgroup file system here: CPU is not limited and memory sizes are modelled",
        f"coldbench: {root_filesystem.sentence('Operation not permitted')}".replace(
            "Operation not", "unshare: Operation not"
        ),
    ]


@contextmanager
def running(tmp_path: Path, handler: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """An invoke that goes on; it is ended when the context is left."""
    write_bootstrap(tmp_path / "function", handler=handler)
    with subprocess.Popen(
        [sys.executable, "-m", "bench", "invoke", "function", "--event", "1", *options],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)


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
