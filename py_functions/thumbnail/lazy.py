"""Import Pillow when a request first needs it."""

from __future__ import annotations

from images import Box, Json, Thumbnail, handle


def handler(event: object, context: object) -> Json:
    """Serve one request; looking at a header never loads Pillow."""
    return handle(event, _shrink)


def _shrink(image: bytes, box: Box) -> Thumbnail:
    # Python's own import lock makes a second thread wait until the module is complete.
    from shrinking import shrink

    return shrink(image, box)
