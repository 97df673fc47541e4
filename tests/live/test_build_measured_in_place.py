"""Functions that are measured from within their own directory, by the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

GO_MAIN = "package main\n\nfunc main() {}\n"
HANDLER = "def handler(event, context):\n    return event\n"
#: Answers two invokes and more, without any package.
BOOTSTRAP = f"""#!{sys.executable} -IS
import http.client, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, request = answer.read(), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{{request}}/response", event)
    api.getresponse().read()
"""


def coldbench(directory: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=directory,
        env={**os.environ, "COLDBENCH_CACHE": str(directory.parent / "cache")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def digests(directory: Path) -> dict[str, str]:
    built = json.loads(coldbench(directory, "build", "--format", "json"))
    return {artifact["variant"]: artifact["digest"] for artifact in built["artifacts"]}


@pytest.mark.parametrize(
    ("name", "content"), [("app.py", HANDLER), ("bootstrap", BOOTSTRAP)], ids=["python", "custom"]
)
def test_a_run_does_not_change_what_it_measures(tmp_path: Path, name: str, content: str) -> None:
    """After a run that left its record and report here, the function is the same one."""
    directory = tmp_path / "function"
    directory.mkdir()
    (directory / name).write_text(content)
    (directory / name).chmod(0o755)
    before = digests(directory)

    coldbench(directory, "run", "--rounds", "2")

    assert (directory / "reports" / "latest.json").is_file()
    assert digests(directory) == before
