"""A ``bootstrap`` in any language through ``coldbench invoke``: a shell with curl, C, Python."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from bootstraps import write_bootstrap
from invocations import PROGRAMS, coldbench

pytestmark = pytest.mark.live


def test_a_shell_with_curl(tmp_path: Path) -> None:
    """The example of Lambda's own documentation, with its handler in another file."""
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")

    result = coldbench(
        PROGRAMS / "shell", "--event", '{"name": "Ada"}', "--repeat", "2", cwd=tmp_path
    )

    assert result.code == 0, result.stderr
    assert result.stdout == b'{"echo":{"name": "Ada"}}\n{"echo":{"name": "Ada"}}'
    assert result.stderr.count("handling") == 2


@pytest.fixture(name="compiled", scope="module")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runtime in C on a raw socket."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    directory = tmp_path_factory.mktemp("c") / "echo"
    directory.mkdir()
    source, target = PROGRAMS / "raw_socket.c", directory / "bootstrap"
    subprocess.run([compiler, "-O1", "-o", target, source], check=True, timeout=60)
    return directory


@pytest.mark.parametrize("event", [b"{}", b'{"a":  [1, 2]}', b'"' + b"x" * 60_000 + b'"'])
def test_c_on_a_raw_socket(compiled: Path, tmp_path: Path, event: bytes) -> None:
    """Event and response arrive to the byte, whatever pieces they come in."""
    result = coldbench(compiled, "--event", "-", cwd=tmp_path, event=event)

    assert (result.code, result.stdout) == (0, event)


def test_a_deployment_package_is_run_as_it_is(compiled: Path, tmp_path: Path) -> None:
    """A zip file is what would be uploaded; modes in it count, and its name is the function's."""
    package = tmp_path / "shop.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(compiled / "bootstrap", "bootstrap")

    result = coldbench("shop.zip", "--event", '{"a": 1}', cwd=tmp_path)

    assert (result.code, result.stdout) == (0, b'{"a": 1}')


def test_the_os_only_runtime_has_no_execution_environment(tmp_path: Path) -> None:
    """``provided.al2023`` runs any ``bootstrap``, without the variables of managed runtimes."""
    names = "json.dumps(sorted(k for k in os.environ if k.startswith('AWS_'))).encode()"
    answer = f'import json\npost("invocation/" + request_id + "/response", {names})'
    function = write_bootstrap(tmp_path / "any", handler=answer)
    (function / "function.toml").write_text('runtime = "provided.al2023"\n')

    result = coldbench("any", cwd=tmp_path)

    assert "AWS_EXECUTION_ENV" not in result.body
    assert "AWS_LAMBDA_RUNTIME_API" in result.body


@pytest.mark.parametrize("mode", [0o644, None])
def test_a_bootstrap_that_cannot_be_executed(tmp_path: Path, mode: int | None) -> None:
    """Absent from a declared custom function, or without the permission: the entry point is bad."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "function.toml").write_text('runtime = "custom"\n')
    if mode is not None:
        (tmp_path / "bad" / "bootstrap").write_text("#!/bin/sh\n")
        (tmp_path / "bad" / "bootstrap").chmod(mode)

    result = coldbench("bad", cwd=tmp_path)

    assert result.code == 1
    assert result.body["errorType"] == "Runtime.InvalidEntrypoint"


def test_a_text_that_is_not_json_is_in_the_document_as_text(tmp_path: Path) -> None:
    """With ``--json`` the response of a custom runtime may be anything."""
    answer = 'post("invocation/" + request_id + "/response", b"not json")'
    write_bootstrap(tmp_path / "any", handler=answer)

    result = coldbench("any", "--json", cwd=tmp_path)

    document = json.loads(result.stdout)
    assert document["response"] == "not json"
    assert document["function_error"] is None
    assert document["report"]["memory_size_mb"] == 1769
    assert document["phases"].keys() == {"init", "invoke"}
    assert "REPORT RequestId" in document["log"]
