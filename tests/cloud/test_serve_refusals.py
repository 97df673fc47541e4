"""What Lambda refuses, and the name of the exception that it has for it."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.exceptions import ClientError

from .conftest import RUNTIME, Aws, clients_of, package
from .events import ACCOUNT, arn_of, queue

pytestmark = pytest.mark.live

SOURCE = "def handler(event, context): return event"
INVALID = ("InvalidParameterValueException", 400)
UNFIT = ("ValidationException", 400)
CONFLICT = ("ResourceConflictException", 409)


def refusal(call: Callable[..., Any], **members: Any) -> tuple[str, int]:
    """The code and the status of the error that a call meets."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture(name="function", scope="module")
def _function(aws: Aws) -> str:
    """A function with version 1 and its alias ``live``."""
    name = aws.deploy(SOURCE)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Code": {"ZipFile": package()}}, INVALID),
        ({"FunctionName": "f" * 65}, UNFIT),
        ({"Environment": {"Variables": {"AWS_REGION": "mars-north-1"}}}, INVALID),
        ({"Environment": {"Variables": {"_HANDLER": "mine"}}}, INVALID),
        ({"Environment": {"Variables": {"WITH-DASH": "x"}}}, UNFIT),
        ({"Environment": {"Variables": {"X": "too short"}}}, UNFIT),
        ({"Runtime": "python3.99"}, INVALID),
        ({"Runtime": "python3.11", "SnapStart": {"ApplyOn": "PublishedVersions"}}, INVALID),
        ({"Layers": [f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:none:1"]}, INVALID),
    ],
)
def test_a_function_that_lambda_refuses(
    aws: Aws, members: dict[str, Any], expected: tuple[str, int]
) -> None:
    """CreateFunction answers as Lambda does, and makes nothing."""
    wanted = {
        "FunctionName": "refused",
        "Role": aws.role,
        "Runtime": RUNTIME,
        "Handler": "app.handler",
        "Code": {"ZipFile": package(app__py=SOURCE)},
    }
    client = aws.client("lambda")

    assert refusal(client.create_function, **{**wanted, **members}) == expected
    assert refusal(client.get_function, FunctionName="refused")[1] == 404


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Environment": {"Variables": {"LAMBDA_TASK_ROOT": "/"}}}, INVALID),
        ({"Runtime": "python3.99"}, INVALID),
        ({"Runtime": "python3.11", "SnapStart": {"ApplyOn": "PublishedVersions"}}, INVALID),
    ],
)
def test_a_configuration_that_lambda_refuses(
    aws: Aws, function: str, members: dict[str, Any], expected: tuple[str, int]
) -> None:
    """UpdateFunctionConfiguration answers as Lambda does."""
    update = aws.client("lambda").update_function_configuration

    assert refusal(update, FunctionName=function, **members) == expected


@pytest.mark.parametrize("content", [b"not a zip", package()])
def test_a_layer_is_a_zip_archive_with_files(aws: Aws, content: bytes) -> None:
    """PublishLayerVersion refuses other bytes, and an archive of nothing."""
    client = aws.client("lambda")

    code = refusal(client.publish_layer_version, LayerName="refused", Content={"ZipFile": content})

    assert code == INVALID
    assert client.list_layer_versions(LayerName="refused")["LayerVersions"] == []


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Name": "live", "FunctionVersion": "1"}, CONFLICT),
        ({"Name": "123", "FunctionVersion": "1"}, UNFIT),
        ({"Name": "part", "FunctionVersion": "$LATEST", "RoutingConfig": {"1": 0.5}}, INVALID),
        ({"Name": "part", "FunctionVersion": "1", "RoutingConfig": {"1": 0.5}}, INVALID),
        ({"Name": "part", "FunctionVersion": "1", "RoutingConfig": {"2": 1.5}}, UNFIT),
    ],
)
def test_an_alias_that_lambda_refuses(
    aws: Aws, function: str, members: dict[str, Any], expected: tuple[str, int]
) -> None:
    """CreateAlias: names that exist or are numbers, and weights that cannot be."""
    weights = {"AdditionalVersionWeights": members.pop("RoutingConfig", {})}

    code = refusal(
        aws.client("lambda").create_alias, FunctionName=function, RoutingConfig=weights, **members
    )

    assert code == expected


def test_an_alias_with_weights_cannot_move_to_latest(aws: Aws, function: str) -> None:
    """UpdateAlias is held to what CreateAlias is."""
    client = aws.client("lambda")
    client.create_alias(FunctionName=function, Name="moves", FunctionVersion="1")

    code = refusal(
        client.update_alias,
        FunctionName=function,
        Name="moves",
        FunctionVersion="$LATEST",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}},
    )

    assert code == INVALID


def test_an_update_of_an_alias_leaves_what_it_does_not_name(aws: Aws, function: str) -> None:
    """The description stays when only the version is given."""
    client = aws.client("lambda")
    client.create_alias(
        FunctionName=function, Name="kept", FunctionVersion="1", Description="words"
    )

    client.update_alias(FunctionName=function, Name="kept", FunctionVersion="$LATEST")
    alias = client.get_alias(FunctionName=function, Name="kept")

    assert (alias["Description"], alias["FunctionVersion"]) == ("words", "$LATEST")


def test_a_qualifier_in_the_name_and_another_one_contradict(aws: Aws, function: str) -> None:
    """Invoke and GetFunction take a qualifier once, or twice the same."""
    client = aws.client("lambda")
    name = f"{function}:live"

    assert refusal(client.invoke, FunctionName=name, Qualifier="1") == INVALID
    assert refusal(client.get_function, FunctionName=name, Qualifier="1") == INVALID
    assert client.invoke(FunctionName=name, Qualifier="live")["StatusCode"] == 200


def test_a_statement_of_a_policy_has_a_name_of_its_own(aws: Aws, function: str) -> None:
    """A second AddPermission by the same id conflicts, unless it is for another qualifier."""
    add = aws.client("lambda").add_permission
    members = {
        "FunctionName": function,
        "StatementId": "s3",
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }
    add(**members)

    assert refusal(add, **members) == CONFLICT
    assert "live" in add(**members, Qualifier="live")["Statement"]


def test_of_calls_at_once_one_gets_the_name(aws: Aws) -> None:
    """CreateFunction by the same name from several threads: one succeeds, the others conflict."""
    client = aws.client("lambda")
    members = {
        "FunctionName": "wanted-by-many",
        "Role": aws.role,
        "Runtime": RUNTIME,
        "Handler": "app.handler",
        "Code": {"ZipFile": package(app__py=SOURCE)},
    }

    def create(_: int) -> str:
        try:
            return str(client.create_function(**members)["State"])
        except client.exceptions.ResourceConflictException:
            return "conflict"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))

    assert sorted(answers) == ["Pending", *["conflict"] * 7]


def test_a_function_has_one_url(aws: Aws, function: str) -> None:
    """A second CreateFunctionUrlConfig conflicts, and the first URL goes on working."""
    client = aws.client("lambda")
    url = client.create_function_url_config(FunctionName=function, AuthType="NONE")["FunctionUrl"]

    code = refusal(client.create_function_url_config, FunctionName=function, AuthType="NONE")
    with urllib.request.urlopen(url) as answer:
        status = answer.status

    assert code == CONFLICT
    assert status == 200


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"CodeSha256": base64.b64encode(b"another").decode()}, INVALID),
        ({"RevisionId": "another"}, ("PreconditionFailedException", 412)),
    ],
)
def test_a_version_is_published_of_what_the_caller_has_seen(
    aws: Aws, members: dict[str, str], expected: tuple[str, int]
) -> None:
    """Another code or another revision is refused, and there is no version then."""
    name = aws.deploy(SOURCE)
    client = aws.client("lambda")

    assert refusal(client.publish_version, FunctionName=name, **members) == expected
    assert len(client.list_versions_by_function(FunctionName=name)["Versions"]) == 1


def test_no_version_is_published_of_a_function_that_is_not_there(aws: Aws) -> None:
    """A mistake of the caller, which no client tries again."""
    found = refusal(aws.client("lambda").publish_version, FunctionName="nobody")

    assert found == ("ResourceNotFoundException", 404)


def test_a_version_is_published_by_the_digest_and_revision_of_latest(aws: Aws) -> None:
    """The values that GetFunctionConfiguration gives are accepted."""
    name = aws.deploy(SOURCE)
    client = aws.client("lambda")
    seen = client.get_function_configuration(FunctionName=name)

    published = client.publish_version(
        FunctionName=name, CodeSha256=seen["CodeSha256"], RevisionId=seen["RevisionId"]
    )

    assert published["Version"] == "1"


@pytest.mark.parametrize(
    ("attributes", "members", "expected"),
    [
        ({}, {"BatchSize": 10_000}, INVALID),
        ({}, {"BatchSize": 20_000, "MaximumBatchingWindowInSeconds": 1}, INVALID),
        ({"VisibilityTimeout": "5"}, {}, INVALID),
        ({}, {"EventSourceArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:nobody"}, INVALID),
        ({}, {"EventSourceArn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/nobody"}, INVALID),
        ({}, {"EventSourceArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"}, INVALID),
        ({}, {"EventSourceArn": "not an arn"}, INVALID),
        ({}, {"FunctionName": "nobody"}, ("ResourceNotFoundException", 404)),
    ],
)
def test_a_mapping_that_lambda_refuses(
    aws: Aws,
    function: str,
    attributes: dict[str, str],
    members: dict[str, Any],
    expected: tuple[str, int],
) -> None:
    """CreateEventSourceMapping answers as Lambda does, and makes none."""
    url, arn = queue(aws, "refused")
    aws.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "30", **attributes}
    )
    client = aws.client("lambda")
    create = client.create_event_source_mapping

    assert refusal(create, **{"FunctionName": function, "EventSourceArn": arn, **members}) == (
        expected
    )
    assert client.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"] == []


def test_a_source_is_mapped_to_a_function_once(aws: Aws, function: str) -> None:
    """The same again conflicts; another qualifier is another mapping; batches stay in bounds."""
    _, arn = queue(aws, "once")
    client = aws.client("lambda")
    create = client.create_event_source_mapping
    made = create(FunctionName=function, EventSourceArn=arn)["UUID"]

    assert refusal(create, FunctionName=arn_of(function), EventSourceArn=arn) == CONFLICT
    assert refusal(client.update_event_source_mapping, UUID=made, BatchSize=20_000) == INVALID
    assert create(FunctionName=f"{function}:live", EventSourceArn=arn)["UUID"] != made


def test_a_region_that_there_is_not_is_an_error_of_the_client(aws: Aws) -> None:
    """Not an internal failure, neither where moto answers nor elsewhere."""
    client = clients_of(aws.url, "us-west-9")("lambda")
    expected = ("UnrecognizedClientException", 403)

    assert refusal(client.list_functions) == expected
    assert refusal(client.invoke, FunctionName="f") == expected
    assert refusal(client.list_layers) == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b""])
def test_a_body_that_is_no_json_is_an_error_of_the_client(aws: Aws, body: bytes) -> None:
    """InvalidRequestContentException, also for JSON that is no object."""
    request = urllib.request.Request(
        f"{aws.url}/2015-03-31/functions", data=body, headers={"Authorization": authorization()}
    )

    with pytest.raises(HTTPError) as caught:
        urllib.request.urlopen(request)

    assert caught.value.code == 400
    assert json.load(caught.value)["__type"] == "InvalidRequestContentException"


def authorization() -> str:
    return "AWS4-HMAC-SHA256 Credential=any/20261121/us-east-1/lambda/aws4_request, Signature=x"
