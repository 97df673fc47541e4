"""The lifecycle of one function: real processes, several events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bootstraps import ANSWER, order_of, write_bootstrap

from bench.emulator import limits
from bench.emulator.cgroups import detect, enter_v2
from bench.emulator.deployment import Deployment
from bench.emulator.function import LocalFunction
from bench.emulator.platform_lines import End, InitReport, InitStart, PlatformLine, Report, Start
from bench.emulator.processes import Launcher

pytestmark = pytest.mark.live

Deploy = Callable[..., LocalFunction]


@pytest.fixture(name="told")
def _told() -> list[PlatformLine | bytes]:
    return []


@pytest.fixture(name="deploy")
def _deploy(tmp_path: Path, told: list[PlatformLine | bytes]) -> Iterator[Deploy]:
    launcher = Launcher()
    support = limits.usable(enter_v2(detect()))
    cgroup = limits.create(support, limits.owner_name())
    if cgroup is not None:
        launcher.join(cgroup.procs_files)
    deployed: list[LocalFunction] = []

    def deploy(
        *, handler: str = ANSWER, init: str = "", timeout_s: float = 5.0, memory_mb: int = 1769
    ) -> LocalFunction:
        tree = write_bootstrap(tmp_path / "function", handler=handler, init=init)
        function = order_of(tree, timeout_s=timeout_s).function
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        deployment = Deployment(
            function=function,
            handler="bootstrap",
            tree=tree,
            memory_mb=memory_mb,
            cpu_mode="on-demand",
        )
        deployed.append(LocalFunction(deployment, launcher, cgroup, scratch, told.append))
        return deployed[-1]

    yield deploy
    for function in deployed:
        function.close()
    launcher.close()
    if cgroup is not None:
        cgroup.remove()


def _kinds(told: list[PlatformLine | bytes]) -> list[type]:
    return [type(line) for line in told if not isinstance(line, bytes)]


def test_a_cold_and_a_warm_invoke(deploy: Deploy, told: list[PlatformLine | bytes]) -> None:
    """Init comes before the first event only, and only its report has an Init Duration."""
    function = deploy()

    cold, warm = function.invoke(b"{}"), function.invoke(b"{}")

    assert _kinds(told) == [InitStart, Start, End, Report, Start, End, Report]
    assert cold.report.init_duration_ns is not None
    assert cold.report.billing == "duration+init"
    assert warm.report.init_duration_ns is None
    assert cold.payload == warm.payload == b"{}"


def test_globals_live_as_long_as_the_environment(deploy: Deploy) -> None:
    """A counter goes on from one invoke to the next."""
    count = """
counter = globals().get("counter", 0) + 1
post("invocation/" + request_id + "/response", b"%d" % counter)
"""
    function = deploy(handler=count)

    assert [function.invoke(b"{}").payload for _ in range(3)] == [b"1", b"2", b"3"]


def test_output_of_the_function_stands_between_its_platform_lines(
    deploy: Deploy, told: list[PlatformLine | bytes]
) -> None:
    """What init prints comes before START, what the handler prints before END."""
    function = deploy(
        init='print("in init", flush=True)', handler='print("in handler", flush=True)\n' + ANSWER
    )
    function.invoke(b"{}")

    assert [line if isinstance(line, bytes) else type(line) for line in told] == [
        InitStart,
        b"in init\n",
        Start,
        b"in handler\n",
        End,
        Report,
    ]


def test_an_error_of_the_handler_is_unhandled_and_leaves_the_environment(deploy: Deploy) -> None:
    """The payload is the runtime's own JSON, and the next event is warm."""
    body = '{"errorType": "NoStock", "errorMessage": "no stock"}'
    function = deploy(handler=f"post('invocation/' + request_id + '/error', b'{body}')")

    first, second = function.invoke(b"{}"), function.invoke(b"{}")

    assert first.function_error == "Unhandled"
    assert json.loads(first.payload) == json.loads(body)
    assert first.report.status is None
    assert second.report.init_duration_ns is None


def test_a_crash_resets_the_environment_and_the_next_invoke_initialises_again(
    deploy: Deploy, told: list[PlatformLine | bytes]
) -> None:
    """The init inside the second invoke is in its Duration; what is in /tmp survives."""
    handler = f"""
import tempfile
mark = os.path.join(tempfile.gettempdir(), "mark")
if not os.path.exists(mark):
    open(mark, "w").close()
    os._exit(7)
{ANSWER}
"""
    function = deploy(handler=handler, init="time.sleep(0.2)")

    crashed, again = function.invoke(b"{}"), function.invoke(b"{}")

    error = json.loads(crashed.payload)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"] == (
        f"RequestId: {crashed.report.request_id} Error: Runtime exited with error: exit status 7"
    )
    assert (crashed.report.status, crashed.report.error_type) == ("error", "Runtime.ExitError")
    assert again.function_error is None
    assert again.report.init_duration_ns is None
    assert again.report.duration_ns > 200_000_000
    assert _kinds(told).count(InitStart) == 2


def test_a_timeout_ends_the_invoke_at_the_limit(deploy: Deploy) -> None:
    """Duration is the timeout, and the status says so."""
    function = deploy(handler="time.sleep(60)", timeout_s=0.4)

    answer = function.invoke(b"{}")

    assert json.loads(answer.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": (
            f"RequestId: {answer.report.request_id} Error: Task timed out after 0.40 seconds"
        ),
    }
    assert answer.report.duration_ns == 400_000_000
    assert answer.report.status == "timeout"


@pytest.mark.parametrize(
    ("afterwards", "status"),
    [("os._exit(1)", "error"), ("time.sleep(60)", "timeout")],
    ids=["crash", "hang"],
)
def test_a_response_is_the_callers_whatever_follows(
    deploy: Deploy, told: list[PlatformLine | bytes], afterwards: str, status: str
) -> None:
    """The failure is in the report, and the next event gets a new environment."""
    function = deploy(handler=f"{ANSWER}\n{afterwards}", timeout_s=0.5)

    first, second = function.invoke(b"{}"), function.invoke(b"{}")

    assert [(a.payload, a.function_error) for a in (first, second)] == [(b"{}", None)] * 2
    assert [a.report.status for a in (first, second)] == [status, status]
    assert [line.phase for line in told if isinstance(line, InitStart)] == ["init", "invoke"]


def test_an_error_is_the_callers_whatever_follows(deploy: Deploy) -> None:
    """The runtime's own words, also where it takes too long after them."""
    body = '{"errorType": "NoStock", "errorMessage": "no stock"}'
    function = deploy(
        handler=f"post('invocation/' + request_id + '/error', b'{body}')\ntime.sleep(60)",
        timeout_s=0.5,
    )

    answer = function.invoke(b"{}")

    assert json.loads(answer.payload) == json.loads(body)
    assert (answer.report.status, answer.report.error_type) == ("timeout", None)


def test_an_error_that_is_called_like_one_of_lambdas_leaves_the_environment(
    deploy: Deploy, told: list[PlatformLine | bytes]
) -> None:
    """What a function reports says nothing about its processes."""
    body = '{"errorType": "Runtime.ExitError", "errorMessage": "not really"}'
    function = deploy(handler=f"post('invocation/' + request_id + '/error', b'{body}')")

    first, second = function.invoke(b"{}"), function.invoke(b"{}")

    assert json.loads(first.payload) == json.loads(body)
    assert (first.report.status, second.report.status) == (None, None)
    assert _kinds(told).count(InitStart) == 1


def test_an_init_inside_an_invoke_that_takes_too_long(deploy: Deploy) -> None:
    """It is the invoke that timed out, in the words of any timeout."""
    init = """
import tempfile
mark = os.path.join(tempfile.gettempdir(), "mark")
if os.path.exists(mark):
    time.sleep(60)
open(mark, "w").close()
"""
    function = deploy(init=init, handler="os._exit(7)", timeout_s=0.5)

    function.invoke(b"{}")
    answer = function.invoke(b"{}")

    assert json.loads(answer.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": (
            f"RequestId: {answer.report.request_id} Error: Task timed out after 0.50 seconds"
        ),
    }
    assert answer.report.status == "timeout"


def test_an_exit_without_an_error(deploy: Deploy) -> None:
    """Status 0 is no reason."""
    answer = deploy(handler="os._exit(0)").invoke(b"{}")

    assert json.loads(answer.payload)["errorMessage"].endswith(
        "Error: Runtime exited without providing a reason"
    )
    assert answer.report.error_type == "Runtime.ExitError"


def test_a_failed_init_is_repeated_inside_the_invoke(
    deploy: Deploy, told: list[PlatformLine | bytes]
) -> None:
    """Lambda reports the init of both phases, then the invoke, without an Init Duration."""
    answer = deploy(init="sys.exit(3)").invoke(b"{}")

    reports = [line for line in told if isinstance(line, InitReport)]
    assert [(r.phase, r.status, r.error_type) for r in reports] == [
        ("init", "error", "Runtime.ExitError"),
        ("invoke", "error", "Runtime.ExitError"),
    ]
    assert answer.function_error == "Unhandled"
    assert answer.report.init_duration_ns is None


def test_memory_above_the_limit(deploy: Deploy) -> None:
    """The runtime is killed, and all of the memory counts as used."""
    if "memory" not in detect().parents:
        pytest.skip("without the memory controller nothing is limited")
    grow = "x = bytearray(300_000_000)\nx[::4096] = b'x' * len(x[::4096])\n"

    answer = deploy(handler=grow + ANSWER, memory_mb=128).invoke(b"{}")

    assert "signal: killed" in json.loads(answer.payload)["errorMessage"]
    assert answer.report.max_memory_used_mb == 128


def _invoke(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "invoke", *arguments],
        cwd=tmp_path,
        env={**os.environ, "COLDBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_answers_on_stdout_and_logs_on_stderr(tmp_path: Path) -> None:
    """The body is untouched; START, END and REPORT go to stderr; nothing is left in the cache."""
    write_bootstrap(
        tmp_path / "echo", handler='post("invocation/" + request_id + "/response", event)'
    )

    result = _invoke(tmp_path, "echo", "--event", '{"a":  1}')

    assert (result.returncode, result.stdout) == (0, '{"a":  1}')
    assert [line.split(" ")[0] for line in result.stderr.splitlines()] == [
        "INIT_START",
        "START",
        "END",
        "REPORT",
    ]
    assert list((tmp_path / "cache" / "tmp").iterdir()) == []


def test_the_command_ends_with_1_when_the_function_failed(tmp_path: Path) -> None:
    """The error is printed as Lambda would return it; with --json it is in a document."""
    write_bootstrap(tmp_path / "broken", handler="os._exit(2)")

    plain = _invoke(tmp_path, "broken", "--event", "{}")
    documents = json.loads(
        _invoke(tmp_path, "broken", "--event", "{}", "--json", "--repeat", "2").stdout
    )

    assert plain.returncode == 1
    assert json.loads(plain.stdout)["errorType"] == "Runtime.ExitError"
    assert [d["function_error"] for d in documents] == ["Unhandled", "Unhandled"]
    assert documents[0].keys() == {"response", "function_error", "log", "report", "phases"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "there is no directory `nowhere`"),
        (("echo", "--event", "{bad"), "not JSON"),
        (("echo", "--memory", "127"), "128"),
        (("echo", "--repeat", "0"), "--repeat"),
        (("echo", "--env", "novalue"), "NAME=VALUE"),
        (("echo", "--variant", "smallest"), "unknown variant"),
        (("echo", "--log-format", "xml"), "log format"),
    ],
)
def test_mistakes_are_explained(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    """Exit 2, one sentence, no traceback."""
    write_bootstrap(tmp_path / "echo")

    result = _invoke(tmp_path, *arguments)

    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
