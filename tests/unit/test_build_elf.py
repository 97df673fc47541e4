from __future__ import annotations

from pathlib import Path

import pytest
from scripted_tools import elf_bytes

from bench.build.elf import breakdown, is_elf, section_bytes


@pytest.fixture(name="binary")
def _binary(tmp_path: Path) -> Path:
    path = tmp_path / "bootstrap"
    path.write_bytes(
        elf_bytes(
            {
                ".text": bytes(1000),
                ".rodata": bytes(300),
                ".gopclntab": bytes(200),
                ".symtab": bytes(48),
                ".strtab": bytes(16),
                ".debug_info": bytes(70),
                ".zdebug_line": bytes(30),
                ".data": bytes(8),
            }
        )
    )
    return path


def test_every_section_is_read_with_its_size(binary: Path) -> None:
    """Section names and sizes come from the section headers."""
    sizes = section_bytes(binary)

    assert (sizes[".text"], sizes[".symtab"], sizes[".data"]) == (1000, 48, 8)


def test_breakdown_adds_up_to_the_file(binary: Path) -> None:
    """Groups are disjoint, and `other` is the rest of the file."""
    groups = breakdown(binary)

    assert binary.stat().st_size == sum(groups.values())
    assert {name: size for name, size in groups.items() if name != "other"} == {
        "text": 1000,
        "rodata": 300,
        "gopclntab": 200,
        "symbols": 64,
        "debug": 100,
    }


def test_a_script_is_no_elf_file(tmp_path: Path) -> None:
    """A file that begins like something else is told apart, and refused."""
    script = tmp_path / "bootstrap"
    script.write_text("#!/bin/sh\nexec true\n")

    assert not is_elf(script)
    with pytest.raises(ValueError, match="not a 64-bit little-endian ELF"):
        section_bytes(script)


def test_a_truncated_file_is_refused(binary: Path) -> None:
    """A file that was cut off before its section headers is damaged, not empty."""
    binary.write_bytes(binary.read_bytes()[:500])

    with pytest.raises(ValueError, match="damaged"):
        section_bytes(binary)
