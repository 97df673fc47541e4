"""Where the bytes of an executable are: a reader of ELF section headers.

Layout: System V ABI, chapter 4, "ELF Header" and "Section Header". The Go linker names its
sections as C compilers do and adds ``.gopclntab``, the table that symbolises panics and stack
traces; it stays in stripped binaries.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"\x7fELF"
_CLASS_64 = 2
_LITTLE_ENDIAN = 1
_NO_FILE_SPACE = 8  # SHT_NOBITS: zero-filled memory

#: The ELF header; used are e_shoff (5), e_shentsize (10), e_shnum (11) and e_shstrndx (12).
_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")

_GROUPS = {
    ".text": "text",
    ".rodata": "rodata",
    ".gopclntab": "gopclntab",
    ".symtab": "symbols",
    ".strtab": "symbols",
}


def is_elf(path: Path) -> bool:
    """Whether the file begins like a 64-bit little-endian ELF file."""
    with path.open("rb") as stream:
        start = stream.read(6)
    return start[:4] == _MAGIC and tuple(start[4:6]) == (_CLASS_64, _LITTLE_ENDIAN)


def section_bytes(path: Path) -> dict[str, int]:
    """Bytes in the file of every named section, in file order.

    Raises:
        ValueError: not a 64-bit little-endian ELF file, or a damaged one.
    """
    content = path.read_bytes()
    if content[:4] != _MAGIC or tuple(content[4:6]) != (_CLASS_64, _LITTLE_ENDIAN):
        raise ValueError(f"{path} is not a 64-bit little-endian ELF file")
    try:
        return _sections(content)
    except (struct.error, IndexError) as error:
        raise ValueError(f"{path} has damaged section headers") from error


def breakdown(path: Path) -> dict[str, int]:
    """Bytes of an executable by purpose; the values add up to the size of the file.

    Keys: ``text`` (machine code), ``rodata``, ``gopclntab``, ``symbols`` (``.symtab``,
    ``.strtab``), ``debug`` (DWARF), ``other`` (everything else, headers and padding included).
    """
    groups = dict.fromkeys(("text", "rodata", "gopclntab", "symbols", "debug"), 0)
    for name, size in section_bytes(path).items():
        group = "debug" if name.startswith((".debug_", ".zdebug_")) else _GROUPS.get(name)
        if group:
            groups[group] += size
    groups["other"] = path.stat().st_size - sum(groups.values())
    return groups


def _sections(content: bytes) -> dict[str, int]:
    fields = _HEADER.unpack_from(content)
    offset, entry_bytes, count, names_index = fields[5], fields[10], fields[11], fields[12]
    headers = [_SECTION.unpack_from(content, offset + i * entry_bytes) for i in range(count)]
    names_offset = headers[names_index][4]
    sizes: dict[str, int] = {}
    for header in headers:
        name_offset, kind, size = header[0], header[1], header[5]
        start = names_offset + name_offset
        name = content[start : content.index(b"\0", start)].decode()
        if name and kind != _NO_FILE_SPACE:
            sizes[name] = sizes.get(name, 0) + size
    return sizes
