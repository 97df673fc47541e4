"""Invoke: real environments, cold and warm, and everything that Lambda says about them."""

from __future__ import annotations

import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.emulator.reportlog import parse_report

from .conftest import Aws, package

pytestmark = pytest.mark.live

COUNTER = """
import os, time
count = 0
def handler(event, context):
    global count
    count += 1
    print("said", event.get("word"))
    time.sleep(event.get("sleep", 0))
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("exit"):
        os._exit(7)
    custom = context.client_context.custom if context.client_context else None
    return {"count": count, "pid": os.getpid(), "custom": custom, "log": context.log_stream_name}
"""


def report(answer: dict[str, Any]) -> Any:
    log = base64.b64decode(answer["LogResult"]).decode()
    return parse_report(log, answer["ResponseMetadata"]["RequestId"])


def test_the_first_invoke_is_cold_and_the_next_one_warm(aws: Aws) -> None:
    """REPORT of the tail log has Init Duration once, and the environment is reused."""
    name = aws.deploy(COUNTER)
    client = aws.client("lambda")

    cold, warm = (client.invoke(FunctionName=name, LogType="Tail") for _ in range(2))

    assert report(cold).init_duration_ns > 0
    assert report(cold).billing == "duration+init"
    assert report(warm).init_duration_ns is None
    assert json.load(warm["Payload"])["count"] == 2


def test_the_tail_log_has_what_the_function_said_between_the_platform_lines(aws: Aws) -> None:
    """START, the function's own line, END and REPORT, in this order."""
    name = aws.deploy(COUNTER)

    answer = aws.client("lambda").invoke(
        FunctionName=name, LogType="Tail", Payload=json.dumps({"word": "hello"})
    )
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()

    assert [line.split(" ")[0] for line in lines[-4:]] == ["START", "said", "END", "REPORT"]
    assert lines[-3] == "said hello"


def test_no_tail_log_without_being_asked_for(aws: Aws) -> None:
    """LogResult is there with LogType=Tail only."""
    answer = aws.client("lambda").invoke(FunctionName=aws.deploy(COUNTER))

    assert "LogResult" not in answer


def test_an_error_of_the_function_is_an_answer(aws: Aws) -> None:
    """Status 200, FunctionError Unhandled, and the error as JSON."""
    answer = aws.client("lambda").invoke(
        FunctionName=aws.deploy(COUNTER), Payload=json.dumps({"raise": "no"})
    )

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorType"] == "ValueError"


def test_a_timeout_is_told_and_the_next_environment_is_new(aws: Aws) -> None:
    """REPORT has Status: timeout; the next invoke has a new process and no Init Duration."""
    name = aws.deploy(COUNTER, Timeout=1)
    client = aws.client("lambda")
    before = json.load(client.invoke(FunctionName=name)["Payload"])

    late = client.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps({"sleep": 5}))
    after = client.invoke(FunctionName=name, LogType="Tail")

    assert "Task timed out after 1.00 seconds" in json.load(late["Payload"])["errorMessage"]
    assert report(late).status == "timeout"
    assert report(after).init_duration_ns is None
    assert json.load(after["Payload"])["pid"] != before["pid"]


def test_an_exit_is_runtime_exit_error(aws: Aws) -> None:
    """A function that ends its process is told as Lambda does."""
    answer = aws.client("lambda").invoke(
        FunctionName=aws.deploy(COUNTER), Payload=json.dumps({"exit": True})
    )

    assert json.load(answer["Payload"])["errorType"] == "Runtime.ExitError"


def test_a_dry_run_runs_nothing(aws: Aws) -> None:
    """DryRun answers 204 and the next invoke is the first."""
    name = aws.deploy(COUNTER)
    client = aws.client("lambda")

    dry = client.invoke(FunctionName=name, InvocationType="DryRun")

    assert dry["StatusCode"] == 204
    assert json.load(client.invoke(FunctionName=name)["Payload"])["count"] == 1


def test_the_client_context_reaches_the_function(aws: Aws) -> None:
    """The JSON in base64 of the caller is context.client_context."""
    context = base64.b64encode(json.dumps({"custom": {"a": "b"}}).encode()).decode()

    answer = aws.client("lambda").invoke(FunctionName=aws.deploy(COUNTER), ClientContext=context)

    assert json.load(answer["Payload"])["custom"] == {"a": "b"}


def test_an_event_that_is_no_json_is_refused(aws: Aws) -> None:
    """InvalidRequestContentException, and nothing runs."""
    client = aws.client("lambda")
    name = aws.deploy(COUNTER)

    with pytest.raises(client.exceptions.InvalidRequestContentException):
        client.invoke(FunctionName=name, Payload=b"{")


def test_parallel_invokes_have_an_environment_each(aws: Aws) -> None:
    """Four events at once meet four processes; a fifth one later is warm."""
    name = aws.deploy(COUNTER)
    client = aws.client("lambda")
    held = json.dumps({"sleep": 1.0})

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(client.invoke, FunctionName=name, Payload=held) for _ in range(4)]
        pids = {json.load(job.result()["Payload"])["pid"] for job in jobs}
    later = json.load(client.invoke(FunctionName=name)["Payload"])

    assert len(pids) == 4
    assert later["count"] == 2


def test_reserved_concurrency_throttles_with_its_reason(aws: Aws) -> None:
    """One reserved place, one busy: 429 with ReservedFunctionConcurrentInvocationLimitExceeded."""
    name = aws.deploy(COUNTER)
    client = aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    client.invoke(FunctionName=name)
    held = threading.Thread(
        target=client.invoke,
        kwargs={"FunctionName": name, "Payload": json.dumps({"sleep": 1.5})},
    )
    held.start()
    time.sleep(0.5)

    with pytest.raises(client.exceptions.TooManyRequestsException) as refused:
        client.invoke(FunctionName=name)
    held.join()

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_reserved_concurrency_of_zero_stops_a_function(aws: Aws) -> None:
    """Every invoke is 429 until the reservation is lifted."""
    name = aws.deploy(COUNTER)
    client = aws.client("lambda")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    with pytest.raises(client.exceptions.TooManyRequestsException):
        client.invoke(FunctionName=name)
    client.delete_function_concurrency(FunctionName=name)

    assert client.invoke(FunctionName=name)["StatusCode"] == 200


def test_provisioned_concurrency_is_initialised_before_the_first_event(aws: Aws) -> None:
    """The first invoke of the version has no Init Duration, and knows its initialization type."""
    source = "import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"
    name = aws.deploy(source)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )

    status = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")["Status"]
    answer = client.invoke(FunctionName=name, Qualifier="1", LogType="Tail")

    assert status == "READY"
    assert json.load(answer["Payload"]) == "provisioned-concurrency"
    assert report(answer).init_duration_ns is None


def test_layers_are_at_opt(aws: Aws) -> None:
    """A module of a layer can be imported."""
    client = aws.client("lambda")
    layer = client.publish_layer_version(
        LayerName="words", Content={"ZipFile": package(**{"python/words__py": "WORD = 'layered'"})}
    )
    name = aws.deploy(
        "import words\ndef handler(e, c): return words.WORD", Layers=[layer["LayerVersionArn"]]
    )

    assert json.load(client.invoke(FunctionName=name)["Payload"]) == "layered"


BOOTSTRAP = """#!/usr/bin/env python3
import http.client, os
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    c = http.client.HTTPConnection(host)
    c.request("GET", "/2018-06-01/runtime/invocation/next")
    r = c.getresponse(); r.read()
    request_id = r.headers["Lambda-Runtime-Aws-Request-Id"]
    def pieces():
        for n in range(3):
            yield b"piece%d" % n
    c.request("POST", f"/2018-06-01/runtime/invocation/{request_id}/response", pieces(),
              {"Lambda-Runtime-Function-Response-Mode": "streaming", "Content-Type": "text/plain",
               "Transfer-Encoding": "chunked"}, encode_chunked=True)
    c.getresponse().read()
"""


def streaming_package() -> bytes:
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        member = zipfile.ZipInfo("bootstrap")
        member.external_attr = 0o755 << 16
        opened.writestr(member, BOOTSTRAP)
    return archive.getvalue()


def test_a_streamed_response_comes_as_an_event_stream(aws: Aws) -> None:
    """InvokeWithResponseStream: the pieces as chunks, then InvokeComplete with the tail log."""
    name = aws.deploy(
        "", Runtime="provided.al2023", Handler="any", Code={"ZipFile": streaming_package()}
    )

    answer = aws.client("lambda").invoke_with_response_stream(FunctionName=name, LogType="Tail")
    events = list(answer["EventStream"])
    text = b"".join(e["PayloadChunk"]["Payload"] for e in events if "PayloadChunk" in e)
    log = base64.b64decode(events[-1]["InvokeComplete"]["LogResult"]).decode()

    assert text == b"piece0piece1piece2"
    assert parse_report(log) is not None


def test_account_settings_know_the_limit(aws: Aws) -> None:
    """GetAccountSettings tells the concurrency of the account."""
    limit = aws.client("lambda").get_account_settings()["AccountLimit"]

    assert limit["ConcurrentExecutions"] == 1000
