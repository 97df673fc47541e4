"""``application/vnd.amazon.eventstream``, in which InvokeWithResponseStream answers.

A message is: total length, length of the headers, CRC-32 of these two, headers, payload, CRC-32 of
everything before; integers are big-endian. A header is: length of the name, name, type 7 (string),
length of the value, value.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from zlib import crc32

from bench.emulator.answer import Answer
from bench.serve.environment import Invoked
from bench.serve.streaming import StreamedInvoke

_STRING = 7
_OVERHEAD_BYTES = 16
_PIECE_BYTES = 65_536


def encode_stream(streamed: StreamedInvoke, end: Callable[[Invoked], bytes]) -> Iterator[bytes]:
    """The messages of one answer: its payload in chunks, and how it ended."""
    for piece in streamed.pieces():
        for start in range(0, len(piece), _PIECE_BYTES):
            part = piece[start : start + _PIECE_BYTES]
            yield encode_message("PayloadChunk", "application/octet-stream", part)
    yield end(streamed.result)


def complete(answer: Answer, log_result: str | None) -> bytes:
    """The last message: ``InvokeComplete``, with the error if there was one."""
    end: dict[str, str] = {}
    if answer.function_error is not None:
        end["ErrorCode"] = answer.report.error_type or _error_type(answer)
        end["ErrorDetails"] = answer.payload.decode(errors="replace")
    if log_result is not None:
        end["LogResult"] = log_result
    return encode_message("InvokeComplete", "application/json", json.dumps(end).encode())


def _error_type(answer: Answer) -> str:
    try:
        return str(json.loads(answer.payload)["errorType"])
    except (ValueError, KeyError, TypeError):
        return str(answer.function_error)


def encode_message(event: str, content_type: str, payload: bytes) -> bytes:
    """One message of an event stream."""
    headers = b"".join(
        _header(name, value)
        for name, value in (
            (":event-type", event),
            (":content-type", content_type),
            (":message-type", "event"),
        )
    )
    total = _OVERHEAD_BYTES + len(headers) + len(payload)
    prelude = struct.pack(">II", total, len(headers))
    start = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return start + struct.pack(">I", crc32(start))


def _header(name: str, value: str) -> bytes:
    key, data = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(data)) + data
