"""S3 that refuses notifications for functions that do not exist, and encodes keys as AWS does."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote_plus

from moto.awslambda.utils import get_backend
from moto.core.exceptions import JsonRESTError
from moto.s3 import notifications, urls
from moto.s3.exceptions import S3ClientError
from moto.s3.models import S3Backend

from bench.serve.errors import ServiceError

#: The word that moto encodes keys of notifications by.
_ENCODER = "quote_plus"


class ServedS3(S3Backend):
    """moto's S3, whose notifications are checked first."""

    @property
    def _url_module(self) -> Any:
        """Moto derives it from the name of the module that a backend is defined in."""
        return urls

    def put_bucket_notification_configuration(
        self, bucket_name: str, notification_config: dict[str, Any]
    ) -> None:
        """Replace the notifications of a bucket; a configuration that is refused changes nothing.

        Raises:
            S3ClientError: a function does not exist.
        """
        for wanted in notification_config.get("CloudFunctionConfiguration") or ():
            if not _exists(wanted["CloudFunction"]):
                raise S3ClientError(
                    "InvalidArgument",
                    "Unable to validate the following destination configurations",
                )
        bucket = self.get_bucket(bucket_name)
        before = bucket.notification_configuration
        try:
            super().put_bucket_notification_configuration(bucket_name, notification_config)
        except S3ClientError:
            bucket.notification_configuration = before
            raise


def encode_keys_as_aws(wanted: bool) -> None:
    """Have notifications leave ``/`` in keys as it is, as those of AWS do, or as moto does not.

    It holds for all that notifications go to: functions, queues, topics.
    """
    vars(notifications)[_ENCODER] = partial(quote_plus, safe="/") if wanted else quote_plus


def _exists(arn: str) -> bool:
    try:
        region, account = arn.split(":")[3:5]
        get_backend(account, region).get_function(arn)
    except (JsonRESTError, ServiceError, KeyError, ValueError):
        return False
    return True
