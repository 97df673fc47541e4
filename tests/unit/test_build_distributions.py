from __future__ import annotations

from pathlib import Path

from bench.build.distributions import bytes_per_package


def write(tree: Path, name: str, size: int, text: str = "") -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or "x" * size)


def test_metadata_and_libraries_count_for_their_package(tmp_path: Path) -> None:
    """A distribution of another name than its package is folded into the package."""
    record = "PIL/image.py,,\nPIL/data.py,,\npillow.libs/z.so,,\npillow-13.dist-info/RECORD,,\n"
    write(tmp_path, "PIL/image.py", 100)
    write(tmp_path, "pillow.libs/z.so", 1000)
    write(tmp_path, "pillow-13.dist-info/RECORD", 0, record)

    assert {"PIL": 1100 + len(record)} == bytes_per_package(tmp_path)


def test_a_module_and_its_bytecode_are_one(tmp_path: Path) -> None:
    """Bytecode of a top-level module counts for the module, largest package first."""
    write(tmp_path, "app.py", 10)
    write(tmp_path, "__pycache__/app.cpython-313.pyc", 30)
    write(tmp_path, "six.py", 50)
    write(tmp_path, "six-1.0.dist-info/RECORD", 0, "six.py,,\n__pycache__/six.pyc,,\n")

    assert list(bytes_per_package(tmp_path).items()) == [("six", 50 + 31), ("app", 40)]
