"""Functions that are measured from within their own directory, by the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

HANDLER = "def handler(event, context):\n    return event\n"
#: Answers every invoke with its event, without any package.
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
#: The same in Go.
MAIN = """package main

import (
	"net/http"
	"os"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		next, err := http.Get(api + "next")
		if err != nil {
			panic(err)
		}
		request := next.Header.Get("Lambda-Runtime-Aws-Request-Id")
		answer, err := http.Post(api+request+"/response", "application/json", next.Body)
		if err != nil {
			panic(err)
		}
		answer.Body.Close()
	}
}
"""
GO_MOD = "module example.com/function\n\ngo 1.24\n"


def coldbench(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=directory,
        env={**os.environ, "COLDBENCH_CACHE": str(directory.parent / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize(
    ("files", "variant"),
    [
        ({"app.py": HANDLER}, "eager"),
        ({"bootstrap": BOOTSTRAP}, "default"),
        ({"main.go": MAIN, "go.mod": GO_MOD}, "default"),
    ],
    ids=["python", "custom", "go"],
)
def test_a_run_does_not_change_what_it_measures(
    tmp_path: Path, files: dict[str, str], variant: str
) -> None:
    """After a run that left its record and report here, the function is the same one."""
    directory = tmp_path / "function"
    directory.mkdir()
    for name, content in files.items():
        (directory / name).write_text(content)
        (directory / name).chmod(0o755)
    build = ("build", "--variant", variant, "--json")
    before = coldbench(directory, *build)

    coldbench(directory, "run", "--variant", variant, "--rounds", "2")
    after = coldbench(directory, *build)

    assert (directory / "reports" / "latest.json").is_file()
    assert list((directory / "reports" / "records").glob("*/record.json"))
    assert after.stdout == before.stdout
    assert "built" in before.stderr
    assert "built" not in after.stderr
