"""Format and size of an image from its first bytes, without decoding it.

PNG: W3C PNG specification, third edition, sections 5.2 and 11.2.1. JPEG: ITU-T T.81, annex B.
"""

from __future__ import annotations

from typing import NamedTuple

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_START = b"\xff\xd8"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a segment: TEM and RST0 to RST7.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_END = frozenset({0xD9, 0xDA})


class InvalidImageError(ValueError):
    """The image is damaged, or neither PNG nor JPEG."""


class Header(NamedTuple):
    """Format and size in pixels, as stored: before any rotation that Exif asks for."""

    format: str
    width: int
    height: int


def read_header(image: bytes) -> Header:
    """Read format and size.

    Raises:
        InvalidImageError: the image is damaged, or neither PNG nor JPEG.
    """
    if image.startswith(_PNG_SIGNATURE):
        header = _read_png(image)
    elif image.startswith(_JPEG_START):
        header = _read_jpeg(image)
    else:
        raise InvalidImageError("the image is neither PNG nor JPEG")
    if header is None or not header.width or not header.height:
        raise InvalidImageError("the header of the image is damaged")
    return header


def _read_png(image: bytes) -> Header | None:
    if image[12:16] != b"IHDR" or len(image) < 24:
        return None
    return Header("PNG", _big_endian(image[16:20]), _big_endian(image[20:24]))


def _read_jpeg(image: bytes) -> Header | None:
    position = 2
    while position + 9 <= len(image) and image[position] == 0xFF:
        marker = image[position + 1]
        if marker in _JPEG_FRAMES:
            height, width = image[position + 5 : position + 7], image[position + 7 : position + 9]
            return Header("JPEG", _big_endian(width), _big_endian(height))
        if marker in _JPEG_END:
            return None
        if marker == 0xFF:
            position += 1
        elif marker in _JPEG_BARE:
            position += 2
        else:
            position += 2 + _big_endian(image[position + 2 : position + 4])
    return None


def _big_endian(data: bytes) -> int:
    return int.from_bytes(data, "big")
