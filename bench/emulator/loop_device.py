"""Mounts a disk image: attaches it to a loop device that frees itself with its last mount.

The mount is in the function's namespace, so nothing remains, however the function ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import struct

from bench.emulator.ephemeral_storage import LOOP_CONTROL, LOOP_CTL_GET_FREE

# <linux/loop.h>
_LOOP_CONFIGURE = 0x4C0A
_LO_FLAGS_AUTOCLEAR = 4
#: ``struct loop_config``: fd, block size, ``struct loop_info64`` (its flags at byte 52), reserved.
_CONFIGURATION = struct.Struct("=II52xI176x64x")
_ATTEMPTS = 20

_libc = ctypes.CDLL(None, use_errno=True)


def mount(image: str, target: str) -> None:
    """Mount a fresh ext4 ``image`` on ``target``, empty and for everybody to write to.

    Raises:
        OSError: no loop device, or the kernel refuses the mount.
    """
    file = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    try:
        device, name = _attached(file)
    finally:
        os.close(file)
    try:
        if _libc.mount(name.encode(), target.encode(), b"ext4", ctypes.c_ulong(0), None):
            number = ctypes.get_errno()
            raise OSError(number, f"mount {image}: {os.strerror(number)}")
    finally:
        os.close(device)
    os.chmod(target, 0o1777)
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(f"{target}/lost+found")


def _attached(file: int) -> tuple[int, str]:
    """A loop device for an open image; another process may take the free one first."""
    control = os.open(LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(_ATTEMPTS):
            name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            try:
                configuration = _CONFIGURATION.pack(file, 0, _LO_FLAGS_AUTOCLEAR)
                fcntl.ioctl(device, _LOOP_CONFIGURE, configuration)
                return device, name
            except OSError as error:
                os.close(device)
                if error.errno != errno.EBUSY:
                    raise
        raise OSError(errno.EBUSY, "no loop device is free")
    finally:
        os.close(control)
