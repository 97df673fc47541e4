"""Import the XML parser, decimal numbers and the HTTP client when a request first needs them."""

from __future__ import annotations

from payments import Json, handle


def handler(event: object, context: object) -> Json:
    """Serve one request; checking a reference loads none of the three."""
    return handle(event, _total, _deliver)


# Python's own import lock makes a second thread wait until a module is complete.
def _total(text: str) -> Json:
    from invoice import total

    return total(text)


def _deliver(url: str, invoice: Json, dry_run: bool) -> Json:
    from delivery import deliver

    return deliver(url, invoice, dry_run)
