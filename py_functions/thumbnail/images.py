"""Thumbnails of PNG and JPEG images: what a request may ask, and where the image is.

An image comes in the event as base64, from S3 by bucket and key, or with S3's own notification
that an object was created. Nothing here needs Pillow; making a thumbnail does, and the handler of
each import style hands that in.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from headers import Header, InvalidImageError, read_header

SIDE_MAX = 1_024
DEFAULT_SIDE = 128
IMAGE_MAX_BYTES = 20_000_000
PIXELS_MAX = 50_000_000
FORMATS = ("JPEG", "PNG")
PREFIX = "thumbnails/"

Json = dict[str, Any]


class InvalidRequestError(ValueError):
    """The event is not a request of this function; the message says what is wrong with it."""


class ImageTooLargeError(InvalidImageError):
    """The image has more bytes or pixels than this function takes."""


class Box(NamedTuple):
    """The largest size of a thumbnail in pixels, and its format (None = as the image)."""

    width: int
    height: int
    format: str | None


class Thumbnail(NamedTuple):
    """An encoded thumbnail and its size in pixels."""

    data: bytes
    format: str
    width: int
    height: int


Shrink = Callable[[bytes, Box], Thumbnail]


def handle(event: object, shrink: Shrink) -> Json:
    """Serve one request; ``shrink`` is called only to make a thumbnail.

    Raises:
        InvalidRequestError: the event is not a request of this function.
        InvalidImageError: the image is damaged, or neither PNG nor JPEG.
        ImageTooLargeError: the image has too many bytes or pixels.
        ObjectError: S3 refused the image or the thumbnail.
    """
    if not isinstance(event, dict):
        raise InvalidRequestError("the event must be a JSON object")
    if "Records" in event:
        return {"results": [_serve_notification(record, shrink) for record in _records(event)]}
    action = event.get("action", "thumbnail")
    if action not in ("inspect", "thumbnail"):
        raise InvalidRequestError("action must be one of inspect, thumbnail")
    box = read_box(event)
    image = _image_of(event)
    header = check(image)
    described = {"source": {**header._asdict(), "bytes": len(image)}}
    if action == "inspect":
        return described
    return {**described, **_encoded(shrink(image, box))}


def read_box(event: Json) -> Box:
    """Read the size and format that the thumbnail should have.

    Raises:
        InvalidRequestError: a size or format that cannot be made.
    """
    sides = {name: event.get(name, DEFAULT_SIDE) for name in ("max_width", "max_height")}
    for name, side in sides.items():
        # type() and not isinstance(): True is an int.
        if type(side) is not int or not 1 <= side <= SIDE_MAX:
            raise InvalidRequestError(f"{name} must be an integer from 1 to {SIDE_MAX}")
    wanted = event.get("format")
    if wanted is not None and wanted not in FORMATS:
        raise InvalidRequestError(f"format must be one of {', '.join(FORMATS)}")
    return Box(sides["max_width"], sides["max_height"], wanted)


def check(image: bytes) -> Header:
    """Refuse an image before it costs memory.

    Raises:
        InvalidImageError: neither PNG nor JPEG.
        ImageTooLargeError: too many bytes or pixels.
    """
    if len(image) > IMAGE_MAX_BYTES:
        raise ImageTooLargeError(f"the image has {len(image)} bytes, more than {IMAGE_MAX_BYTES}")
    header = read_header(image)
    if header.width * header.height > PIXELS_MAX:
        raise ImageTooLargeError(
            f"the image has {header.width} x {header.height} pixels, more than {PIXELS_MAX}"
        )
    return header


def _image_of(event: Json) -> bytes:
    text = event.get("image")
    if isinstance(text, str) and "bucket" not in event and "key" not in event:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequestError("image is not valid base64") from None
    bucket, key = event.get("bucket"), event.get("key")
    if text is None and _is_name(bucket) and _is_name(key):
        from objects import get_object

        return get_object(bucket, key, IMAGE_MAX_BYTES)
    raise InvalidRequestError("give either the image as base64, or the bucket and key of one")


def _encoded(thumbnail: Thumbnail) -> Json:
    return {
        "image": base64.b64encode(thumbnail.data).decode(),
        "content_type": content_type(thumbnail),
        "width": thumbnail.width,
        "height": thumbnail.height,
        "bytes": len(thumbnail.data),
    }


def content_type(thumbnail: Thumbnail) -> str:
    """Name the media type of a thumbnail."""
    return f"image/{thumbnail.format.lower()}"


def _records(event: Json) -> list[tuple[str, str]]:
    try:
        locations = [
            (record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"]))
            for record in event["Records"]
        ]
    except (TypeError, KeyError, AttributeError):
        raise InvalidRequestError("Records is not a notification of S3") from None
    if not all(_is_name(name) for location in locations for name in location):
        raise InvalidRequestError("Records is not a notification of S3")
    return locations


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _serve_notification(location: tuple[str, str], shrink: Shrink) -> Json:
    bucket, key = location
    # Storing a thumbnail notifies this function again; that must end here.
    if key.startswith(PREFIX):
        return {"bucket": bucket, "key": key, "skipped": "already a thumbnail"}
    from objects import get_object, put_object

    image = get_object(bucket, key, IMAGE_MAX_BYTES)
    header = check(image)
    thumbnail = shrink(image, Box(DEFAULT_SIDE, DEFAULT_SIDE, header.format))
    put_object(bucket, PREFIX + key, thumbnail.data, content_type(thumbnail))
    return {
        "bucket": bucket,
        "key": key,
        "thumbnail": PREFIX + key,
        "width": thumbnail.width,
        "height": thumbnail.height,
        "bytes": len(thumbnail.data),
    }
