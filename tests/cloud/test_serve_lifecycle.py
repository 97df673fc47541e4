"""Functions, versions and aliases through boto3, as on AWS."""

from __future__ import annotations

import io
import json
import re
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import RUNTIME, Aws, package

pytestmark = pytest.mark.live

WHERE = """
import os
count = 0
def handler(event, context):
    global count
    count += 1
    return {"count": count, "version": context.function_version, "mark": os.environ.get("MARK"),
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb}
"""


def invoke(aws: Aws, name: str, **members: Any) -> Any:
    answer = aws.client("lambda").invoke(FunctionName=name, **members)
    return json.load(answer["Payload"])


def test_a_new_function_is_pending_and_refuses_invokes_until_it_is_active(aws: Aws) -> None:
    """State goes from Pending to Active, and an invoke before that is a conflict."""
    client = aws.client("lambda")
    made = client.create_function(
        FunctionName="pending",
        Runtime=RUNTIME,
        Role=aws.role,
        Handler="app.handler",
        Code={"ZipFile": package(app__py=WHERE)},
    )

    with pytest.raises(client.exceptions.ResourceConflictException, match="Pending"):
        client.invoke(FunctionName="pending")
    client.get_waiter("function_active_v2").wait(FunctionName="pending")

    assert made["State"] == "Pending"
    assert client.get_function_configuration(FunctionName="pending")["State"] == "Active"


def test_an_update_in_progress_leaves_the_old_configuration_running(aws: Aws) -> None:
    """Until LastUpdateStatus is Successful invokes meet the old environment; then a new one."""
    name = aws.deploy(WHERE, Environment={"Variables": {"MARK": "old"}})
    invoke(aws, name)
    updated = aws.client("lambda").update_function_configuration(
        FunctionName=name, Environment={"Variables": {"MARK": "new"}}
    )

    during = invoke(aws, name)
    aws.settle(name)
    after = invoke(aws, name)

    assert updated["LastUpdateStatus"] == "InProgress"
    assert (during["mark"], during["count"]) == ("old", 2)
    assert (after["mark"], after["count"]) == ("new", 1)


def test_an_update_in_progress_refuses_another_change(aws: Aws) -> None:
    """Updates and publishing are conflicts until the first update has taken effect."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    client.update_function_configuration(FunctionName=name, MemorySize=512)

    with pytest.raises(client.exceptions.ResourceConflictException, match="in progress"):
        client.update_function_configuration(FunctionName=name, MemorySize=256)
    with pytest.raises(client.exceptions.ResourceConflictException, match="in progress"):
        client.publish_version(FunctionName=name)


def test_publishing_nothing_new_returns_the_last_version(aws: Aws) -> None:
    """Two calls without a change between them give one version; a change gives the next."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    first = client.publish_version(FunctionName=name)["Version"]
    second = client.publish_version(FunctionName=name)["Version"]
    client.update_function_configuration(FunctionName=name, Description="changed")
    aws.settle(name)

    assert (first, second) == ("1", "1")
    assert client.publish_version(FunctionName=name)["Version"] == "2"


def test_a_deleted_version_is_never_numbered_again(aws: Aws) -> None:
    """The number after a deleted version is a new one."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.delete_function(FunctionName=name, Qualifier="1")

    assert client.publish_version(FunctionName=name)["Version"] == "2"


def test_each_version_has_its_own_environments(aws: Aws) -> None:
    """A published version starts cold although $LATEST is warm, and knows its number and ARN."""
    name = aws.deploy(WHERE)
    invoke(aws, name)
    aws.client("lambda").publish_version(FunctionName=name)

    answer = invoke(aws, name, Qualifier="1")

    assert answer["count"] == 1
    assert answer["version"] == "1"
    assert answer["arn"].endswith(f":function:{name}:1")


def test_an_alias_divides_invokes_by_its_weights(aws: Aws) -> None:
    """With a weight of one half both versions answer, and the answer names the version."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.update_function_configuration(FunctionName=name, Description="two")
    aws.settle(name)
    client.publish_version(FunctionName=name)
    client.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )

    answers = [client.invoke(FunctionName=name, Qualifier="live") for _ in range(40)]

    assert {answer["ExecutedVersion"] for answer in answers} == {"1", "2"}


def test_the_code_can_be_downloaded_where_get_function_says(aws: Aws) -> None:
    """Code.Location gives the bytes that were uploaded."""
    name = aws.deploy(WHERE)
    location = aws.client("lambda").get_function(FunctionName=name)["Code"]["Location"]

    with urllib.request.urlopen(location) as answer:
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))

    assert archive.read("app.py").decode() == WHERE


def test_functions_are_listed_in_pages(aws: Aws) -> None:
    """MaxItems is the size of a page, Marker leads to the next; together they are all, once."""
    client = aws.client("lambda")
    for _ in range(3):
        aws.deploy(WHERE)
    everything = [f["FunctionName"] for f in client.list_functions()["Functions"]]

    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    listed = [[f["FunctionName"] for f in page["Functions"]] for page in pages]

    assert [len(page) for page in listed[:-1]] == [2] * (len(listed) - 1)
    assert [name for page in listed for name in page] == everything
    with pytest.raises(ClientError, match="pagination token"):
        client.list_functions(Marker="nonsense")


def test_the_versions_of_all_functions_are_listed(aws: Aws) -> None:
    """FunctionVersion=ALL has $LATEST and each published version."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)

    found = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    functions = [f for page in found for f in page["Functions"] if f["FunctionName"] == name]

    assert {f["Version"] for f in functions} == {"$LATEST", "1"}


def test_the_time_of_a_change_is_told_in_milliseconds(aws: Aws) -> None:
    """LastModified is ISO 8601 with three digits of a second and the zone as +0000."""
    client = aws.client("lambda")
    name = aws.deploy(WHERE)
    made = client.get_function_configuration(FunctionName=name)["LastModified"]
    changed = client.update_function_configuration(FunctionName=name, Description="changed")

    form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000"
    assert re.fullmatch(form, made)
    assert re.fullmatch(form, changed["LastModified"])
    assert changed["LastModified"] > made


def test_a_deleted_function_is_not_found(aws: Aws) -> None:
    """Invoke and GetFunction of a deleted function are ResourceNotFoundException."""
    name = aws.deploy(WHERE)
    client = aws.client("lambda")
    client.delete_function(FunctionName=name)

    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName=name)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"Architectures": ["arm64"]}, "arm64 does not run on this machine"),
        ({"Runtime": "nodejs22.x"}, "nodejs22.x does not run"),
        ({"Code": {"ZipFile": b"not a zip"}}, "Could not unzip"),
        ({"MemorySize": 20_000}, "MemorySize"),
        ({"Environment": {"Variables": {"A": "x" * 5000}}}, "4KB"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys .*: AWS_REGION"),
        ({"Environment": {"Variables": {"1ST": "x"}}}, "1ST"),
        ({"Role": "arn:aws:iam::123456789012:role/nobody"}, "cannot be assumed"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_created(
    aws: Aws, members: dict[str, Any], words: str
) -> None:
    """The error says which value it was; no function is left behind."""
    members = {"Role": aws.role, "Runtime": RUNTIME, **members}
    members.setdefault("Code", {"ZipFile": package(app__py=WHERE)})
    client = aws.client("lambda")

    with pytest.raises(ClientError, match=words):
        client.create_function(FunctionName="refused", Handler="app.handler", **members)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_function(FunctionName="refused")
