"""External and internal extensions as real processes beside real runtimes."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from pathlib import Path

import pytest
from bootstraps import ANSWER
from deployments import Lambda
from invocations import coldbench

from bench.emulator.log_frames import LOG_FD
from bench.emulator.platform_lines import ExtensionLine, InitStart

pytestmark = pytest.mark.live

#: An extension; what it does with its identity and its events is up to the test.
EXTENSION = """\
#!{python} -S
import http.client, json, os, sys, time, socket
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, **headers):
    api.request(method, path, body, {{k.replace("_", "-"): v for k, v in headers.items()}})
    response = api.getresponse()
    return response.status, dict(response.getheaders()), response.read()
NAME = os.path.basename(sys.argv[0])
def register(events=("INVOKE", "SHUTDOWN"), **headers):
    status, headers, body = call("POST", "/2020-01-01/extension/register",
                                 json.dumps({{"events": events}}),
                                 Lambda_Extension_Name=NAME, **headers)
    assert status == 200, body
    return headers["Lambda-Extension-Identifier"], json.loads(body)
def event():
    status, headers, body = call("GET", "/2020-01-01/extension/event/next",
                                 Lambda_Extension_Identifier=identifier)
    assert status == 200, body
    return json.loads(body)
def say(*words):
    print(*words, flush=True)
{body}
"""
CRASH = "Extension.Crash"
LOOP = """
identifier, function = register()
while True:
    e = event()
    say(NAME, json.dumps(e))
    if e["eventType"] == "SHUTDOWN":
        break
"""


def _layer(directory: Path, **extensions: str) -> Path:
    """A layer with these extensions."""
    (directory / "layer" / "extensions").mkdir(parents=True)
    for name, body in extensions.items():
        path = directory / "layer" / "extensions" / name
        path.write_text(EXTENSION.format(python=sys.executable, body=textwrap.dedent(body)))
        path.chmod(0o755)
    return directory / "layer"


def _events(text: str, name: str) -> list[dict[str, object]]:
    """The events that an extension has printed."""
    lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return [json.loads(line.removeprefix(f"{name} ")) for line in lines]


def test_an_external_extension_gets_its_events(cloud: Lambda, tmp_path: Path) -> None:
    """INVOKE with deadline, id, ARN and trace; SHUTDOWN with reason and deadline."""
    function = cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, watcher=LOOP),))

    answer = function.invoke(b"{}")
    function.invoke(b"{}")
    function.close()

    first, second, last = _events(cloud.text, "watcher")
    assert first["eventType"] == second["eventType"] == "INVOKE"
    assert first["requestId"] == answer.report.request_id
    assert first["invokedFunctionArn"].endswith(
        ":function:" + str(first["invokedFunctionArn"]).rpartition(":")[2]
    )
    assert first["tracing"]["type"] == "X-Amzn-Trace-Id"
    assert (last["eventType"], last["shutdownReason"]) == ("SHUTDOWN", "spindown")
    assert 0 < last["deadlineMs"] - first["deadlineMs"] + 5_000 < 60_000
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in cloud.text


def test_registration_tells_of_the_function(cloud: Lambda, tmp_path: Path) -> None:
    """Name, version, handler, and the account only for whom accepts it; no function variables."""
    body = """
    identifier, function = register(["INVOKE"], Lambda_Extension_Accept_Feature="accountId")
    say(json.dumps(function), "_HANDLER" in os.environ)
    event()
    """
    cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, who=body),)).invoke(b"{}")

    line = next(line for line in cloud.text.splitlines() if "functionName" in line)
    told, _, has_handler = line.rpartition(" ")
    assert json.loads(told).keys() == {"functionName", "functionVersion", "handler", "accountId"}
    assert has_handler == "False"


def test_the_descriptor_for_records_is_the_runtimes(tmp_path: Path) -> None:
    """An extension of a managed function has neither its number nor the descriptor."""
    body = """
    identifier, function = register()
    say("sees", sorted(os.listdir("/proc/self/fd")), "_LAMBDA_TELEMETRY_LOG_FD" in os.environ)
    while event()["eventType"] != "SHUTDOWN": pass
    """
    source = tmp_path / "managed"
    source.mkdir()
    (source / "app.py").write_text(
        "import os\ndef handler(event, context):\n    return sorted(os.listdir('/proc/self/fd'))\n"
    )
    layer = _layer(tmp_path, watcher=body)
    script = layer / "extensions" / "watcher"  # that of the tests may be hidden by its /tmp
    script.write_text(script.read_text().replace(sys.executable, os.path.realpath(sys.executable)))

    done = coldbench(source, "--layer", layer, "--event", "{}", cwd=tmp_path)

    seen = next(line for line in done.stderr.splitlines() if line.startswith("sees "))
    assert str(LOG_FD) in done.body
    assert f"'{LOG_FD}'" not in seen
    assert seen.endswith("] False")


def test_the_init_lasts_until_all_extensions_are_ready(cloud: Lambda, tmp_path: Path) -> None:
    """An extension that takes its time is part of Init Duration."""
    body = "identifier, _ = register()\ntime.sleep(0.3)\nwhile True: event()\n"

    report = (
        cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, slow=body),)).invoke(b"{}").report
    )

    assert report.init_duration_ns is not None
    assert report.init_duration_ns > 300_000_000


def test_the_invoke_lasts_until_its_extensions_are_through(cloud: Lambda, tmp_path: Path) -> None:
    """Time after the response counts in Duration; who did not ask for INVOKE is not waited for."""
    busy = "identifier, _ = register()\nwhile True:\n    event()\n    time.sleep(0.3)\n"
    idle = "identifier, _ = register(['SHUTDOWN'])\nevent()\n"
    layer = _layer(tmp_path, busy=busy, idle=idle)

    answer = cloud.bootstrap(handler=ANSWER, layers=(layer,)).invoke(b"{}")

    assert answer.report.duration_ns > 300_000_000
    assert answer.phases["invoke"] < 300_000_000
    assert answer.phases["extensions"] > 0


@pytest.mark.parametrize(
    ("body", "kind", "state"),
    [
        ("sys.exit(3)", "Extension.Crash", "ExitError"),
        (
            "identifier, _ = register()\ncall('POST', '/2020-01-01/extension/init/error', b'{}',"
            " Lambda_Extension_Identifier=identifier,"
            " Lambda_Extension_Function_Error_Type='Extension.NoConfig')\ntime.sleep(5)",
            "Extension.InitError",
            "InitError",
        ),
    ],
)
def test_an_extension_that_fails_in_init(
    cloud: Lambda, tmp_path: Path, body: str, kind: str, state: str
) -> None:
    """The init fails in both phases, and the error names the extension."""
    answer = cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, bad=body),)).invoke(b"{}")

    error = json.loads(answer.payload)
    assert error["errorType"] == kind
    assert "extension bad" in error["errorMessage"]
    assert [line.state for line in cloud.lines(ExtensionLine)] == [state, state]
    assert f"Phase: invoke\tStatus: error\tError Type: {kind}" in cloud.text


def test_an_extension_that_cannot_be_started(cloud: Lambda, tmp_path: Path) -> None:
    """LaunchError, with the system's reason."""
    layer = _layer(tmp_path)
    bad = layer / "extensions" / "bad"
    bad.write_text("#!/no/such/interpreter\n")
    bad.chmod(0o755)

    answer = cloud.bootstrap(handler=ANSWER, layers=(layer,)).invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == "Extension.LaunchError"
    assert "State: LaunchError" in cloud.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("identifier, _ = register()\nevent()\nos._exit(4)\n", "Extension.Crash"),
        (
            "identifier, _ = register()\nevent()\ncall('POST', '/2020-01-01/extension/exit/error',"
            " b'{}', Lambda_Extension_Identifier=identifier,"
            " Lambda_Extension_Function_Error_Type='Extension.Broken')\ntime.sleep(5)",
            "Extension.ExitError",
        ),
    ],
)
def test_an_extension_that_fails_in_an_invoke(
    cloud: Lambda, tmp_path: Path, body: str, kind: str
) -> None:
    """The invoke fails, and the next one begins with a new environment."""
    function = cloud.bootstrap(
        handler="time.sleep(0.2)\n" + ANSWER, layers=(_layer(tmp_path, bad=body),)
    )

    answer = function.invoke(b"{}")

    assert json.loads(answer.payload)["errorType"] == kind
    assert (answer.report.status, answer.report.error_type) == ("error", kind)


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("identifier, _ = register()\nevent()\ntime.sleep(0.2)\nos._exit(4)\n", "error", CRASH),
        ("identifier, _ = register()\nevent()\ntime.sleep(60)\n", "timeout", None),
    ],
    ids=["crash", "hang"],
)
def test_an_extension_that_fails_after_the_runtime_is_through(
    cloud: Lambda, tmp_path: Path, body: str, status: str, kind: str | None
) -> None:
    """The caller has the response, the report the failure, the next event a new environment."""
    function = cloud.bootstrap(handler=ANSWER, timeout_s=1.0, layers=(_layer(tmp_path, bad=body),))

    first, second = function.invoke(b"{}"), function.invoke(b"{}")

    assert (first.payload, first.function_error) == (b"{}", None)
    assert (second.payload, second.function_error) == (b"{}", None)
    assert (first.report.status, first.report.error_type) == (status, kind)
    assert first.report.duration_ns >= 200_000_000
    assert second.report.init_duration_ns is None
    assert [line.phase for line in cloud.lines(InitStart)] == ["init", "invoke"]


def test_an_extension_that_ends_at_its_second_event(cloud: Lambda, tmp_path: Path) -> None:
    """What went well before does not keep the environment."""
    body = "identifier, _ = register()\nevent()\nevent()\nos._exit(4)\n"
    function = cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, bad=body),))

    statuses = [function.invoke(b"{}").report.status for _ in range(3)]

    assert statuses == [None, "error", None]


def test_an_extension_that_ends_in_the_init_inside_an_invoke(cloud: Lambda, tmp_path: Path) -> None:
    """Each event is given a new environment, although the runtime was ready in the last one."""
    body = "identifier, _ = register()\ntime.sleep(0.3)\nos._exit(4)\n"
    function = cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, bad=body),))

    answers = [function.invoke(b"{}") for _ in range(2)]

    assert [json.loads(answer.payload)["errorType"] for answer in answers] == [CRASH, CRASH]
    assert [answer.report.error_type for answer in answers] == [CRASH, CRASH]
    assert [line.phase for line in cloud.lines(InitStart)] == ["init", "invoke", "invoke"]


def test_an_extension_that_never_registers_inside_an_invoke(cloud: Lambda, tmp_path: Path) -> None:
    """It takes all of the function's timeout, and the error says so in Lambda's words."""
    body = """
    if os.path.exists("/tmp/mark"):
        time.sleep(60)
    open("/tmp/mark", "w").close()
    """
    function = cloud.bootstrap(
        handler=ANSWER, timeout_s=0.5, layers=(_layer(tmp_path, silent=body),)
    )

    answer = function.invoke(b"{}")

    assert json.loads(answer.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": (
            f"RequestId: {answer.report.request_id} Error: Task timed out after 0.50 seconds"
        ),
    }
    assert answer.report.status == "timeout"


def test_a_timeout_is_the_reason_of_the_shutdown(cloud: Lambda, tmp_path: Path) -> None:
    """The extension is told why the environment ends."""
    function = cloud.bootstrap(
        handler="time.sleep(9)", timeout_s=0.5, layers=(_layer(tmp_path, watcher=LOOP),)
    )

    function.invoke(b"{}")

    assert _events(cloud.text, "watcher")[-1]["shutdownReason"] == "timeout"


def test_an_extension_that_ignores_the_shutdown_is_killed(cloud: Lambda, tmp_path: Path) -> None:
    """After two seconds."""
    body = "identifier, _ = register()\nevent()\nevent()\ntime.sleep(60)\n"
    function = cloud.bootstrap(handler=ANSWER, layers=(_layer(tmp_path, deaf=body),))
    function.invoke(b"{}")
    begin = time.monotonic()

    function.close()

    assert 1.9 < time.monotonic() - begin < 10


def test_without_extensions_the_shutdown_takes_no_time(cloud: Lambda) -> None:
    """No SIGTERM: a handler of it is never called."""
    init = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('TERM', flush=True))\n"
    function = cloud.bootstrap(init=init, handler=ANSWER)
    function.invoke(b"{}")

    function.close()

    assert "TERM" not in cloud.text


INTERNAL = """
import json, signal
def extension(path, body=b"", head=""):
    return exchange(("%s /2020-01-01/extension%s HTTP/1.1\\r\\nContent-Length: %d\\r\\n%s\\r\\n"
                     % (*path, len(body), head)).encode() + body)
def register(name, events):
    return extension(("POST", "/register"), json.dumps({"events": events}).encode(),
                     "Lambda-Extension-Name: %s\\r\\n" % name)
"""


def test_an_internal_extension_makes_the_shutdown_a_sigterm(cloud: Lambda) -> None:
    """The runtime has 500 ms from SIGTERM to SIGKILL."""
    init = (
        INTERNAL
        + """
head, _ = register("inside", [])
identifier = head.split("Lambda-Extension-Identifier: ")[1].split("\\r\\n")[0]
other = socket.create_connection(os.environ["AWS_LAMBDA_RUNTIME_API"].split(":"))
other.sendall(("GET /2020-01-01/extension/event/next HTTP/1.1\\r\\n"
               "Lambda-Extension-Identifier: %s\\r\\n\\r\\n" % identifier).encode())
def term(*_):
    print("TERM", flush=True)
    time.sleep(60)
signal.signal(signal.SIGTERM, term)
"""
    )
    function = cloud.bootstrap(init=init, handler=ANSWER)
    function.invoke(b"{}")
    begin = time.monotonic()

    function.close()

    assert 0.45 < time.monotonic() - begin < 5
    assert "TERM" in cloud.text
    assert "EXTENSION\tName: inside\tState: Ready\tEvents: []" in cloud.text


def test_registrations_that_are_refused(cloud: Lambda) -> None:
    """Each mistake has its own type, and so has an eleventh extension."""
    init = (
        INTERNAL
        + """
def kind(answer):
    return json.loads(answer[1]).get("errorType", "ok")
seen = [
    kind(register("", [])),
    kind(register("a", ["SHUTDOWN"])),
    kind(register("a", ["LUNCH"])),
    kind(register("a", "INVOKE")),
    kind(extension(("GET", "/event/next"))),
    kind(extension(("GET", "/event/next"), head="Lambda-Extension-Identifier: x\\r\\n")),
    kind(extension(("PUT", "/register"))),
    kind(extension(("GET", "/nothing"))),
]
ids = []
for i in range(10):
    head, _ = register("e%d" % i, [])
    ids.append(head.split("Lambda-Extension-Identifier: ")[1].split("\\r\\n")[0])
seen.append(kind(register("e0", [])))
seen.append(kind(register("e10", [])))
waiting = []
for i in ids:
    waiting.append(socket.create_connection(os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")))
    waiting[-1].sendall(("GET /2020-01-01/extension/event/next HTTP/1.1\\r\\n"
                         "Lambda-Extension-Identifier: %s\\r\\n\\r\\n" % i).encode())
"""
    )
    handler = """
seen.append(kind(register("late", [])))
post("invocation/" + request_id + "/response", json.dumps(seen).encode())
"""
    answer = cloud.bootstrap(init=init, handler=handler).invoke(b"{}")

    assert json.loads(answer.payload) == [
        "Extension.InvalidExtensionName",
        "Extension.InvalidEventType",
        "Extension.InvalidEventType",
        "InvalidRequestFormat",
        "Extension.MissingHeader",
        "Extension.UnknownExtensionIdentifier",
        "MethodNotAllowed",
        "NotFound",
        "Extension.InvalidExtensionState",
        "Extension.TooManyExtensions",
        "Extension.RegistrationClosed",
    ]
