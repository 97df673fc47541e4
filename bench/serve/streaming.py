"""An invoke whose response is passed on while the function still writes it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from bench.emulator.conversation import ResponseSink
from bench.serve.environment import Invoked

Run = Callable[[ResponseSink], Invoked]


class StreamedInvoke:
    """Runs an invoke in a thread of its own.

    Raises, when made, what the invoke raises before its first piece.

    Args:
        run: invokes with a sink for the pieces, and waits for the end.
    """

    def __init__(self, run: Run) -> None:
        self._items: queue.SimpleQueue[tuple[str, bytes] | Invoked | Exception] = (
            queue.SimpleQueue()
        )
        self._result: Invoked | None = None
        threading.Thread(target=self._work, args=(run,), daemon=True).start()
        first = self._items.get()
        if isinstance(first, Exception):
            raise first
        self._first: tuple[str, bytes] | None = None
        if isinstance(first, Invoked):
            self._result = first
        else:
            self._first = first

    @property
    def content_type(self) -> str:
        """The type of the response."""
        if self._first is not None:
            return self._first[0]
        return self.result.answer.content_type

    @property
    def result(self) -> Invoked:
        """How it ended; only after the last of the pieces."""
        assert self._result is not None, "the invoke is not over"
        return self._result

    def pieces(self) -> Iterator[bytes]:
        """The response as it comes; a buffered one in one piece, and nothing of an error.

        Raises:
            Exception: what the endpoint itself failed with in the middle.
        """
        if self._first is None:
            if self.result.answer.function_error is None:
                yield self.result.answer.payload
            return
        yield self._first[1]
        while True:
            item = self._items.get()
            if isinstance(item, Exception):
                raise item
            if isinstance(item, Invoked):
                self._result = item
                return
            yield item[1]

    def _work(self, run: Run) -> None:
        try:
            self._items.put(run(lambda kind, piece: self._items.put((kind, piece))))
        except Exception as error:
            self._items.put(error)
