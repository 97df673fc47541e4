"""``--backend aws`` on `coldbench serve`: real processes behind every call."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.config import user_cache
from bench.serve.endpoint import Endpoint, EndpointOptions
from bench.serve.messages import HttpRequest, HttpResponse
from bench.stats.judge import judge
from bench.store import load_record
from tests.cloud import life

from .conftest import clients_of

pytestmark = pytest.mark.live

HANDLER = "def lambda_handler(event, context):\n    return {}\n"
REGIONS = ("eu-west-1", "us-east-1")


class Calls:
    """No faults: remembers what was called."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    def apply(
        self, request: HttpRequest, handle: Callable[[HttpRequest], HttpResponse]
    ) -> HttpResponse:
        """Pass it on."""
        self.requests.append(request)
        return handle(request)


@pytest.fixture(name="calls", scope="module")
def _calls() -> Calls:
    return Calls()


@pytest.fixture(name="url", scope="module")
def _url(calls: Calls) -> Iterator[str]:
    options = EndpointOptions(cache=user_cache(os.environ))
    with Endpoint(options, faults=calls, warn=print) as endpoint:
        yield endpoint.url


@pytest.fixture(name="project")
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A function's directory, where runs are started."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "lambda_function.py").write_text(HANDLER)
    monkeypatch.chdir(tmp_path / "tiny")
    for name, value in life.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "tiny"


def run(url: str, *arguments: str) -> int:
    fixed = ("--variant", "eager", "--memory", "1769", "--rounds", "2", "--no-probe")
    return main(["run", "--backend", "aws", "--endpoint-url", url, *fixed, *arguments])


def records(project: Path) -> list[dict[str, Any]]:
    found = sorted(project.glob("reports/records/*/record.json"))
    return [json.loads(path.read_text()) for path in found]


def test_each_region_gives_a_record_of_its_own(project: Path, url: str) -> None:
    """Two regions, two complete records that name them, and nothing left in either."""
    code = run(url, "--region", ",".join(REGIONS))

    found = records(project)
    left = [clients_of(url, region)("lambda").list_functions()["Functions"] for region in REGIONS]

    assert code in (0, 6)
    assert sorted(record["environment"]["aws"]["region"] for record in found) == list(REGIONS)
    assert all(record["complete"] for record in found)
    assert left == [[], []]


def test_the_runtime_is_pinned_to_the_version_that_ran(
    project: Path, url: str, calls: Calls
) -> None:
    """After the first round, every copy is told the version on record, and to stay with it."""
    calls.requests.clear()
    code = run(url, "--pin-runtime")

    (record,) = records(project)
    pins = [r for r in calls.requests if r.path.endswith("/runtime-management-config")]
    made = [r for r in calls.requests if r.method == "POST" and r.path.endswith("/functions")]
    (version,) = record["environment"]["aws"]["runtime_versions"]

    assert code in (0, 6)
    assert record["environment"]["aws"]["runtime_pinned"] is True
    assert len(pins) == len(made) == 2
    assert {pin.body.decode() for pin in pins} == {
        json.dumps({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": version})
    }


EAGER = "import asyncio, email.mime.multipart, unittest, xml.dom.minidom\n"
LAZY = HANDLER + "def use():\n    " + EAGER
MANIFEST = """runtime = "python"
handler = "eager.lambda_handler"
[variants.eager]
handler = "eager.lambda_handler"
[variants.lazy]
handler = "lazy.lambda_handler"
"""


#: Intervals of a quiet machine are narrower than what HTTP and another parent do to a start.
NEAR = 1.05


def test_a_local_run_and_one_through_the_endpoint_find_the_same_change(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lazy imports save the same share of a cold start on either way: their intervals agree."""
    directory = tmp_path / "imports"
    directory.mkdir()
    (directory / "eager.py").write_text(EAGER + HANDLER)
    (directory / "lazy.py").write_text(LAZY)
    (directory / "function.toml").write_text(MANIFEST)
    monkeypatch.chdir(directory)
    for name, value in life.ENVIRON.items():
        monkeypatch.setenv(name, value)
    plan = ("--variant", "eager", "--variant", "lazy", "--memory", "1769", "--rounds", "16")
    place = ("--backend", "aws", "--endpoint-url", url, "--no-probe", "--parallel", "1")

    codes = [main(["run", *plan]), main(["run", *place, *plan])]
    local, remote = (cold_total(path) for path in results(directory))

    assert codes == [0, 0]
    assert remote["low"] <= local["high"] * NEAR
    assert local["low"] <= remote["high"] * NEAR


def results(directory: Path) -> list[Path]:
    return sorted(directory.glob("reports/records/*"))


def cold_total(record: Path) -> dict[str, float]:
    """The interval of the one comparison of a run, of what both backends tell."""
    judged = judge(load_record(record))
    (found,) = (c for c in judged.comparisons if c.metric == "cold_total")
    assert found.low is not None
    assert found.high is not None
    return {"low": found.low, "high": found.high}
