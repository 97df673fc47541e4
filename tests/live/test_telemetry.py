"""The Telemetry API and the Logs API, delivering to real extensions."""

from __future__ import annotations

import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bootstraps import ANSWER
from deployments import Lambda
from test_extensions import EXTENSION

from bench.emulator import root_filesystem
from bench.emulator.function import Configuration
from bench.emulator.invocation import Caller
from bench.emulator.platform_lines import ExtensionLine, Report, TelemetryLine
from bench.emulator.reportlog import platform_lines

pytestmark = pytest.mark.live

#: Listens, subscribes, and prints every record with the prefix `got `.
SUBSCRIBER = """
import http.server, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open({copy!r}, "a") as file:
            for record in json.loads(body):
                file.write(json.dumps([self.path, self.headers["Host"], record]) + chr(10))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(({host!r}, 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
identifier, _ = register()
status, _, answer = call("PUT", {path!r}, json.dumps({{
    "schemaVersion": {schema!r}, "types": {types!r}, "buffering": {{"timeoutMs": 25}},
    "destination": {{"protocol": "HTTP",
                     "URI": "http://sandbox.localdomain:%d/in" % server.server_port}}}}),
    Lambda_Extension_Identifier=identifier)
assert (status, answer) == (200, b'"OK"'), answer
say("a word of the extension")
while event()["eventType"] != "SHUTDOWN":
    time.sleep(0.2)
time.sleep(0.2)
"""


def _subscriber(
    directory: Path,
    *,
    types: tuple[str, ...] = ("platform", "function", "extension"),
    schema: str = "2025-01-29",
    path: str = "/2022-07-01/telemetry",
    host: str = "127.0.0.1",
) -> tuple[Path, Path]:
    """A layer with a subscriber, and the file in which it keeps what it gets."""
    copy = directory / "copy" / "records"
    copy.parent.mkdir()
    body = SUBSCRIBER.format(
        copy="/tmp/records", types=list(types), schema=schema, path=path, host=host
    )
    extensions = directory / "layer" / "extensions"
    extensions.mkdir(parents=True)
    (extensions / "listener").write_text(
        EXTENSION.format(python=sys.executable, body=textwrap.dedent(body))
    )
    (extensions / "listener").chmod(0o755)
    return directory / "layer", copy


def _records(directory: Path) -> list[dict[str, Any]]:
    (kept,) = directory.glob("scratch-*/tmp/records")
    entries = [json.loads(line) for line in kept.read_text().splitlines()]
    assert all(path == "/in" for path, _, _ in entries)
    assert all(host.startswith("sandbox.localdomain:") for _, host, _ in entries)
    return [record for _, _, record in entries]


@pytest.mark.skipif(root_filesystem.obstacle() is not None, reason="the host's /etc/hosts is used")
def test_a_subscriber_listens_at_the_name_of_the_sandbox(cloud: Lambda, tmp_path: Path) -> None:
    """Published extensions do, as AWS documents that name."""
    layer, _ = _subscriber(tmp_path, host="sandbox.localdomain")
    function = cloud.bootstrap(handler=ANSWER, layers=(layer,))

    function.invoke(b"{}")
    function.close()

    assert "platform.report" in [r["type"] for r in _records(tmp_path)]


def test_records_come_while_the_function_goes_on(cloud: Lambda, tmp_path: Path) -> None:
    """Each line has the time at which it was written, not that of the end of the invoke."""
    layer, _ = _subscriber(tmp_path, types=("function",))
    handler = f"for word in 'abc':\n    print(word, flush=True)\n    time.sleep(0.3)\n{ANSWER}"
    function = cloud.bootstrap(handler=handler, layers=(layer,))

    function.invoke(b"{}")
    function.close()

    records = _records(tmp_path)
    assert [r["record"] for r in records] == ["a", "b", "c"]
    assert len({r["time"] for r in records}) == 3


def test_a_subscriber_gets_every_kind_of_record(cloud: Lambda, tmp_path: Path) -> None:
    """From initStart, which came before the subscription, to the report; in order of time."""
    layer, _ = _subscriber(tmp_path)
    function = cloud.bootstrap(
        init="print('in init', flush=True)",
        handler="print('one', flush=True)\nprint('two', flush=True)\n" + ANSWER,
        layers=(layer,),
    )

    answer = function.invoke(b"{}")
    function.invoke(b"{}")
    function.close()

    records = _records(tmp_path)
    kinds = [r["type"] for r in records]
    assert kinds[0] == "platform.initStart"
    assert {
        "platform.telemetrySubscription",
        "platform.extension",
        "platform.initRuntimeDone",
        "platform.initReport",
    } < set(kinds)
    assert kinds.count("platform.start") == kinds.count("platform.report") == 2
    assert [r["record"] for r in records if r["type"] == "function"] == [
        "in init",
        "one",
        "two",
        "one",
        "two",
    ]
    assert "a word of the extension" in [r["record"] for r in records if r["type"] == "extension"]
    start = next(r for r in records if r["type"] == "platform.start")
    assert start["record"].keys() == {"requestId", "version", "functionArn"}
    done = next(r for r in records if r["type"] == "platform.runtimeDone")
    assert done["record"]["requestId"] == answer.report.request_id
    assert done["record"]["metrics"]["producedBytes"] == 2
    assert "TELEMETRY\tName: listener\tState: Subscribed\tTypes: [Platform, Function" in cloud.text


def test_the_end_of_the_runtime_is_told_while_the_extension_is_busy(
    cloud: Lambda, tmp_path: Path
) -> None:
    """An extension may wait for runtimeDone before it asks for its next event."""
    layer, _ = _subscriber(tmp_path, types=("platform",))
    listener = layer / "extensions" / "listener"
    waiting = """
def done():
    try:
        return "platform.runtimeDone" in open("/tmp/records").read()
    except FileNotFoundError:
        return False
event()
begin = time.monotonic()
while not done() and time.monotonic() - begin < 3:
    time.sleep(0.01)
say("saw the end:", done())
while event()"""
    listener.write_text(listener.read_text().replace("while event()", waiting, 1))

    cloud.bootstrap(handler=ANSWER, layers=(layer,)).invoke(b"{}")

    assert "saw the end: True" in cloud.text


def test_only_the_types_of_the_subscription_are_delivered(cloud: Lambda, tmp_path: Path) -> None:
    """Function output alone, in a schema in which JSON is a string."""
    layer, _ = _subscriber(tmp_path, types=("function",), schema="2022-07-01")
    function = cloud.bootstrap(
        handler="""print('{"level": "INFO", "n": 1}', flush=True)\n""" + ANSWER,
        layers=(layer,),
        log_format="JSON",
    )
    function.invoke(b"{}")
    function.close()

    records = _records(tmp_path)
    assert {r["type"] for r in records} == {"function"}
    assert records[0]["record"] == '{"level": "INFO", "n": 1}'


def test_json_output_is_an_object_in_newer_schemas(cloud: Lambda, tmp_path: Path) -> None:
    """With the JSON log format and schema 2022-12-13."""
    layer, _ = _subscriber(tmp_path, types=("function",), schema="2022-12-13")
    function = cloud.bootstrap(
        handler="""print('{"level": "INFO", "n": 1}', flush=True)\n""" + ANSWER,
        layers=(layer,),
        log_format="JSON",
    )
    function.invoke(b"{}")
    function.close()

    assert _records(tmp_path)[0]["record"] == {"level": "INFO", "n": 1}


def test_the_older_logs_api(cloud: Lambda, tmp_path: Path) -> None:
    """Its own line, its own schema: platform.end is there, the phases of init are not."""
    layer, _ = _subscriber(tmp_path, schema="2021-03-18", path="/2020-08-15/logs")
    function = cloud.bootstrap(handler=ANSWER, layers=(layer,))
    function.invoke(b"{}")
    function.close()

    kinds = {r["type"] for r in _records(tmp_path)}
    assert {"platform.start", "platform.end", "platform.report", "platform.runtimeDone"} < kinds
    assert not kinds & {"platform.initStart", "platform.initReport"}
    assert "LOGS\tName: listener\tState: Subscribed" in cloud.text


def test_every_line_in_the_log_is_read_back(cloud: Lambda, tmp_path: Path) -> None:
    """What is written for extensions, subscriptions and traces, the reader of logs understands."""
    layer, _ = _subscriber(tmp_path)
    trace = "Root=1-5e1b4151-5ac6c58f5b5daa6a5b5daa6a;Sampled=1"
    function = cloud.bootstrap(
        handler="print('REPORT of a day', flush=True)\n" + ANSWER, layers=(layer,)
    )
    function.invoke(b"{}", caller=Caller(trace_id=trace))
    function.close()

    written = [line for line in cloud.told if not isinstance(line, bytes)]
    read = list(platform_lines(cloud.text))
    assert [type(line) for line in read] == [type(line) for line in written]
    assert {type(line) for line in read} >= {ExtensionLine, TelemetryLine, Report}
    assert read[-1] == replace(
        written[-1], duration_ns=read[-1].duration_ns, init_duration_ns=read[-1].init_duration_ns
    )


REFUSED = """
identifier, _ = register()
def subscribe(identifier=identifier, **changes):
    body = {"schemaVersion": "2022-12-13", "types": ["platform"],
            "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9"}} | changes
    status, _, answer = call("PUT", "/2022-07-01/telemetry", json.dumps(body),
                             Lambda_Extension_Identifier=identifier)
    return status
say("statuses", [
    subscribe(identifier="x"),
    subscribe(types=[]),
    subscribe(types=["weather"]),
    subscribe(schemaVersion="1999-01-01"),
    subscribe(destination=None),
    subscribe(destination={"protocol": "HTTP", "URI": "http://example.com:80"}),
    subscribe(destination={"protocol": "TCP", "port": 0}),
    subscribe(buffering={"maxItems": 999}),
    subscribe(buffering={"maxItems": 10001}),
    subscribe(buffering={"maxBytes": 262143}),
    subscribe(buffering={"timeoutMs": 24}),
    subscribe(buffering={"timeoutMs": 30000, "maxBytes": 1048576, "maxItems": 1000}),
])
event()
say("late", subscribe())
while True: event()
"""


def test_subscriptions_that_are_refused(cloud: Lambda, tmp_path: Path) -> None:
    """Limits of the settings as documented; after init nobody may subscribe."""
    extensions = tmp_path / "layer" / "extensions"
    extensions.mkdir(parents=True)
    (extensions / "bad").write_text(EXTENSION.format(python=sys.executable, body=REFUSED))
    (extensions / "bad").chmod(0o755)

    cloud.bootstrap(handler=ANSWER, layers=(tmp_path / "layer",)).invoke(b"{}")

    assert f"statuses {[403] + [400] * 10 + [200]}" in cloud.text
    assert "late 403" in cloud.text


def test_a_json_log_shows_what_its_levels_allow(cloud: Lambda) -> None:
    """DEBUG of the system shows the report of each init, WARN hides START; END is never there."""
    log = 'print(\'{"timestamp": "t", "level": "%s"}\' % {level!r}, flush=True)\n'
    handler = log.replace("{level!r}", "'DEBUG'") + log.replace("{level!r}", "'ERROR'") + ANSWER
    debug = cloud.bootstrap(
        handler=handler,
        log_format="JSON",
        configuration=Configuration(system_level="DEBUG", application_level="DEBUG"),
    ).invoke(b"{}")
    warn = cloud.bootstrap(
        handler=handler,
        log_format="JSON",
        configuration=Configuration(system_level="WARN", application_level="ERROR"),
    ).invoke(b"{}")

    kinds = [json.loads(line).get("type") for line in debug.log.decode().splitlines()]
    assert kinds == [
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.start",
        None,
        None,
        "platform.runtimeDone",
        "platform.report",
    ]
    assert [json.loads(line) for line in warn.log.decode().splitlines()] == [
        {"timestamp": "t", "level": "ERROR"}
    ]
