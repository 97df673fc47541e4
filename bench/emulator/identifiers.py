"""Random UUIDs without :mod:`uuid`, whose import takes longer than a small function."""

from __future__ import annotations

import os

_VERSION_4 = 4 << 76
_VARIANT = 2 << 62


def random_uuid() -> str:
    """A random UUID in its text form: version 4 of RFC 9562, section 5.4."""
    bits = int.from_bytes(os.urandom(16), "big")
    bits = bits & ~(0xF << 76) & ~(0x3 << 62) | _VERSION_4 | _VARIANT
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
