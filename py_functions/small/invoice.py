"""Read an invoice in XML and add it up, to the cent."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from payments import InvalidInvoiceError, check_reference

LINES_MAX = 1_000
CENT = Decimal("0.01")
AMOUNT_MAX = Decimal(1_000_000)

_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def total(text: str) -> dict[str, Any]:
    """Add up the lines of an invoice and their tax.

    Tax is summed per rate and rounded once per rate, half a cent upwards, as EN 16931 has it
    (BR-CO-17).

    Raises:
        InvalidInvoiceError: not XML, not an invoice, or a value that cannot be used.
    """
    root = _parse(text)
    lines = root.findall("Line")
    if not 1 <= len(lines) <= LINES_MAX:
        raise InvalidInvoiceError(f"Invoice has {len(lines)} lines, not 1 to {LINES_MAX}")
    net_by_rate: dict[Decimal, Decimal] = {}
    for number, line in enumerate(lines, 1):
        place = f"Line {number}"
        rate = _amount(line, "TaxPercent", place, Decimal(100))
        net = _amount(line, "Quantity", place) * _amount(line, "UnitPrice", place)
        net_by_rate[rate] = net_by_rate.get(rate, Decimal(0)) + _cents(net)
    taxes = {rate: _cents(net * rate / 100) for rate, net in sorted(net_by_rate.items())}
    net, tax = sum(net_by_rate.values(), Decimal(0)), sum(taxes.values(), Decimal(0))
    return {
        "number": _value(root, "Number", "Invoice"),
        "reference": _reference(root),
        "currency": _value(root, "Currency", "Invoice"),
        "lines": len(lines),
        "net": str(_cents(net)),
        "tax": [
            {"percent": f"{rate:f}", "net": str(net_by_rate[rate]), "tax": str(amount)}
            for rate, amount in taxes.items()
        ],
        "gross": str(_cents(net + tax)),
    }


def _parse(text: str) -> Element:
    # Entities are declared in a document type; without one, none can be expanded.
    if "<!DOCTYPE" in text:
        raise InvalidInvoiceError("an invoice may not have a document type")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InvalidInvoiceError(f"not XML: {error}") from error
    if root.tag != "Invoice":
        raise InvalidInvoiceError(f"the root element is {root.tag}, not Invoice")
    return root


def _reference(root: Element) -> str:
    checked = check_reference(_value(root, "Reference", "Invoice"))
    if not checked["valid"]:
        raise InvalidInvoiceError(f"Invoice: Reference {checked['reference']}: {checked['reason']}")
    return str(checked["reference"])


def _value(element: Element, name: str, place: str) -> str:
    value = (element.findtext(name) or "").strip()
    if not value:
        raise InvalidInvoiceError(f"{place}: {name} is missing")
    return value


def _amount(element: Element, name: str, place: str, most: Decimal = AMOUNT_MAX) -> Decimal:
    text = _value(element, name, place)
    if not _NUMBER.fullmatch(text) or Decimal(text) > most:
        raise InvalidInvoiceError(f"{place}: {name} {text!r} is not a number from 0 to {most}")
    return Decimal(text)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
