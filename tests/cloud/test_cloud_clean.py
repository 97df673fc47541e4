"""``coldbench clean`` over regions of which one does not work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cli import main
from bench.serve.errors import ServiceError
from bench.serve.faults import Handle
from bench.serve.messages import HttpRequest, HttpResponse
from tests.cloud import life
from tests.cloud.scripted_lambda import ScriptedLambda

RUN_ID = "20261120-000000-000c"
OTHER_ID = "20261120-000000-000d"
#: No region of moto's either: every call of it but those of IAM fails.
BROKEN = "eu-west-9"


CLOSED = "af-south-1"


class ClosedRegion:
    """Refuses good credentials, as Lambda does in a region that is not enabled."""

    def apply(self, request: HttpRequest, handle: Handle) -> HttpResponse:
        """Answer, or refuse."""
        if f"/{CLOSED}/" in request.header("authorization"):
            text = "The security token included in the request is invalid."
            return ServiceError(403, "UnrecognizedClientException", text).response()
        return handle(request)


@pytest.fixture(name="records")
def _records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the records of a new project will be, with credentials in the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in life.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "reports" / "records"


@pytest.fixture(name="endpoint")
def _endpoint() -> Iterator[ScriptedLambda]:
    with ScriptedLambda() as endpoint:
        yield endpoint


def abandoned(records: Path, url: str) -> None:
    """Everything of a run that was killed, in the region of the environment."""
    life.make_and_abandon(life.new_record(records / RUN_ID, run_id=RUN_ID), url)


def functions(endpoint: ScriptedLambda) -> str:
    return life.Observer(endpoint.url).state().functions


def test_a_region_that_does_not_work_stops_no_other(
    records: Path, endpoint: ScriptedLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are cleaned; which one was not is said, with a reason and an exit code."""
    abandoned(records, endpoint.url)
    life.new_record(records / OTHER_ID, run_id=OTHER_ID, region=BROKEN)
    assert main(["clean", "--endpoint-url", endpoint.url]) == 4
    said = capsys.readouterr()
    assert functions(endpoint) == "[]"
    assert f"{BROKEN} was not cleaned" in said.out
    assert f"looking through {BROKEN}" in said.err
    assert f"looking through {life.REGION}" in said.err


def test_a_given_region_is_the_only_one(
    records: Path, endpoint: ScriptedLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    """Records and roles that tell of others are for a clean without `--region`."""
    abandoned(records, endpoint.url)
    life.new_record(records / OTHER_ID, run_id=OTHER_ID, region=BROKEN)
    before = life.Observer(endpoint.url).state()
    place = ["clean", "--endpoint-url", endpoint.url, "--region"]
    assert main([*place, "us-east-1"]) == 0
    assert life.Observer(endpoint.url).state() == before
    assert f"its run used {life.REGION}" in capsys.readouterr().out
    assert main([*place, life.REGION]) == 0
    assert functions(endpoint) == "[]"


def test_a_given_region_that_does_not_work_leaves_the_next(
    records: Path, endpoint: ScriptedLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where it is the first, which roles are otherwise asked through."""
    abandoned(records, endpoint.url)
    regions = ["--region", f"{BROKEN},{life.REGION}"]
    assert main(["clean", "--endpoint-url", endpoint.url, *regions]) == 4
    assert f"{BROKEN} was not cleaned" in capsys.readouterr().out
    assert life.Observer(endpoint.url).state().roles == "[]"


def test_records_of_another_endpoint_name_no_region_here(
    records: Path, endpoint: ScriptedLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was measured at real Lambda is not looked for on this machine."""
    life.new_record(records / OTHER_ID, run_id=OTHER_ID, region=BROKEN, endpoint="aws")
    assert main(["clean", "--endpoint-url", endpoint.url]) == 0
    assert BROKEN not in capsys.readouterr().err


def test_only_broken_regions_are_an_error(
    records: Path, endpoint: ScriptedLambda, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the advice of the first."""
    assert main(["clean", "--endpoint-url", endpoint.url, "--region", BROKEN]) == 4
    said = capsys.readouterr()
    assert f"`{BROKEN}` does not answer" in said.err
    assert "--region" in said.err


def test_regions_that_are_not_enabled_are_no_failure_among_all(
    records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing can be in them; one that was asked for by name is another matter."""
    with ScriptedLambda(faults=ClosedRegion()) as endpoint:
        abandoned(records, endpoint.url)
        clean = ["clean", "--endpoint-url", endpoint.url]
        assert main([*clean, "--all-regions"]) == 0
        assert functions(endpoint) == "[]"
        assert f"not enabled for this account: {CLOSED}" in capsys.readouterr().out
        assert main([*clean, "--region", f"{life.REGION},{CLOSED}"]) == 4
        assert f"{CLOSED} was not cleaned" in capsys.readouterr().out
