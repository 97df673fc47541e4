"""Function URLs over plain HTTP."""

from __future__ import annotations

import json
import urllib.request
from urllib.error import HTTPError

import pytest

from .conftest import Aws
from .test_serve_invoke import streaming_package

pytestmark = pytest.mark.live

ECHO = """
def handler(event, context):
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    return {"statusCode": 201, "headers": {"X-Own": "yes"}, "cookies": ["a=b"],
            "body": event["requestContext"]["http"]["method"] + " " + event["rawPath"] + " "
                    + event["queryStringParameters"]["q"] + " " + event["body"]}
"""


def url_of(aws: Aws, name: str, mode: str = "BUFFERED") -> str:
    made = aws.client("lambda").create_function_url_config(
        FunctionName=name, AuthType="NONE", InvokeMode=mode
    )
    return str(made["FunctionUrl"])


def test_a_request_becomes_an_event_and_the_answer_a_response(aws: Aws) -> None:
    """Method, path, query and body reach the function; status, headers and cookies come back."""
    url = url_of(aws, aws.deploy(ECHO))
    request = urllib.request.Request(
        f"{url}some/path?q=1", data=b"text", headers={"Content-Type": "text/plain"}
    )

    with urllib.request.urlopen(request) as answer:
        body = answer.read()

    assert answer.status == 201
    assert (answer.headers["X-Own"], answer.headers["Set-Cookie"]) == ("yes", "a=b")
    assert body == b"POST /some/path 1 text"


def test_an_error_of_the_function_is_502(aws: Aws) -> None:
    """Nothing of the error reaches the caller of a URL."""
    url = url_of(aws, aws.deploy(ECHO))

    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{url}fail")

    assert refused.value.code == 502
    assert json.load(refused.value) == {"Message": "Internal Server Error"}


def test_a_url_that_streams_sends_the_pieces(aws: Aws) -> None:
    """InvokeMode RESPONSE_STREAM gives what the function streamed, with its type."""
    name = aws.deploy(
        "", Runtime="provided.al2023", Handler="any", Code={"ZipFile": streaming_package()}
    )

    with urllib.request.urlopen(url_of(aws, name, "RESPONSE_STREAM")) as answer:
        body = answer.read()

    assert answer.headers["Content-Type"] == "text/plain"
    assert body == b"piece0piece1piece2"


def test_an_unknown_url_is_404(aws: Aws) -> None:
    """A URL that was never made, or was deleted, answers 404."""
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(f"{aws.url}/lambda-url/unknown/")

    assert refused.value.code == 404
