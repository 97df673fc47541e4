"""Real Python packages: installed by uv, compiled by the interpreter that will run them."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.build import BuildCache, BuildResult, build_matrix, install_runtime, interpreter
from bench.functions.variants import of_runtime
from bench.subjects import Artifact, Function

pytestmark = pytest.mark.live

VARIANTS = tuple(v for v in of_runtime("python") if v.import_style == "eager")


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    directory = tmp_path / "functions" / "hello"
    (directory / "package").mkdir(parents=True)
    (directory / "package" / "__init__.py").write_text("NAMES = {'a', 'b', 'c', 'd'}\n")
    (directory / "app.py").write_text(
        "import package\n\ndef handler(event, context):\n    raise RuntimeError(str(event))\n"
    )
    return directory


def build(directory: Path, cache: Path) -> BuildResult:
    function = Function(
        id="python/hello",
        runtime="python",
        directory=directory,
        handler="app.handler",
        events=(),
    )
    return build_matrix([(function, v) for v in VARIANTS], cache=BuildCache(cache))


def bytecode(artifact: Artifact) -> list[Path]:
    return sorted(artifact.tree_path.rglob("*.pyc"))


def test_bytecode_is_hash_based_and_unchecked(directory: Path, tmp_path: Path) -> None:
    """Every source has bytecode whose flag word is 1: named by hash, not checked (PEP 552)."""
    eager, _ = build(directory, tmp_path / "cache").artifacts

    files = bytecode(eager)
    assert len(files) == 2
    assert {struct.unpack("<I", path.read_bytes()[4:8])[0] for path in files} == {1}


def test_source_only_ships_no_bytecode(directory: Path, tmp_path: Path) -> None:
    """The other arm has the sources and nothing else."""
    _, source_only = build(directory, tmp_path / "cache").artifacts

    assert bytecode(source_only) == []
    assert (source_only.tree_path / "app.py").is_file()


def test_two_builds_give_the_same_zip(directory: Path, tmp_path: Path) -> None:
    """Packages are the same byte for byte, wherever they are built."""
    one = build(directory, tmp_path / "one").artifacts
    two = build(directory, tmp_path / "two").artifacts

    assert [a.zip_path.read_bytes() for a in one] == [a.zip_path.read_bytes() for a in two]


def test_tracebacks_name_the_file_that_ran(directory: Path, tmp_path: Path) -> None:
    """Bytecode that was compiled for /var/task shows the real path and line when it runs."""
    eager, _ = build(directory, tmp_path / "cache").artifacts

    said = subprocess.run(
        [sys.executable, "-c", "import app; app.handler({}, None)"],
        cwd=eager.tree_path,
        capture_output=True,
        text=True,
        check=False,
    ).stderr

    assert f'File "{eager.tree_path}/app.py", line 4, in handler' in said
    assert b"/var/task/app.py" in bytecode(eager)[0].read_bytes()


def test_a_syntax_error_is_shipped_with_a_warning(directory: Path, tmp_path: Path) -> None:
    """Lambda takes such a package too: what compiles is compiled, and the rest is named."""
    (directory / "app.py").write_text("def handler(event, context:\n")

    result = build(directory, tmp_path / "cache")

    assert result.failures == ()
    assert "`app.py` is not valid Python" in result.artifacts[0].warnings[0]
    assert len(bytecode(result.artifacts[0])) == 1


def test_a_package_that_does_not_exist_is_a_failed_build(directory: Path, tmp_path: Path) -> None:
    """The message is that of uv and names the requirement; the command can be typed."""
    (directory / "requirements.txt").write_text("six==0.0.0.dev999\n")

    result = build(directory, tmp_path / "cache")

    assert result.artifacts == ()
    assert "six" in result.failures[0].message
    assert "pip install" in result.failures[0].command


def test_installed_packages_are_shipped_and_counted(directory: Path, tmp_path: Path) -> None:
    """A requirement is in the package, compiled, and in the breakdown under its own name."""
    (directory / "requirements.txt").write_text("six==1.17.0\n")

    eager, source_only = build(directory, tmp_path / "cache").artifacts

    assert (eager.tree_path / "six.py").is_file()
    assert len(bytecode(eager)) == 3
    assert bytecode(source_only) == []
    assert sum(eager.breakdown.values()) == eager.unpacked_bytes
    assert eager.breakdown["six"] > source_only.breakdown["six"]


def test_functions_run_on_a_clean_interpreter(tmp_path: Path) -> None:
    """The runtime has awslambdaric and boto3, and nothing of our own environment."""
    runtime = install_runtime(interpreter(), BuildCache(tmp_path / "cache"))
    code = (
        "import awslambdaric, boto3, importlib.util as u; "
        "print(boto3.__version__, u.find_spec('pytest'), u.find_spec('bench'))"
    )

    said = subprocess.run(
        [str(runtime.interpreter), "-c", code],
        env={"PYTHONPATH": str(runtime.directory)},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.split() == ["1.44.5", "None", "None"]
    again = install_runtime(interpreter(), BuildCache(tmp_path / "cache"))
    assert again == runtime


def a_wheel(path: Path, source: str) -> None:
    """The least that is a wheel: one module, its metadata and an empty record."""
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", source)
        metadata = "tiny-1.dist-info"
        wheel.writestr(f"{metadata}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        wheel.writestr(
            f"{metadata}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{metadata}/RECORD", f"tiny.py,,\n{metadata}/RECORD,,\n")


def test_a_local_wheel_is_installed_anew_when_it_changes(directory: Path, tmp_path: Path) -> None:
    """The same line in requirements.txt, another file: another package."""
    wheel = directory / "wheels" / "tiny-1-py3-none-any.whl"
    (directory / "requirements.txt").write_text("./wheels/tiny-1-py3-none-any.whl\n")
    shipped = []
    for source in ("X = 1\n", "X = 2\n"):
        a_wheel(wheel, source)
        eager, _ = build(directory, tmp_path / "cache").artifacts
        shipped.append((eager.tree_path / "tiny.py").read_text())

    assert shipped == ["X = 1\n", "X = 2\n"]
