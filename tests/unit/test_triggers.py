"""Which trigger a source shows, and the sample events that are shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.functions.directory import load_function
from bench.functions.triggers import NO_TRIGGER, TRIGGERS, detect_trigger, sample


def go(event: str) -> str:
    """A Go handler of the given event type."""
    return f"package main\n\nfunc handle(ctx context.Context, e events.{event}) error {{\n"


def python(body: str) -> str:
    """A Python handler with the given body."""
    return f"def handler(event, context):\n    {body}\n"


@pytest.mark.parametrize(
    ("trigger", "file", "source"),
    [
        ("api-gateway-rest", "main.go", go("APIGatewayProxyRequest")),
        ("api-gateway-http", "main.go", go("APIGatewayV2HTTPRequest")),
        ("function-url", "main.go", go("LambdaFunctionURLRequest")),
        ("function-url", "main.go", "package main\n\nfunc main() { lambdaurl.Start(mux) }\n"),
        ("load-balancer", "main.go", go("ALBTargetGroupRequest")),
        ("sqs", "main.go", go("SQSEvent")),
        ("s3", "main.go", go("S3Event")),
        ("sns", "main.go", go("SNSEvent")),
        ("eventbridge", "main.go", go("CloudWatchEvent")),
        ("dynamodb", "main.go", go("DynamoDBEvent")),
        ("kinesis", "main.go", go("KinesisEvent")),
        ("api-gateway-http", "app.py", python("return event['rawPath']")),
        ("api-gateway-http", "app.py", python("event['requestContext']['http']['method']")),
        ("api-gateway-http", "app.py", "handler = Mangum(app)\n"),
        ("api-gateway-rest", "app.py", python('event["httpMethod"]')),
        ("load-balancer", "app.py", python('event["requestContext"]["elb"], event["httpMethod"]')),
        ("sqs", "app.py", python('[json.loads(r["body"]) for r in event["Records"] if r["body"]]')),
        ("sqs", "app.py", python('return {"batchItemFailures": []}')),
        ("s3", "app.py", python('event["Records"][0]["s3"]["bucket"]')),
        ("sns", "app.py", python('event["Records"][0]["Sns"]["Message"]')),
        ("dynamodb", "app.py", python('r["dynamodb"]["NewImage"]')),
        ("kinesis", "app.py", python('r["kinesis"]["data"]')),
        ("eventbridge", "app.py", python('event["detail"]["id"]')),
        ("empty", "app.py", python('return event.get("name")')),
        ("api-gateway-rest", "bootstrap", "#!/bin/sh\njq '.\"httpMethod\"'\n"),
    ],
)
def test_the_source_shows_the_trigger(tmp_path: Path, trigger: str, file: str, source: str) -> None:
    """Event types of Go, and the keys that Python and scripts look up."""
    (tmp_path / file).write_text(source)

    assert detect_trigger(tmp_path) == trigger


def test_the_newer_version_of_an_event_is_preferred(tmp_path: Path) -> None:
    """A handler of both API Gateway formats is given the HTTP API's."""
    (tmp_path / "app.py").write_text(python('event["httpMethod"] or event["rawPath"]'))

    assert detect_trigger(tmp_path) == "api-gateway-http"


def test_tests_show_nothing(tmp_path: Path) -> None:
    """What a test makes up is not what calls the function."""
    (tmp_path / "test_app.py").write_text(python('event["httpMethod"]'))
    (tmp_path / "main_test.go").write_text(go("SQSEvent"))

    assert detect_trigger(tmp_path) == NO_TRIGGER


@pytest.mark.parametrize("trigger", [*TRIGGERS, NO_TRIGGER])
def test_every_trigger_has_a_sample_that_ships(trigger: str) -> None:
    """It is JSON, and lies inside of the package."""
    assert isinstance(json.loads(sample(trigger).read_bytes()), dict)
    assert sample(trigger).parent.name == "events"
    assert (sample(trigger).parents[2] / "model.py").is_file()


def test_a_function_without_events_gets_the_sample_of_its_trigger(tmp_path: Path) -> None:
    """The event is called like the trigger; events of its own come first."""
    (tmp_path / "app.py").write_text(python('event["Records"][0]["s3"]["bucket"]'))
    (before,) = load_function(tmp_path).events
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "mine.json").write_text("{}")
    (after,) = load_function(tmp_path).events

    assert (before.name, before.path, after.name) == ("s3", sample("s3"), "mine")
