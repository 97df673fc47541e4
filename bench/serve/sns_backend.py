"""SNS that hands functions the whole notification; moto's drops topic and attributes."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, cast

from moto.awslambda.utils import get_backend
from moto.sns import urls
from moto.sns.models import SNSBackend, Subscription


class ServedSubscription(Subscription):
    """A subscription that also reaches functions."""

    def publish(
        self,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        group_id: str | None = None,
        deduplication_id: str | None = None,
        message_structure: str | None = None,
    ) -> None:
        """Invoke a function asynchronously; leave other protocols to moto."""
        if self.protocol != "lambda":
            super().publish(
                message,
                message_id,
                subject,
                message_attributes,
                group_id,
                deduplication_id,
                message_structure,
            )
            return
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        event = json.dumps(self._event(message, message_id, subject, message_attributes or {}))
        region, account = self.endpoint.split(":")[3:5]
        get_backend(account, region).invoke(self.endpoint, None, event, {}, {})

    def _event(
        self, message: str, message_id: str, subject: str | None, attributes: dict[str, Any]
    ) -> dict[str, Any]:
        notification = {
            "Type": "Notification",
            "MessageId": message_id,
            "TopicArn": self.topic.arn,
            "Subject": subject,
            "Message": message,
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
            "SignatureVersion": "1",
            "Signature": "none",
            "SigningCertUrl": "",
            "UnsubscribeUrl": "",
            "MessageAttributes": {
                name: {"Type": value["Type"], "Value": _text(value["Value"])}
                for name, value in attributes.items()
            },
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.arn,
            "Sns": notification,
        }
        return {"Records": [record]}


class ServedSns(SNSBackend):
    """moto's SNS with our subscriptions."""

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    def subscribe(self, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
        """Subscribe, or give the subscription that there is."""
        made = super().subscribe(topic_arn, endpoint, protocol)
        if isinstance(made, ServedSubscription):
            return made
        served = cast(Subscription, ServedSubscription.__new__(ServedSubscription))
        served.__dict__ = made.__dict__
        self.subscriptions[made.arn] = served
        return served


def _text(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
