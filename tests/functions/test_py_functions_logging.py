"""The Python function `logging`: what it answers, and the lines it leaves."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from function_directories import FUNCTIONS, ROOT

pytestmark = pytest.mark.live

BATCH = json.loads((ROOT / "fixtures" / "events" / "sqs_orders.json").read_text())

# Lambda's runtime client puts a handler on the root logger that writes what it is given.
UNDER_A_RUNTIME = """
import json, logging, sys
from types import SimpleNamespace

class RuntimeHandler(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record))

logging.getLogger().addHandler(RuntimeHandler())
sys.path.insert(0, sys.argv[1])
import app
app.handler(json.loads(sys.argv[2]), SimpleNamespace(aws_request_id="of-the-runtime"))
"""


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_answers_which_messages_failed(play):
    """One order that is wrong is delivered again; the others are done."""
    answer = play("logging", "app.handler", "sqs_orders")

    wrong = BATCH["Records"][2]["messageId"]
    assert answer["outcomes"][0]["response"] == {"batchItemFailures": [{"itemIdentifier": wrong}]}


def test_every_line_is_json_with_the_request_id(play):
    """All lines of an invocation can be found by its id."""
    answer = play("logging", "app.handler", "sqs_orders", {"Records": []})

    written = lines(answer["stdout"])
    assert [line["requestId"] for line in written] == ["request-1"] * 5 + ["request-2"] * 2
    assert [line["message"] for line in written] == [
        "batch received",
        "order booked",
        "order booked",
        "order refused",
        "batch done",
        "batch received",
        "batch done",
    ]


def test_only_the_first_invocation_is_cold(play):
    """The flag tells a cold start from a warm environment."""
    answer = play("logging", "app.handler", {"Records": []}, {"Records": []}, {"Records": []})

    flags = [line["coldStart"] for line in lines(answer["stdout"])]
    assert flags == [True, True, False, False, False, False]


def test_an_error_has_its_type_and_its_stack(play):
    """A refused order says why, in fields that can be searched."""
    answer = play("logging", "app.handler", "sqs_orders")

    line = next(line for line in lines(answer["stdout"]) if line["level"] == "ERROR")
    assert line["errorType"] == "InvalidOrderError"
    assert line["errorMessage"] == "total_cents must be an integer that is not negative"
    assert line["stackTrace"][0] == "Traceback (most recent call last):"
    assert line["messageId"] == BATCH["Records"][2]["messageId"]


@pytest.mark.parametrize(
    ("environment", "levels"),
    [
        ({}, {"INFO", "ERROR"}),
        ({"LOG_LEVEL": "debug"}, {"DEBUG", "INFO", "ERROR"}),
        ({"LOG_LEVEL": "ERROR"}, {"ERROR"}),
        ({"AWS_LAMBDA_LOG_LEVEL": "TRACE"}, {"DEBUG", "INFO", "ERROR"}),
        ({"LOG_LEVEL": "WARN", "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}, {"ERROR"}),
        ({"LOG_LEVEL": "loud"}, {"WARNING", "INFO", "ERROR"}),
    ],
)
def test_the_level_comes_from_the_environment(play, environment, levels):
    """The function's own setting goes before Lambda's; an unknown one is reported."""
    answer = play("logging", "app.handler", "sqs_orders", **environment)

    assert levels == {line["level"] for line in lines(answer["stdout"])}


@pytest.mark.parametrize(
    "event", [None, {}, {"Records": [{}]}, {"Records": [{"eventSource": "aws:s3"}]}]
)
def test_an_event_of_another_source_is_an_error(play, event):
    """What is not a batch of SQS fails as a whole, and the log says so."""
    answer = play("logging", "app.handler", event)

    assert answer["outcomes"][0]["error"] == "InvalidEventError"
    assert [line["message"] for line in lines(answer["stdout"])] == ["event refused"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("{", "the body is not JSON"),
        ("[]", "the body is not a JSON object"),
        ('{"total_cents": 1}', "order_id must be"),
        ('{"order_id": "", "total_cents": 1}', "order_id must be"),
        ('{"order_id": "A", "total_cents": true}', "total_cents must be"),
        ('{"order_id": "A", "total_cents": -1}', "total_cents must be"),
    ],
)
def test_an_order_that_is_wrong_is_refused(play, body, reason):
    """Each rule of an order has its reason in the log."""
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body}]}

    answer = play("logging", "app.handler", event)

    assert answer["outcomes"][0]["response"] == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert lines(answer["stdout"])[1]["errorMessage"].startswith(reason)


def test_under_a_runtime_the_lines_go_through_its_handler():
    """No line is written twice, and each ends with a line break."""
    event = json.dumps({"Records": []})

    process = subprocess.run(
        [sys.executable, "-B", "-c", UNDER_A_RUNTIME, str(FUNCTIONS / "logging"), event],
        capture_output=True,
        text=True,
        check=True,
    )

    written = lines(process.stdout)
    assert [line["message"] for line in written] == ["batch received", "batch done"]
    assert {"of-the-runtime"} == {line["requestId"] for line in written}
