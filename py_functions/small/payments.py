"""Incoming invoices: check a payment reference, add up an invoice, hand it to bookkeeping.

Nothing here needs ``xml``, ``decimal`` or ``http``; the handler of each import style hands in
what does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

_REFERENCE = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")

Json = dict[str, Any]


class InvalidRequestError(ValueError):
    """The event is not a request of this function; the message says what is wrong with it."""


class InvalidInvoiceError(ValueError):
    """The invoice cannot be used; the message names the element and what is wrong with it."""


class DeliveryError(RuntimeError):
    """Bookkeeping refused the invoice or could not be reached."""


def handle(
    event: object, total: Callable[[str], Json], deliver: Callable[[str, Json, bool], Json]
) -> Json:
    """Serve one request; ``total`` and ``deliver`` are called only by the actions that need them.

    With ``dry_run``, an invoice is not delivered: the answer tells what would be sent.

    Raises:
        InvalidRequestError: the event is not a request of this function.
        InvalidInvoiceError: the invoice cannot be used.
        DeliveryError: bookkeeping refused the invoice or could not be reached.
    """
    if not isinstance(event, dict):
        raise InvalidRequestError("the event must be a JSON object")
    match event.get("action"):
        case "check":
            return check_reference(_text(event, "reference"))
        case "total":
            return total(_text(event, "invoice"))
        case "deliver":
            url, dry_run = _text(event, "url"), event.get("dry_run", False)
            if not isinstance(dry_run, bool):
                raise InvalidRequestError("dry_run must be true or false")
            invoice = total(_text(event, "invoice"))
            return {**invoice, "delivery": deliver(url, invoice, dry_run)}
    raise InvalidRequestError("action must be one of check, total, deliver")


def check_reference(text: str) -> Json:
    """Check a creditor reference (ISO 11649): the letters RF, two check digits, 1 to 21 characters.

    The check digits are those of ISO 7064, MOD 97-10: with the first four characters moved to the
    end and A to Z read as 10 to 35, the number leaves the remainder 1 when divided by 97.
    """
    reference = text.replace(" ", "").upper()
    if not _REFERENCE.fullmatch(reference):
        return {"reference": reference, "valid": False, "reason": "not of the form RF + 2 digits"}
    number = int("".join(str(int(char, 36)) for char in reference[4:] + reference[:4]))
    if number % 97 != 1:
        return {"reference": reference, "valid": False, "reason": "the check digits do not match"}
    return {"reference": reference, "valid": True}


def _text(event: Json, name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{name} must be a string that is not empty")
    return value
