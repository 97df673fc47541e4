"""The Python functions `hello` and `api`."""

from __future__ import annotations

import base64
import json

import pytest
from function_directories import FUNCTIONS, ROOT

CONTRACT = json.loads((ROOT / "fixtures/events/api_contract.json").read_text())


def test_hello_greets_by_name(load):
    """The name of the event is in the greeting, without the space around it."""
    hello = load("hello", "lambda_function")

    assert hello.lambda_handler({"name": " Ada "}, None) == {"message": "Hello, Ada!"}


def test_hello_greets_the_world(load):
    """Without a name, the world is meant."""
    hello = load("hello", "lambda_function")

    assert hello.lambda_handler({}, None) == {"message": "Hello, world!"}


@pytest.mark.parametrize("event", [None, [], {"name": 7}, {"name": " "}, {"name": "x" * 101}])
def test_hello_refuses_an_event_that_it_cannot_use(load, event):
    """A wrong event is an error with a type of its own."""
    hello = load("hello", "lambda_function")

    with pytest.raises(hello.InvalidEventError):
        hello.lambda_handler(event, None)


@pytest.mark.parametrize("entry", CONTRACT, ids=lambda entry: entry["name"])
def test_api_keeps_the_contract_that_it_shares_with_the_go_function(load, entry):
    """The same requests get the same answers, in Go and in Python."""
    app = load("api", "app", **{"ALLOWED_ORIGIN": "", **entry.get("env", {})})

    answers = [app.handler(step["event"], None) for step in entry["steps"]]

    assert [step["expect"] for step in entry["steps"]] == [
        {
            "statusCode": answer["statusCode"],
            "headers": answer["headers"],
            "body": json.loads(answer["body"] or "null"),
        }
        for answer in answers
    ]


def call(app, method: str, path: str, **event: object) -> dict[str, object]:
    return app.handler({"httpMethod": method, "path": path, **event}, None)


def test_api_lists_twenty_items_unless_it_is_told_otherwise(load):
    """A page has an end, and says where the next one begins."""
    app = load("api", "app")
    for number in range(20):
        call(app, "POST", "/items", body=json.dumps({"name": f"n{number}", "price_cents": 1}))

    page = json.loads(call(app, "GET", "/items")["body"])

    assert (len(page["items"]), page["next_after"]) == (20, "20")


def test_api_asks_whether_an_item_exists_before_what_is_wrong_with_the_body(load):
    """The refusals have an order: path, method, id, item, body."""
    assert call(load("api", "app"), "PUT", "/items/99", body="{")["statusCode"] == 404


def test_api_takes_the_id_from_the_path_parameters(load):
    """API Gateway decodes them, and does not decode the path."""
    answer = call(load("api", "app"), "GET", "/items/%32", pathParameters={"id": "2"})

    assert json.loads(answer["body"])["id"] == "2"


@pytest.mark.parametrize("body", [b"\xff", b"\xef\xbb\xbf{}", '{"name": "ä"}'.encode("utf-16")])
def test_api_takes_json_in_utf_8_only(load, body):
    """JSON in another encoding is not guessed at."""
    encoded = base64.b64encode(body).decode()

    answer = call(load("api", "app"), "POST", "/items", body=encoded, isBase64Encoded=True)

    assert json.loads(answer["body"])["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("event", [None, [], "text", 7])
def test_api_refuses_an_event_that_is_not_an_object(load, event):
    """Even a hand-written test event gets an answer."""
    answer = load("api", "app").handler(event, None)

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["error"]["code"] == "unsupported_event"


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"name": "x", "price_cents": ' + "9" * 5000 + "}"]
)
def test_api_answers_a_hostile_body_with_400(load, body):
    """Depth and length that Python's parser does not take are the client's fault, not a crash."""
    event = {"httpMethod": "POST", "path": "/items", "body": body}

    answer = load("api", "app").handler(event, None)

    assert answer["statusCode"] == 400


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("http_v2_list", "apigw_http_v2_list_items"),
        ("rest_v1_create", "apigw_rest_v1_create_item"),
    ],
)
def test_api_is_measured_with_events_of_the_shared_fixtures(name, shared):
    """The function's own events are those that API Gateway sends."""
    own = FUNCTIONS / "api" / "events" / f"{name}.json"
    shared = ROOT / "fixtures" / "events" / f"{shared}.json"

    assert own.read_bytes() == shared.read_bytes()
