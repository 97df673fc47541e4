"""Book the orders of an SQS batch, and leave a trail that can be searched by request id."""

from __future__ import annotations

import json
import logging

from structured import Invocation, configure

_INVOCATION = Invocation()
configure(_INVOCATION)
_LOG = logging.getLogger("orders")


class InvalidEventError(ValueError):
    """The event is not a batch of SQS messages."""


class InvalidOrderError(ValueError):
    """A message is not an order; the message says why."""


def handler(event: object, context: object) -> dict[str, list[dict[str, str]]]:
    """Book each order of the batch and name the messages to be delivered again.

    The answer is SQS's partial batch response: one order that is wrong does not hold up the
    others.

    Raises:
        InvalidEventError: the event is not a batch of SQS messages.
    """
    _INVOCATION.begin(getattr(context, "aws_request_id", None))
    messages = _messages(event)
    _LOG.info("batch received", extra={"messages": len(messages)})
    failed = [message["messageId"] for message in messages if not _book(message)]
    _LOG.info("batch done", extra={"booked": len(messages) - len(failed), "failed": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _messages(event: object) -> list[dict[str, str]]:
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not all(_is_message(record) for record in records):
        _LOG.error("event refused")
        raise InvalidEventError("the event is not a batch of SQS messages")
    return records


def _is_message(record: object) -> bool:
    return (
        isinstance(record, dict)
        and record.get("eventSource") == "aws:sqs"
        and isinstance(record.get("messageId"), str)
        and isinstance(record.get("body"), str)
    )


def _book(message: dict[str, str]) -> bool:
    about = {"messageId": message["messageId"]}
    try:
        order = _order(message["body"])
    except InvalidOrderError:
        _LOG.exception("order refused", extra=about)
        return False
    _LOG.debug("order parsed", extra={**about, "order": order})
    _LOG.info(
        "order booked",
        extra={**about, "orderId": order["order_id"], "totalCents": order["total_cents"]},
    )
    return True


def _order(body: str) -> dict[str, object]:
    try:
        order = json.loads(body)
    except ValueError as error:
        raise InvalidOrderError(f"the body is not JSON: {error}") from error
    if not isinstance(order, dict):
        raise InvalidOrderError("the body is not a JSON object")
    order_id, total = order.get("order_id"), order.get("total_cents")
    if not isinstance(order_id, str) or not order_id:
        raise InvalidOrderError("order_id must be a string that is not empty")
    # type() and not isinstance(): True is an int.
    if type(total) is not int or total < 0:
        raise InvalidOrderError("total_cents must be an integer that is not negative")
    return order
