from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.emulator.log_frames import Output, OutputReader, split

_TIME_US = 1_791_444_629_470_123


def _frame(text: bytes, kind: int = 0xA55A0003) -> bytes:
    return (
        kind.to_bytes(4, "big") + len(text).to_bytes(4, "big") + _TIME_US.to_bytes(8, "big") + text
    )


@pytest.mark.parametrize(
    ("kind", "level"),
    [
        (0xA55A0003, None),
        (0xA55A0002, None),
        (0xA55A000B, "DEBUG"),
        (0xA55A000E, "INFO"),
        (0xA55A0013, "WARN"),
        (0xA55A0017, "ERROR"),
        (0xA55A001A, "FATAL"),
    ],
)
def test_a_frame_has_a_level_and_a_time(kind: int, level: str | None) -> None:
    """The types that awslambdaric writes, text and JSON."""
    found, taken = split(_frame(b"two\nlines", kind))

    assert found == [Output(data=b"two\nlines", framed=True, level=level, time_ns=_TIME_US * 1_000)]
    assert taken == 25


def test_frames_and_plain_output_keep_their_order() -> None:
    """They are written to one file."""
    found, _ = split(b"a\n" + _frame(b"b") + b"c\n" + _frame(b"d"))

    assert [(o.data, o.framed) for o in found] == [
        (b"a\n", False),
        (b"b", True),
        (b"c\n", False),
        (b"d", True),
    ]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_frame_that_is_being_written_is_left_for_later(cut: int) -> None:
    """What stands before it is not."""
    data = b"before" + _frame(b"text")

    found, taken = split(data[: 6 + cut])

    assert b"".join(o.data for o in found) == data[:taken]
    assert taken in (6, 6 + cut)
    assert cut < 3 or taken == 6


@given(st.binary(max_size=200))
def test_no_byte_of_other_output_is_lost(data: bytes) -> None:
    """Whatever a function prints, frames or not, comes out once and in order."""
    found, taken = split(data)

    if not any(o.framed for o in found):
        assert b"".join(o.data for o in found) == data[:taken]


def test_bytes_that_only_look_like_a_frame_are_output() -> None:
    """A type nobody writes, and a length beyond measure."""
    data = b"\xa5\x5a\x00\xff" + b"x" * 20 + b"\xa5\x5a\x00\x03" + b"\xff" * 20

    found, taken = split(data)

    assert b"".join(o.data for o in found) == data
    assert taken == len(data)


def test_a_growing_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Nothing twice; half a frame at the very end is output after all."""
    path = tmp_path / "log"
    reader = OutputReader(path)
    assert list(reader.read()) == []
    path.write_bytes(b"one\n" + _frame(b"two")[:10])

    first = [o.data for o in reader.read()]
    path.write_bytes(b"one\n" + _frame(b"two"))
    second = [o.data for o in reader.read()]
    path.write_bytes(b"one\n" + _frame(b"two") + _frame(b"three")[:10])
    third = [o.data for o in reader.read()]
    last = [o.data for o in reader.read(final=True)]

    assert (first, second, third, last) == ([b"one\n"], [b"two"], [], [_frame(b"three")[:10]])
