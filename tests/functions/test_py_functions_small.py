"""The Python function `small`: references, invoices and their delivery."""

from __future__ import annotations

import importlib
import json
import socket

import pytest
from function_directories import FUNCTIONS

STYLES = ["eager", "lazy"]
INVOICE = json.loads((FUNCTIONS / "small" / "events" / "used.json").read_text())["invoice"]
TOTAL = {
    "number": "2026-0317",
    "reference": "RF18539007547034",
    "currency": "EUR",
    "lines": 3,
    "net": "110.54",
    "tax": [
        {"percent": "7", "net": "35.54", "tax": "2.49"},
        {"percent": "19", "net": "75.00", "tax": "14.25"},
    ],
    "gross": "127.28",
}


@pytest.fixture(name="serve", params=STYLES)
def _serve(request, load):
    module = load("small", request.param)
    return lambda **event: module.handler(event, None)


@pytest.fixture(name="errors")
def _errors(serve):
    return importlib.import_module("payments")


@pytest.mark.parametrize("text", ["RF18539007547034", "rf18 5390 0754 7034", "RF471234567890"])
def test_a_good_reference_is_valid(serve, text):
    """Spaces and case do not count."""
    assert serve(action="check", reference=text)["valid"] is True


@pytest.mark.parametrize(
    "text", ["RF18539007547035", "RF81539007547034", "DE18539007547034", "RF18", "RF1", "RF18-5"]
)
def test_a_bad_reference_has_a_reason(serve, text):
    """A wrong digit, two exchanged ones and another form are told from a good reference."""
    answer = serve(action="check", reference=text)

    assert answer["valid"] is False
    assert answer["reason"]


def test_adds_up_an_invoice_to_the_cent(serve):
    """Lines and taxes are rounded half up, each tax once for its rate."""
    assert serve(action="total", invoice=INVOICE) == TOTAL


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<Invoice>", "<Bill>", "not XML"),
        ("Invoice>", "Bill>", "root element is Bill"),
        ("<Invoice>", '<!DOCTYPE Invoice [<!ENTITY a "a">]><Invoice>', "document type"),
        ("<Number>2026-0317</Number>", "", "Invoice: Number is missing"),
        ("<Currency>EUR<", "<Currency> <", "Invoice: Currency is missing"),
        ("0754 7034", "0754 7035", "check digits do not match"),
        ("<Quantity>6<", "<Quantity>six<", "Line 1: Quantity 'six' is not a number"),
        ("<Quantity>6<", "<Quantity>NaN<", "Line 1: Quantity 'NaN' is not a number"),
        ("<Quantity>6<", "<Quantity>1e5<", "Line 1: Quantity '1e5' is not a number"),
        ("<UnitPrice>8.90<", "<UnitPrice>-8.90<", "Line 2: UnitPrice '-8.90'"),
        ("<UnitPrice>8.90<", "<UnitPrice>1000000.01<", "from 0 to 1000000"),
        ("<TaxPercent>19<", "<TaxPercent>101<", "Line 1: TaxPercent '101'"),
        ("<Line>", "<Row>", "not XML"),
        ("Line>", "Row>", "0 lines, not 1 to 1000"),
    ],
)
def test_an_invoice_that_is_wrong_is_refused(serve, errors, old, new, message):
    """The error names the element."""
    with pytest.raises(errors.InvalidInvoiceError, match=message):
        serve(action="total", invoice=INVOICE.replace(old, new))


def test_delivers_the_total_to_bookkeeping(serve, aws):
    """The total is posted as JSON, and its status told."""
    answer = serve(action="deliver", invoice=INVOICE, url=f"{aws.url}/invoices?test=1")

    body = json.dumps(TOTAL).encode()
    host, port = aws.url.removeprefix("http://").split(":")
    assert answer["delivery"] == {
        "host": host,
        "port": int(port),
        "path": "/invoices?test=1",
        "bytes": len(body),
        "status": 200,
    }
    assert aws.posted == [("/invoices?test=1", body)]


def test_a_dry_run_sends_nothing(serve, aws):
    """The event that is measured needs no network."""
    answer = serve(action="deliver", invoice=INVOICE, url=f"{aws.url}/invoices", dry_run=True)

    assert answer["delivery"]["status"] is None
    assert answer["gross"] == TOTAL["gross"]
    assert aws.posted == []


def test_a_refusal_of_bookkeeping_is_an_error(serve, aws, errors):
    """An answer that is not 2xx is not a delivery."""
    aws.refusal = (409, "Conflict")

    with pytest.raises(errors.DeliveryError, match="status 409"):
        serve(action="deliver", invoice=INVOICE, url=aws.url)


def test_bookkeeping_that_is_not_there_is_an_error(serve, errors):
    """A refused connection has the same type as a refused invoice."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"

        with pytest.raises(errors.DeliveryError, match="could not be reached"):
            serve(action="deliver", invoice=INVOICE, url=url)


@pytest.mark.parametrize(
    "event",
    [
        {"action": "check"},
        {"action": "total", "invoice": ""},
        {"action": "deliver", "invoice": INVOICE},
        {"action": "deliver", "invoice": INVOICE, "url": "ftp://example.com/"},
        {"action": "deliver", "invoice": INVOICE, "url": "http:///path"},
        {"action": "deliver", "invoice": INVOICE, "url": "http://host:port/"},
        {"action": "deliver", "invoice": INVOICE, "url": "http://host/a b"},
        {"action": "deliver", "invoice": INVOICE, "url": "http://host/", "dry_run": 1},
        {"action": "refund"},
    ],
)
def test_a_request_that_is_wrong_is_refused(serve, errors, event):
    """The error has the type that says: do not try this again."""
    with pytest.raises(errors.InvalidRequestError):
        serve(**event)
