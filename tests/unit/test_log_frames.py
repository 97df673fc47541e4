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
    reader = OutputReader(path, framed=True)
    assert list(reader.read()) == []
    path.write_bytes(b"one\n" + _frame(b"two")[:10])

    first = [o.data for o in reader.read()]
    path.write_bytes(b"one\n" + _frame(b"two"))
    second = [o.data for o in reader.read()]
    path.write_bytes(b"one\n" + _frame(b"two") + _frame(b"three")[:10])
    third = [o.data for o in reader.read()]
    last = [o.data for o in reader.read(final=True)]

    assert (first, second, third, last) == ([b"one\n"], [b"two"], [], [_frame(b"three")[:10]])


def test_a_log_without_records_is_output_whatever_it_looks_like(tmp_path: Path) -> None:
    """Of a runtime that was given no descriptor for records, nothing is taken for one."""
    path = tmp_path / "log"
    path.write_bytes(b"A" + _frame(b"two")[:12] + b"\n" + _frame(b"three"))

    found = list(OutputReader(path, framed=False).read())

    assert found == [Output(data=path.read_bytes())]


def test_lines_and_records_in_the_making_are_waited_for(tmp_path: Path) -> None:
    """Who looks while a function goes on sees nothing by halves; at the end nothing is missing."""
    path = tmp_path / "log"
    reader = OutputReader(path, framed=True)
    path.write_bytes(b"one\ntw")
    first = [o.data for o in reader.read_on()]
    path.write_bytes(b"one\ntwo\n" + _frame(b"three")[:9])
    second = [o.data for o in reader.read_on()]
    path.write_bytes(b"one\ntwo\n" + _frame(b"three") + b"fo")
    third = [o.data for o in reader.read_on()]

    last = [o.data for o in reader.read()]

    assert (first, second, third, last) == ([b"one\n"], [b"two\n"], [b"three"], [b"fo"])


@pytest.mark.parametrize("framed", [True, False])
def test_a_large_log_is_read_in_pieces_of_whole_lines(tmp_path: Path, framed: bool) -> None:
    """No piece has more than 1 MB, no line is cut, no byte is lost."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%099d\n" % i for i in range(40_000)))

    found = [o.data for o in OutputReader(path, framed=framed).read()]

    assert b"".join(found) == path.read_bytes()
    assert max(map(len, found)) <= 1 << 20
    assert all(piece.endswith(b"\n") for piece in found)


def test_a_record_and_a_line_that_are_larger_than_a_piece(tmp_path: Path) -> None:
    """They stay whole."""
    path = tmp_path / "log"
    path.write_bytes(_frame(b"x" * 3_000_000) + b"y" * 3_000_000 + b"\nz\n")

    found = [o.data for o in OutputReader(path, framed=True).read()]

    assert found == [b"x" * 3_000_000, b"y" * 3_000_000 + b"\nz\n"]


def test_an_endless_line_is_not_waited_for(tmp_path: Path) -> None:
    """A line of more than 16 MB comes in parts."""
    path = tmp_path / "log"
    path.write_bytes(b"x" * 40_000_000)

    found = OutputReader(path, framed=False).read_on()

    assert 0 < len(found[0].data) < 40_000_000


def test_a_writer_that_never_stops_holds_up_nobody(tmp_path: Path) -> None:
    """One reading takes what was there when it began; what comes meanwhile is of the next."""
    log = tmp_path / "log"
    log.write_bytes(b"first\n")
    reader = OutputReader(log, framed=False)
    found = []
    for output in reader.read():
        found.append(output.data)
        with log.open("ab") as file:
            file.write(b"more\n")

    assert found == [b"first\n"]
    assert [output.data for output in reader.read()] == [b"more\n"]
