"""A document store: what a request may ask, and what happens then.

The text of a document is an object in S3 whose key has the digest of the text, so a new version
never overwrites an old one; a DynamoDB item per document says which object is its current one.
AWS itself is behind the ``storage`` that the handler of each import style hands in.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws import Storage

ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
TITLE_MAX = 200
TEXT_MAX_BYTES = 1_000_000
EXPIRES_MAX_S = 3_600

Json = dict[str, Any]


class InvalidRequestError(ValueError):
    """The event is not a request of this function; the message says what is wrong with it."""


class DocumentNotFoundError(LookupError):
    """There is no document with this id."""


class DocumentExistsError(Exception):
    """There is a document with this id, and the request did not say ``replace``."""


class StorageError(RuntimeError):
    """AWS refused or could not be reached; the message names the call and AWS's own code."""


def handle(event: object, storage: Callable[[], Storage]) -> Json:
    """Serve one request; ``storage`` is called only by the actions that need AWS.

    Raises:
        InvalidRequestError: the event is not a request of this function.
        DocumentNotFoundError: ``get`` or ``share`` of a document that is not there.
        DocumentExistsError: ``put`` of a document that is there, without ``replace``.
        StorageError: AWS refused or could not be reached.
    """
    if not isinstance(event, dict):
        raise InvalidRequestError("the event must be a JSON object")
    action = _ACTIONS.get(str(event.get("action")))
    if action is None:
        raise InvalidRequestError(f"action must be one of {', '.join(_ACTIONS)}")
    return action(event, storage)


def _check(event: Json, storage: Callable[[], Storage]) -> Json:
    document = parse_document(event)
    return {"valid": True, "document": _without_text(document)}


def _put(event: Json, storage: Callable[[], Storage]) -> Json:
    document = parse_document(event)
    replace, dry_run = _flag(event, "replace"), _flag(event, "dry_run")
    if dry_run:
        return {"stored": False, "plan": storage().plan(document)}
    storage().put(document, replace=replace)
    return {"stored": True, "document": _without_text(document)}


def _get(event: Json, storage: Callable[[], Storage]) -> Json:
    document = storage().get(_document_id(event))
    digest = hashlib.sha256(str(document["text"]).encode()).hexdigest()
    if digest != document["digest"]:
        raise StorageError(f"the text of {document['id']} is damaged: its digest is {digest}")
    return {"document": document}


def _share(event: Json, storage: Callable[[], Storage]) -> Json:
    expires = event.get("expires_s", 900)
    # type() and not isinstance(): True is an int.
    if type(expires) is not int or not 1 <= expires <= EXPIRES_MAX_S:
        raise InvalidRequestError(f"expires_s must be an integer from 1 to {EXPIRES_MAX_S}")
    return {"url": storage().share(_document_id(event), expires), "expires_s": expires}


_ACTIONS = {"check": _check, "put": _put, "get": _get, "share": _share}


def parse_document(event: Json) -> Json:
    """Check the document of a request, and add its size, digest and object key.

    Raises:
        InvalidRequestError: with every field that is wrong.
    """
    problems = []
    document_id, title, text = event.get("id"), event.get("title"), event.get("text")
    tags = event.get("tags", [])
    if not _is_id(document_id):
        problems.append("id must be 1 to 63 of a-z, 0-9 and -")
    if not isinstance(title, str) or not 1 <= len(title.strip()) <= TITLE_MAX:
        problems.append(f"title must be a string of 1 to {TITLE_MAX} characters")
    if not isinstance(text, str) or not 1 <= len(_encoded(text)) <= TEXT_MAX_BYTES:
        problems.append(f"text must be a string of 1 to {TEXT_MAX_BYTES} bytes of UTF-8")
    if not isinstance(tags, list) or not all(_is_id(tag) for tag in tags):
        problems.append("tags must be a list of strings, each 1 to 63 of a-z, 0-9 and -")
    if problems:
        raise InvalidRequestError("; ".join(problems))
    digest = hashlib.sha256(_encoded(text)).hexdigest()
    return {
        "id": document_id,
        "title": title.strip(),
        "tags": sorted(set(tags)),
        "size_bytes": len(_encoded(text)),
        "digest": digest,
        "key": f"documents/{document_id}/{digest[:16]}.txt",
        "text": text,
    }


def _encoded(text: str) -> bytes:
    # JSON can spell half of a surrogate pair, which has no UTF-8; count it as nothing.
    try:
        return text.encode()
    except UnicodeEncodeError:
        return b""


def _is_id(value: object) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _document_id(event: Json) -> str:
    document_id = event.get("id")
    if not _is_id(document_id):
        raise InvalidRequestError("id must be 1 to 63 of a-z, 0-9 and -")
    return str(document_id)


def _flag(event: Json, name: str) -> bool:
    value = event.get(name, False)
    if not isinstance(value, bool):
        raise InvalidRequestError(f"{name} must be true or false")
    return value


def _without_text(document: Json) -> Json:
    return {key: value for key, value in document.items() if key != "text"}
