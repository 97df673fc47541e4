"""``/tmp`` of a given size: an ext4 image in a sparse file, mounted through a loop device.

A tmpfs would be simpler, but what is written to it counts as memory of the function, which it does
not on Lambda. Needs root and ``mkfs.ext4``, which takes some 3 ms.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from functools import cache
from pathlib import Path

from bench.errors import MeasurementError
from bench.subjects import STORAGE_MIN_MB

_MB = 1024 * 1024
#: Inode tables and bitmaps come on top of what the function may use.
_OVERHEAD_PER_CENT = 2
_OVERHEAD_MB = 4
_MAKER = "mkfs.ext4"
LOOP_CONTROL = "/dev/loop-control"
#: <linux/loop.h>
LOOP_CTL_GET_FREE = 0x4C82
_SYSTEM_PATH = ("/usr/sbin", "/sbin", "/usr/bin", "/bin")
_OPTIONS = (
    *("-q", "-F", "-m", "0", "-b", "4096", "-i", "65536", "-O", "^has_journal,^resize_inode"),
    *("-E", "nodiscard,lazy_itable_init=1"),
)
#: Where the image of an environment is, in its scratch directory.
IMAGE = "tmp.ext4"
#: What a function has unless it asks for more.
DEFAULT_MB = STORAGE_MIN_MB


@cache
def obstacle() -> str | None:
    """Why ``/tmp`` cannot have a size here; None if it can."""
    if _maker() is None:
        return f"there is no `{_MAKER}`"
    if not os.access(LOOP_CONTROL, os.R_OK | os.W_OK):
        return "loop devices need root"
    return None if _has_loop_device() else "there is no loop device"


def _has_loop_device() -> bool:
    """Whether there is a device to attach to; containers have the control, but no device."""
    try:
        control = os.open(LOOP_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
        return os.access(name, os.R_OK | os.W_OK)
    except OSError:
        return False
    finally:
        os.close(control)


def is_certain() -> bool:
    """Whether nothing speaks against it, so that it can be done without having been asked for."""
    return obstacle() is None and "\text4\n" in Path("/proc/filesystems").read_text()


class Making:
    """An empty image that is being written; it takes space on disk only as it fills.

    Starts a program without the standard library's way to do so, whose import takes longer than
    the program.

    Args:
        path: the image.
        size_mb: what it will have room for.
    """

    def __init__(self, path: Path, size_mb: int) -> None:
        self.size_mb = size_mb
        image_mb = size_mb * (100 + _OVERHEAD_PER_CENT) // 100 + _OVERHEAD_MB
        try:
            with path.open("wb") as file:
                file.truncate(image_mb * _MB)
        except OSError as error:
            raise self._failure(f"{path}: {error.strerror}") from error
        maker = _maker() or _MAKER
        self._errors, errors = os.pipe2(os.O_CLOEXEC)
        try:
            self._pid = os.posix_spawn(
                maker,
                [maker, *_OPTIONS, str(path)],
                {"PATH": ":".join(_SYSTEM_PATH), "LANG": "C"},
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ],
            )
        except OSError as error:
            os.close(self._errors)
            raise self._failure(f"{maker}: {error.strerror}") from error
        finally:
            os.close(errors)
        self._done = False

    def finish(self) -> None:
        """Wait until it is complete.

        Raises:
            MeasurementError: it cannot be made.
        """
        if self._done:
            return
        self._done = True
        with open(self._errors, "rb") as pipe:
            said = pipe.read().decode(errors="replace").strip()
        _, status = os.waitpid(self._pid, 0)
        if status:
            raise self._failure(said)

    def close(self) -> None:
        """Wait until nobody writes to it any more, complete or not."""
        with contextlib.suppress(MeasurementError):
            self.finish()

    def _failure(self, reason: str) -> MeasurementError:
        return MeasurementError(
            f"cannot make a file system of {self.size_mb} MB for /tmp: {reason}",
            hint="`coldbench doctor` shows whether this machine can limit the size of /tmp",
        )


def make(path: Path, size_mb: int) -> None:
    """Write an image, see :class:`Making`.

    Raises:
        MeasurementError: it cannot be made.
    """
    Making(path, size_mb).finish()


def _maker() -> str | None:
    paths = (f"{directory}/{_MAKER}" for directory in _SYSTEM_PATH)
    return next((path for path in paths if os.access(path, os.X_OK)), None)
