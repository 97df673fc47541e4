"""What Lambda does with an environment over its life: freeze, SnapStart, provisioned capacity."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bootstraps import ANSWER
from deployments import Lambda

from bench.build import BuildCache, install_runtime, interpreter
from bench.emulator.cgroups import detect
from bench.emulator.deployment import PythonRuntime
from bench.emulator.function import Configuration, LocalFunction
from bench.emulator.platform_lines import InitReport, InitStart, RestoreReport, RestoreStart

pytestmark = pytest.mark.live

SNAP_START = Configuration(snap_start=True)
RESTORE_NEXT = 'exchange(b"GET /2018-06-01/runtime/restore/next HTTP/1.1\\r\\n\\r\\n")\n'
REPO = Path(__file__).parents[2]


@pytest.fixture(name="python", scope="module")
def _python() -> PythonRuntime:
    """The managed Python runtime's stand-in, from the user's cache if it has been made before."""
    runtime = install_runtime(interpreter(), BuildCache())
    return PythonRuntime(
        interpreter=runtime.interpreter, directory=runtime.directory, minor=runtime.minor
    )


@pytest.fixture(name="managed")
def _managed(cloud: Lambda, python: PythonRuntime, tmp_path: Path) -> Callable[..., LocalFunction]:
    """Deploy a Python source on the real awslambdaric."""

    def deploy(source: str, **settings: Any) -> LocalFunction:
        tree = tmp_path / "python-function"
        tree.mkdir()
        (tree / "app.py").write_text(source)
        return cloud.deploy(
            tree,
            function={"runtime": "python", "handler": "app.handler"},
            python=python,
            **settings,
        )

    return deploy


def test_nothing_runs_between_invokes(cloud: Lambda) -> None:
    """A background thread makes no progress while the environment is frozen, then goes on."""
    if "freezer" not in detect().parents and detect().version != "v2":
        pytest.skip("without a freezer nothing can be frozen")
    init = """
import threading, json
ticks = 0
def tick():
    global ticks
    while True:
        time.sleep(0.01)
        ticks += 1
threading.Thread(target=tick, daemon=True).start()
"""
    handler = """
if event == b"2":
    time.sleep(0.2)
post("invocation/" + request_id + "/response", b"%d" % ticks)
"""
    function = cloud.bootstrap(init=init, handler=handler)

    first = int(function.invoke(b"1").payload)
    threading.Event().wait(0.6)
    second = int(function.invoke(b"1").payload)
    third = int(function.invoke(b"2").payload)

    assert second - first < 20
    assert third - second >= 10


def test_snap_start_restores_before_the_first_event(cloud: Lambda) -> None:
    """Init, RESTORE_START, RESTORE_REPORT, and a report with the restore instead of the init."""
    function = cloud.bootstrap(
        init="time.sleep(0.05)\n" + RESTORE_NEXT + "time.sleep(0.2)\n",
        handler="""
import json
post("invocation/" + request_id + "/response", json.dumps(
    [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "AWS_LAMBDA_LOG_STREAM_NAME" in os.environ]
).encode())
""",
        configuration=SNAP_START,
    )

    first, second = function.invoke(b"{}"), function.invoke(b"{}")

    assert json.loads(first.payload) == ["snap-start", False]
    report = first.report
    assert report.init_duration_ns is None
    assert report.restore_duration_ns is not None
    assert 200_000_000 < report.restore_duration_ns < 2_000_000_000
    assert report.billing == "duration+restore"
    assert first.phases["restore"] == report.restore_duration_ns
    assert second.report.restore_duration_ns is None
    assert [line.initialization_type for line in cloud.lines(InitReport)] == ["snap-start"]
    assert len(cloud.lines(RestoreStart)) == len(cloud.lines(RestoreReport)) == 1


def test_a_runtime_without_hooks_is_restored_in_no_time(cloud: Lambda) -> None:
    """It asks for the next event at once; there is nothing to be timed."""
    report = cloud.bootstrap(handler=ANSWER, configuration=SNAP_START).invoke(b"{}").report

    assert (report.restore_duration_ns, report.billed_restore_duration_ms) == (0, 0)


def test_a_restore_error(cloud: Lambda) -> None:
    """The invoke gets the runtime's own error; the next one starts again."""
    init = (
        RESTORE_NEXT
        + """
body = b'{"errorType": "NoLicence", "errorMessage": "no licence"}'
exchange(("POST /2018-06-01/runtime/restore/error HTTP/1.1\\r\\nContent-Length: %d\\r\\n"
          "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\\r\\n\\r\\n"
          % len(body)).encode() + body)
sys.exit(65)
"""
    )
    answer = cloud.bootstrap(init=init, handler=ANSWER, configuration=SNAP_START).invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "NoLicence"
    assert "\tStatus: error\tError Type: Runtime.AfterRestoreError" in cloud.text
    assert [line.status for line in cloud.lines(RestoreReport)] == ["error"]


def test_a_restore_inside_an_invoke_has_the_time_of_the_invoke(cloud: Lambda) -> None:
    """A hook that hangs makes the invoke time out, not the restore."""
    init = """
import tempfile
mark = os.path.join(tempfile.gettempdir(), "mark")
again = os.path.exists(mark)
open(mark, "w").close()
"""
    function = cloud.bootstrap(
        init=init + RESTORE_NEXT + "if again: time.sleep(60)\n",
        handler="os._exit(1)",
        configuration=SNAP_START,
        timeout_s=0.5,
    )

    function.invoke(b"{}")
    answer = function.invoke(b"{}")

    assert "Task timed out after 0.50 seconds" in json.loads(answer.payload)["errorMessage"]
    assert (answer.report.status, answer.report.duration_ns) == ("timeout", 500_000_000)


def test_the_hooks_of_the_managed_runtime_run(
    cloud: Lambda, managed: Callable[..., LocalFunction]
) -> None:
    """Before the snapshot and after the restore, on the real awslambdaric."""
    source = """
import time
from snapshot_restore_py import register_after_restore, register_before_snapshot
said = []
register_before_snapshot(lambda: said.append("before"))
register_after_restore(lambda: (said.append("after"), time.sleep(0.2)))
def handler(event, context):
    return said
"""
    answer = managed(source, configuration=SNAP_START).invoke(b"{}")

    assert json.loads(answer.payload) == ["before", "after"]
    assert answer.report.restore_duration_ns is not None
    assert answer.report.restore_duration_ns > 200_000_000


def test_a_failing_hook_of_the_managed_runtime(
    cloud: Lambda, managed: Callable[..., LocalFunction]
) -> None:
    """It reports restore/error and exits with 65."""
    source = """
from snapshot_restore_py import register_after_restore
def hook():
    raise LookupError("no licence")
register_after_restore(hook)
def handler(event, context):
    return 1
"""
    answer = managed(source, configuration=SNAP_START).invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "LookupError"
    assert "Error Type: Runtime.AfterRestoreError" in cloud.text


def test_provisioned_concurrency_bills_no_init(cloud: Lambda) -> None:
    """Its init is reported in a line of its own and in no report."""
    function = cloud.bootstrap(
        handler="""
post("invocation/" + request_id + "/response",
     os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"].encode())
""",
        cpu_mode="provisioned",
    )

    answer = function.invoke(b"{}")

    assert answer.payload == b"provisioned-concurrency"
    assert answer.report.init_duration_ns is None
    assert answer.report.billing == "duration"
    assert [line.status for line in cloud.lines(InitReport)] == [None]


def test_a_crash_and_a_timeout_in_the_init(cloud: Lambda) -> None:
    """INIT_REPORT for each phase, before START, and no Init Duration."""
    answer = cloud.bootstrap(init="os._exit(1)", handler="pass").invoke(b"{}")

    assert [line.split(" ")[0] for line in cloud.text.splitlines()] == [
        "INIT_START",
        "INIT_REPORT",
        "INIT_START",
        "INIT_REPORT",
        "START",
        "END",
        "REPORT",
    ]
    assert [line.phase for line in cloud.lines(InitStart)] == ["init", "invoke"]
    assert answer.report.init_duration_ns is None


def test_records_of_several_lines_stay_one(
    cloud: Lambda, managed: Callable[..., LocalFunction]
) -> None:
    """Awslambdaric frames them; printed output around them keeps its place."""
    source = r"""
import logging
def handler(event, context):
    print("before")
    logging.getLogger().warning("two\nlines")
    print("after")
    raise LookupError("gone")
"""
    managed(source).invoke(b"{}")

    outputs = [line.decode() for line in cloud.told if isinstance(line, bytes)]
    assert outputs[0] == "before\n"
    assert outputs[1].startswith("[WARNING]\t")
    assert outputs[1].endswith("two\nlines\n")
    assert outputs[2] == "after\n"
    assert outputs[3].startswith("[ERROR] LookupError: gone\nTraceback (most recent call last):\n")
    assert len(outputs) == 4


def test_the_tail_of_the_log_is_its_last_four_kilobytes(cloud: Lambda) -> None:
    """Base64, the REPORT at its end, whatever the function printed."""
    answer = cloud.bootstrap(
        handler="print('x' * 9_000, flush=True)\n" + ANSWER,
    ).invoke(b"{}")

    tail = base64.b64decode(answer.log_result)
    assert len(tail) == 4_096
    assert tail.splitlines()[-1].startswith(b"REPORT RequestId: ")


def test_functions_run_side_by_side_in_threads(cloud: Lambda) -> None:
    """Each thread has a function of its own, and gets the answers to its own events."""
    handler = 'post("invocation/" + request_id + "/response", event)'
    functions = [cloud.bootstrap(handler=handler) for _ in range(4)]
    answers: dict[int, list[bytes]] = {}

    def work(number: int) -> None:
        answers[number] = [
            functions[number].invoke(b"%d-%d" % (number, i)).payload for i in range(20)
        ]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {n: [b"%d-%d" % (n, i) for i in range(20)] for n in range(4)}


GO = """\
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.StartWithOptions(func(context.Context) (string, error) {
		return "hello", nil
	}, lambda.WithEnableSIGTERM(func() {
		fmt.Println("SIGTERM handled")
		time.Sleep(time.Minute)
	}))
}
"""


def test_the_sigterm_of_go(cloud: Lambda, tmp_path: Path) -> None:
    """aws-lambda-go registers its internal extension, and its callback runs at the shutdown."""
    source, tree = tmp_path / "go", tmp_path / "go-function"
    source.mkdir()
    tree.mkdir()
    (source / "main.go").write_text(GO)
    for name in ("go.mod", "go.sum"):
        (source / name).write_bytes((REPO / "go_functions" / name).read_bytes())
    subprocess.run(
        ["go", "build", "-mod=mod", "-o", str(tree / "bootstrap"), "."],
        cwd=source,
        env={**os.environ, "CGO_ENABLED": "0"},
        check=True,
    )
    function = cloud.deploy(tree)

    answer = function.invoke(b"{}")
    function.close()

    assert answer.payload == b'"hello"'
    assert "EXTENSION\tName: GoLangEnableSIGTERM\tState: Ready\tEvents: []" in cloud.text
    assert "SIGTERM handled" in cloud.text
