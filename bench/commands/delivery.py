"""Where the text of a command goes: to stdout, or whole into a file."""

from __future__ import annotations

from pathlib import Path

from bench.store import write_whole


def deliver(text: str, output: Path | None) -> str:
    """Write ``text`` to ``output``, if there is one, and give what is left for stdout.

    Raises:
        StorageError: the disk is full or the directory cannot be written; an older file stays.
    """
    if output is None:
        return text
    write_whole(output, text.encode(), instead="name another file with `--output FILE`")
    return ""
