"""Memory for long bodies: new memory costs more time than what is received into it."""

from __future__ import annotations

from collections import deque
from typing import ClassVar


class BodyBuffer:
    """Room for one body of ``size`` bytes; the memory of the last one is used again.

    Threads may have buffers at the same time; one of them is kept when they are through.
    """

    _spare: ClassVar[deque[bytearray]] = deque(maxlen=1)

    def __init__(self, size: int) -> None:
        try:
            memory = self._spare.pop()
        except IndexError:
            memory = bytearray(size)
        self._memory = memory if len(memory) >= size else bytearray(size)
        #: Where to put the bytes.
        self.view = memoryview(self._memory)[:size]

    def taken(self, size: int) -> bytes:
        """The first ``size`` bytes, after which the buffer is not to be used any more."""
        body = bytes(self.view[:size])
        self.view.release()
        self._spare.append(self._memory)
        return body
