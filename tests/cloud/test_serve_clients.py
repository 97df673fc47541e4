"""Other people's clients: the AWS CLI by a tutorial's commands, aws-sdk-go-v2 from a function."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.build import BuildCache, build_matrix
from bench.config import user_cache
from bench.emulator.reportlog import parse_report
from bench.functions.directory import load_function, recipes

from .conftest import RUNTIME, Aws, package

pytestmark = pytest.mark.live

CLI = Path(sys.executable).with_name("aws")
GO_FUNCTIONS = Path(__file__).parents[2] / "go_functions"
TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"""


def go_package(function: str) -> bytes:
    loaded = load_function(GO_FUNCTIONS / function)
    variant = next(v for v in recipes(loaded) if v.id == "stripped")
    cache = BuildCache(user_cache(os.environ))
    result = build_matrix([(loaded, variant)], cache=cache, prove_reproducible=False)
    return result.artifacts[0].zip_path.read_bytes()


@pytest.fixture(name="cli")
def _cli(aws: Aws, tmp_path: Path) -> Callable[..., Any]:
    """``cli("lambda create-function …")``: the AWS CLI's answer, in an empty directory."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
    }

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [str(CLI), *arguments, "--output", "json", "--endpoint-url", aws.url],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def tutorial(cli: Callable[..., Any], name: str, create: tuple[str, ...]) -> list[Any]:
    """Create, invoke, update code, set memory, publish, alias with weights, delete."""
    role = cli("iam", "create-role", "--role-name", name, "--assume-role-policy-document", TRUST)
    basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    cli("iam", "attach-role-policy", "--role-name", name, "--policy-arn", basic)
    named = ("--function-name", name)
    cli("lambda", "create-function", *named, "--role", role["Role"]["Arn"], *create)
    cli("lambda", "wait", "function-active-v2", *named)
    invoke = ("lambda", "invoke", *named, "--log-type", "Tail")
    payload = ("--payload", '{"name": "Ada"}')
    first = cli(*invoke, *payload, "out.json")
    cli("lambda", "update-function-code", *named, "--zip-file", "fileb://second.zip")
    cli("lambda", "wait", "function-updated-v2", *named)
    one = cli("lambda", "publish-version", *named)
    cli("lambda", "update-function-configuration", *named, "--memory-size", "256")
    cli("lambda", "wait", "function-updated-v2", *named)
    two = cli("lambda", "publish-version", *named)
    weights = json.dumps({"AdditionalVersionWeights": {two["Version"]: 0.1}})
    alias = ("--name", "live", "--function-version", one["Version"], "--routing-config", weights)
    cli("lambda", "create-alias", *named, *alias)
    last = cli(*invoke, "--qualifier", "live", *payload, "out.json")
    cli("lambda", "delete-function", *named)
    return [first, one, two, last]


def report(answer: dict[str, Any]) -> Any:
    return parse_report(base64.b64decode(answer["LogResult"]).decode())


def test_the_python_tutorial_works_with_the_aws_cli(
    cli: Callable[..., Any], tmp_path: Path
) -> None:
    """Unchanged but for --endpoint-url: the function answers, versions count, the alias routes."""
    source = "def lambda_handler(event, context):\n    return 'Hello ' + event['name']\n"
    (tmp_path / "function.zip").write_bytes(package(lambda_function__py=source))
    (tmp_path / "second.zip").write_bytes(package(lambda_function__py=source + "# second\n"))
    create = ("--runtime", RUNTIME, "--handler", "lambda_function.lambda_handler")

    first, one, two, last = tutorial(
        cli, "python-tutorial", (*create, "--zip-file", "fileb://function.zip")
    )

    assert json.loads((tmp_path / "out.json").read_text()) == "Hello Ada"
    assert (one["Version"], two["Version"], two["MemorySize"]) == ("1", "2", 256)
    assert report(first).init_duration_ns > 0
    assert report(last).init_duration_ns > 0
    assert last["ExecutedVersion"] in ("1", "2")


def test_the_go_tutorial_works_with_the_aws_cli(cli: Callable[..., Any], tmp_path: Path) -> None:
    """A zip with a Go `bootstrap` on provided.al2023, by the same commands."""
    archive = go_package("hello")
    (tmp_path / "function.zip").write_bytes(archive)
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        members = [(info, opened.read(info)) for info in opened.infolist()]
    with zipfile.ZipFile(tmp_path / "second.zip", "w") as opened:
        for info, data in members:
            opened.writestr(info, data)
        opened.writestr("second.txt", "second")
    create = ("--runtime", "provided.al2023", "--handler", "bootstrap")

    first, one, two, last = tutorial(
        cli, "go-tutorial", (*create, "--zip-file", "fileb://function.zip")
    )

    assert "FunctionError" not in first
    assert (one["Version"], two["Version"], two["MemorySize"]) == ("1", "2", 256)
    assert report(last).memory_size_mb in (128, 256)


def test_the_go_sdk_of_a_function_reaches_the_endpoint(aws: Aws) -> None:
    """storage_eager stores a file in S3 and the share in DynamoDB by AWS_ENDPOINT_URL."""
    bucket = aws.bucket()
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="shares",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    name = aws.deploy(
        "",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Code={"ZipFile": go_package("storage_eager")},
        Environment={"Variables": {"SHARE_BUCKET": bucket, "SHARE_TABLE": "shares"}},
    )
    event = {"action": "store", "key": "note.txt", "content": "hello"}

    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))

    assert "FunctionError" not in answer, answer["Payload"].read()
    assert aws.objects(bucket, 1) == [b"hello"]
