"""Thumbnails made with Pillow.

Importing this module loads Pillow; the two import styles differ only in when they do so.
"""

from __future__ import annotations

import io
from typing import Any

from headers import InvalidImageError
from images import Box, Thumbnail
from PIL import Image, ImageOps, UnidentifiedImageError

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 80, "optimize": True, "progressive": True},
    "PNG": {"optimize": True},
}


def shrink(image: bytes, box: Box) -> Thumbnail:
    """Fit an image into a box, upright, not enlarged and without its metadata.

    Raises:
        InvalidImageError: Pillow cannot decode it.
    """
    try:
        with Image.open(io.BytesIO(image), formats=("JPEG", "PNG")) as opened:
            wanted = box.format or opened.format or "PNG"
            # Lets the JPEG decoder leave out what a small size does not show; a square, because
            # the image may yet be turned.
            side = 2 * max(box.width, box.height)
            opened.draft("RGB", (side, side))
            small = _flat(ImageOps.exif_transpose(opened), wanted)
            small.thumbnail((box.width, box.height))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError) as error:
        raise InvalidImageError(f"the image cannot be decoded: {error}") from error
    encoded = io.BytesIO()
    small.save(encoded, wanted, **_OPTIONS[wanted])
    return Thumbnail(encoded.getvalue(), wanted, small.width, small.height)


def _flat(image: Image.Image, wanted: str) -> Image.Image:
    if not image.has_transparency_data:
        flat = image.convert("RGB")
    elif wanted == "PNG":
        flat = image.convert("RGBA")
    else:
        # JPEG has no transparency: what shines through is white.
        layer = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(layer, mask=layer)
    # Comments and the like stay behind; a colour profile fits only the mode that it was made for.
    profile = image.info.get("icc_profile") if image.mode == flat.mode else None
    flat.info = {"icc_profile": profile} if profile else {}
    return flat
