"""``/tmp`` of a given size: an ext4 image in a sparse file, mounted through a loop device.

A tmpfs would be simpler, but what is written to it counts as memory of the function, which it does
not on Lambda. Needs root and ``mkfs.ext4``; costs some 6 ms when the environment is prepared.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.emulator import loop_device
from bench.errors import MeasurementError

_MB = 1024 * 1024
#: Inode tables and bitmaps come on top of what the function may use.
_OVERHEAD_PER_CENT = 2
_OVERHEAD_MB = 4
_MAKER = "mkfs.ext4"
_SYSTEM_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def obstacle() -> str | None:
    """Why ``/tmp`` cannot have a size here; None if it can."""
    if shutil.which(_MAKER, path=_SYSTEM_PATH) is None:
        return f"there is no `{_MAKER}`"
    if not os.access(loop_device.CONTROL, os.R_OK | os.W_OK):
        return "loop devices need root"
    return None


def make(path: Path, size_mb: int) -> None:
    """Write an empty image that has room for ``size_mb``; it takes space on disk only as it fills.

    Raises:
        MeasurementError: it cannot be made.
    """
    image_mb = size_mb * (100 + _OVERHEAD_PER_CENT) // 100 + _OVERHEAD_MB
    with path.open("wb") as file:
        file.truncate(image_mb * _MB)
    maker = shutil.which(_MAKER, path=_SYSTEM_PATH) or _MAKER
    options = [
        "-q",
        "-F",
        "-m",
        "0",
        "-b",
        "4096",
        "-i",
        "65536",
        "-O",
        "^has_journal,^resize_inode",
    ]
    extended = ("-E", "nodiscard,lazy_itable_init=1")
    done = subprocess.run(
        [maker, *options, *extended, str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": _SYSTEM_PATH, "LANG": "C"},
    )
    if done.returncode:
        raise MeasurementError(
            f"cannot make a file system of {size_mb} MB for /tmp: {done.stderr.strip()}",
            hint="`coldbench doctor` shows whether this machine can limit the size of /tmp",
        )
