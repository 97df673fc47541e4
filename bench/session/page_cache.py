"""The declared page-cache state of a staged tree: put its files out of the cache, and check."""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


def evict(tree: Path) -> int:
    """Drop all files below ``tree`` from the page cache; returns the pages that stayed resident.

    ``posix_fadvise(POSIX_FADV_DONTNEED)`` is only advice, hence the check with ``mincore(2)``.
    """
    resident = 0
    for path in _files(tree):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            resident += _resident_pages(fd)
        finally:
            os.close(fd)
    return resident


def _files(tree: Path) -> Iterator[str]:
    for directory, _, names in os.walk(tree):
        for name in names:
            yield os.path.join(directory, name)


def _resident_pages(fd: int) -> int:
    size = os.fstat(fd).st_size
    if size == 0:
        return 0
    pages = -(-size // mmap.PAGESIZE)
    vector = (ctypes.c_ubyte * pages)()
    with mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapping:
        anchor = ctypes.c_char.from_buffer(mapping)
        failed = _libc.mincore(ctypes.c_void_p(ctypes.addressof(anchor)), size, vector)
        del anchor
    if failed:
        return pages
    return sum(byte & 1 for byte in vector)
