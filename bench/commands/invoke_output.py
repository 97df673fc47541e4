"""What ``coldbench invoke`` says: responses on stdout, the log on stderr, or all of it as JSON."""

from __future__ import annotations

import errno
import json
import os
import select
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from bench.emulator.platform_format import format_json, format_text
from bench.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.commands.invoke_options import InvokeOptions
    from bench.emulator.answer import Answer
    from bench.emulator.conversation import ResponseSink
    from bench.emulator.platform_lines import PlatformLine

#: How much of the log may wait for who reads it, before the rest of us does.
_LEFT_BYTES = 256 * 1024


class Output:
    """Takes answers, pieces of them and log lines as they come."""

    def __init__(self, options: InvokeOptions) -> None:
        self._options = options
        self._stderr = _Stream(sys.stderr.buffer, "the log")
        self._stdout = _Stream(sys.stdout.buffer, "the response")
        self._documents: list[dict[str, Any]] = []
        self._answers = 0
        self._is_streaming = False

    @property
    def sink(self) -> ResponseSink | None:
        """What takes the pieces of a streamed response; None where all of it is wanted at once."""
        return None if self._options.json else self._piece

    @property
    def wants_log(self) -> bool:
        """Whether the whole log is part of what is printed at the end."""
        return self._options.json

    def note(self, text: str) -> None:
        """Tell the user something that is not of the function."""
        if self._options.verbosity >= 0:
            self._stderr.write(f"coldbench: {text}\n".encode())

    @property
    def follows(self) -> Callable[[], bool] | None:
        """Tells whether the log can be shown right now without waiting; None if it is not shown."""
        return None if self._options.verbosity < 0 else self._stderr.has_written_all

    def log(self, line: PlatformLine | bytes) -> None:
        """Take a platform line, or a piece of the function's own output."""
        if self._options.verbosity < 0:
            return
        if isinstance(line, bytes):
            self._stderr.write_some(line)
        elif self._options.log_json:
            self._stderr.write(format_json(line, time.time_ns()).encode() + b"\n")
        else:
            self._stderr.write(format_text(line).encode() + b"\n")

    def _piece(self, _content_type: str, data: bytes) -> None:
        if not self._is_streaming:
            self._separate()
        self._is_streaming = True
        self._stdout.write(data)

    def add(self, answer: Answer) -> None:
        """Take an answer; it is on stdout when this returns, unless JSON is wanted."""
        if self._options.json:
            self._documents.append(_document(answer))
        elif not self._is_streaming:
            self._separate()
            self._stdout.write(answer.payload)
        elif answer.function_error is not None:
            # What came before it is a response in parts already, which an error cannot join.
            self._stderr.write(answer.payload + b"\n")
        self._answers += 1
        self._is_streaming = False

    def _separate(self) -> None:
        """Several bodies are one to a line; a single one is not touched."""
        if self._answers:
            self._stdout.write(b"\n")

    def flush(self) -> None:
        """Write what somebody who reads slowly has not taken yet."""
        self._stderr.write(b"")

    def rest(self) -> str:
        """What is to be printed at the end: with ``--json`` the documents."""
        if not self._options.json:
            return ""
        whole = self._documents if self._options.repeat > 1 else self._documents[0]
        return json.dumps(whole, indent=2) + "\n"


def _document(answer: Answer) -> dict[str, Any]:
    from bench.codec import to_json

    response: Any
    try:
        response = json.loads(answer.payload)
    except (ValueError, RecursionError):
        response = answer.payload.decode(errors="replace")
    return {
        "response": response,
        "function_error": answer.function_error,
        "log": answer.log.decode(errors="replace"),
        "report": to_json(answer.report),
        "phases": answer.phases,
    }


class _Stream:
    """Standard output or error; a reader that left early is no reason to stop."""

    def __init__(self, stream: BinaryIO, content: str) -> None:
        self._stream = stream
        self._content = content
        self._left = b""

    def write(self, data: bytes) -> None:
        """Write all of it now.

        Raises:
            StorageError: the file that it goes to cannot take it.
        """
        data, self._left = self._left + data, b""
        with self._told_errors():
            self._stream.write(data)
            self._stream.flush()

    def write_some(self, data: bytes) -> None:
        """Write what fits without waiting for who reads; the rest comes before what is next.

        While somebody pages through the log, a function must not be late for its timeout.

        Raises:
            StorageError: the file that it goes to cannot take it.
        """
        if len(self._left) + len(data) > _LEFT_BYTES:
            self.write(data)
            return
        self._left += data
        self.has_written_all()

    def has_written_all(self) -> bool:
        """Whether nothing is left, after what fits has been written."""
        with self._told_errors():
            fd = self._stream.fileno()
            while self._left and select.select((), (fd,), (), 0)[1]:
                self._left = self._left[os.write(fd, self._left[: select.PIPE_BUF]) :]
        return not self._left

    @contextmanager
    def _told_errors(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self._discard()
        except OSError as error:
            self._discard()
            if error.errno == errno.ENOSPC:
                raise StorageError(f"no space left to write {self._content}") from error
            raise StorageError(f"cannot write {self._content}: {error.strerror}") from error

    def _discard(self) -> None:
        """What is buffered still, and what comes, goes nowhere."""
        self._left = b""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
