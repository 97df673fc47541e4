"""Other work on the machine, as a shared one has it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

#: Busy for some tenths of a second, idle for some, at random.
_HOG = """
import random, time
while True:
    end = time.monotonic() + random.uniform(0.05, 0.5)
    while time.monotonic() < end:
        pass
    time.sleep(random.uniform(0.05, 0.5))
"""


@contextlib.contextmanager
def other_load() -> Iterator[None]:
    """One process that is busy half of the time."""
    hog = subprocess.Popen([sys.executable, "-I", "-S", "-c", _HOG])
    try:
        yield
    finally:
        hog.kill()
        hog.wait()
