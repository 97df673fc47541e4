"""The Python function `storage`, against S3 and DynamoDB on an endpoint of our own."""

from __future__ import annotations

import hashlib
import importlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from function_directories import FUNCTIONS

STYLES = ["eager", "lazy"]
NOTE = {"id": "note-1", "title": " A note ", "tags": ["b", "a", "b"], "text": "Grüße"}
DIGEST = hashlib.sha256("Grüße".encode()).hexdigest()
KEY = f"documents/note-1/{DIGEST[:16]}.txt"
STORED = {
    "id": "note-1",
    "title": "A note",
    "tags": ["a", "b"],
    "size_bytes": 7,
    "digest": DIGEST,
    "key": KEY,
}
USED = json.loads((FUNCTIONS / "storage" / "events" / "used.json").read_text())


@pytest.fixture(name="serve", params=STYLES)
def _serve(request, load, aws):
    module = load("storage", request.param, AWS_ENDPOINT_URL=aws.url)
    return lambda **event: module.handler(event, None)


@pytest.fixture(name="errors")
def _errors(serve):
    return importlib.import_module("documents")


def test_put_stores_the_text_and_the_item(serve, aws):
    """The text goes to S3 under its digest, and the table points to it."""
    answer = serve(action="put", **NOTE)

    assert answer == {"stored": True, "document": STORED}
    assert aws.objects == {f"documents/{KEY}": "Grüße".encode()}
    assert aws.content_types == {f"documents/{KEY}": "text/plain; charset=utf-8"}
    assert aws.items["documents", "note-1"]["key"] == {"S": KEY}
    assert aws.items["documents", "note-1"]["size_bytes"] == {"N": "7"}


def test_get_returns_what_put_stored(serve):
    """A document survives the way to AWS and back."""
    serve(action="put", **NOTE)

    assert serve(action="get", id="note-1") == {"document": {**STORED, "text": "Grüße"}}


def test_put_does_not_replace_unless_it_is_told_to(serve, aws, errors):
    """The current version stays, and so does its text."""
    serve(action="put", **NOTE)

    with pytest.raises(errors.DocumentExistsError, match="note-1"):
        serve(action="put", **{**NOTE, "text": "other"})

    assert serve(action="get", id="note-1")["document"]["text"] == "Grüße"
    assert serve(action="put", **{**NOTE, "text": "other"}, replace=True)["stored"]
    assert serve(action="get", id="note-1")["document"]["text"] == "other"
    assert len(aws.objects) == 2


@pytest.mark.parametrize("action", ["get", "share"])
def test_a_document_that_is_not_there_is_an_error_of_its_own(serve, errors, action):
    """A caller can tell a missing document from a failure."""
    with pytest.raises(errors.DocumentNotFoundError, match="note-9"):
        serve(action=action, id="note-9")


def test_share_signs_a_link_to_the_current_text(serve, aws):
    """Anybody can fetch the text with the link alone, until it expires."""
    serve(action="put", **NOTE)

    answer = serve(action="share", id="note-1", expires_s=60)

    link = urlsplit(answer["url"])
    assert answer["expires_s"] == 60
    assert aws.url == f"{link.scheme}://{link.netloc}"
    assert link.path == f"/documents/{KEY}"
    assert parse_qs(link.query)["X-Amz-Expires"] == ["60"]
    assert parse_qs(link.query)["X-Amz-Credential"][0].startswith("AKIDEXAMPLE/")


def test_get_notices_a_damaged_text(serve, aws, errors):
    """What is not what was stored is not handed out."""
    serve(action="put", **NOTE)
    aws.objects[f"documents/{KEY}"] = b"something else"

    with pytest.raises(errors.StorageError, match="damaged"):
        serve(action="get", id="note-1")


@pytest.mark.parametrize("action", ["put", "get", "share"])
def test_a_refusal_of_aws_names_its_code(serve, aws, errors, action):
    """The error says which permission or resource to look at."""
    aws.refusal = (403, "AccessDeniedException")

    with pytest.raises(errors.StorageError, match="AccessDeniedException"):
        serve(**{**NOTE, "action": action})


def test_a_dry_run_signs_and_serialises_but_sends_nothing(serve, aws):
    """The event that is measured needs no network."""
    answer = serve(**USED)

    assert answer["stored"] is False
    assert answer["plan"]["item"]["Item"]["title"] == {"S": USED["title"]}
    assert "X-Amz-Signature" in answer["plan"]["upload"]["parameters"]
    assert (aws.objects, aws.items, aws.posted) == ({}, {}, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "No"}, "id must be"),
        ({"id": "x" * 64}, "id must be"),
        ({"title": "  "}, "title must be"),
        ({"text": ""}, "text must be"),
        ({"text": "é" * 500_001}, "text must be"),
        ({"text": "\ud800"}, "text must be"),
        ({"tags": "a"}, "tags must be"),
        ({"tags": ["A"]}, "tags must be"),
        ({"id": None, "text": 7}, "id must be .*; text must be"),
        ({"dry_run": "yes"}, "dry_run must be"),
        ({"replace": 1}, "replace must be"),
        ({"action": "share", "expires_s": 0}, "expires_s must be"),
        ({"action": "share", "expires_s": True}, "expires_s must be"),
        ({"action": "get", "id": "../x"}, "id must be"),
        ({"action": "delete"}, "action must be one of check, put, get, share"),
    ],
)
def test_a_request_that_is_wrong_never_reaches_aws(serve, aws, errors, change, message):
    """Each rule is checked before anything is stored."""
    with pytest.raises(errors.InvalidRequestError, match=message):
        serve(**{**NOTE, "action": "put", **change})

    assert (aws.objects, aws.items, aws.posted) == ({}, {}, [])


def test_lazy_serves_threads_that_come_at_once(load, aws):
    """Threads that all need the clients first share one set of them."""
    lazy = load("storage", "lazy", AWS_ENDPOINT_URL=aws.url)
    gate = threading.Barrier(8)

    def put(number: int) -> object:
        gate.wait()
        lazy.handler({**NOTE, "action": "put", "id": f"note-{number}"}, None)
        return lazy._STORAGE

    with ThreadPoolExecutor(8) as threads:
        used = list(threads.map(put, range(8)))

    assert len(aws.items) == 8
    assert len({id(storage) for storage in used}) == 1


def test_eager_without_its_configuration_fails_at_the_start(load):
    """A missing variable stops the environment from starting, with its name."""
    with pytest.raises(RuntimeError, match="BUCKET"):
        load("storage", "eager", BUCKET="")
