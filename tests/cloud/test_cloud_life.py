"""Whole lives of runs against moto's control plane, with faults, kills and decoys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.cloud.faults import Stopped
from bench.errors import UsageError
from bench.serve.errors import ServiceError
from bench.serve.faults import Handle, Rule, SeededFaults
from bench.serve.messages import HttpRequest, HttpResponse
from bench.store import load_record
from tests.cloud import life
from tests.cloud.__main__ import seeded_life
from tests.cloud.kills import killed_and_resumed
from tests.cloud.scripted_lambda import Answer, Invoke, ScriptedLambda, ordinary

RUN_ID = "20261120-000000-0001"


@dataclass
class Refusals:
    """Refuses the first calls of a kind."""

    call: str
    error: ServiceError
    left: int

    def apply(self, request: HttpRequest, handle: Handle) -> HttpResponse:
        """Answer, or refuse."""
        if self.left and f"{request.method} {request.path}" == self.call:
            self.left -= 1
            return self.error.response()
        return handle(request)


def record_directory(tmp_path: Path, **wishes: int) -> Path:
    directory = tmp_path / "records" / RUN_ID
    life.new_record(directory, run_id=RUN_ID, **wishes)
    return directory


def test_a_run_measures_its_plan_and_leaves_nothing(tmp_path: Path) -> None:
    """Two functions, two variants, three sizes: every trial once, and the account as before."""
    directory = record_directory(tmp_path)
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        life.run(directory, endpoint.url)
        assert observer.state() == before
    life.check_complete(directory)
    assert all(t.outcome == "ok" for t in load_record(directory).trials)


def test_faults_at_every_call_lose_and_leave_nothing(tmp_path: Path) -> None:
    """Throttles, 500s, resets, hangs and skewed clocks: complete, clean, decoys untouched."""
    made, _ = seeded_life(tmp_path, seed=11, share=0.06)
    assert made > 0


@pytest.mark.parametrize("call", ["/functions", "/versions", "/aliases"])
def test_one_lost_answer_stops_no_run(tmp_path: Path, call: str) -> None:
    """What was made all the same is met when the call is repeated, under either error code."""
    directory = record_directory(tmp_path, round_count=1)
    lost = Rule(weights={"reset-after": 1.0}, matches=f"POST .*{call}$", limit=1)
    faults = SeededFaults(1, [lost])
    with ScriptedLambda(faults=faults) as endpoint:
        life.run(directory, endpoint.url)
    assert len(faults.injected) == 1
    life.check_complete(directory)


def test_a_role_that_iam_does_not_know_yet_is_waited_for_in_words(tmp_path: Path) -> None:
    """Once, however many copies wait for it at the same time."""
    directory = record_directory(tmp_path, round_count=1)
    unknown = ServiceError(
        400,
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )
    with ScriptedLambda(faults=Refusals("POST /2015-03-31/functions", unknown, 4)) as endpoint:
        said = life.run(directory, endpoint.url)
    assert said == ["waiting for IAM: the role cannot be assumed yet"]
    life.check_complete(directory)


def test_a_killed_run_resumes_without_measuring_twice(tmp_path: Path) -> None:
    """After kill -9 the plan is completed, and only what was in flight is invoked again."""
    trials, killed = killed_and_resumed(tmp_path, kills=2)
    assert trials == 216
    assert killed > 0


def test_expired_credentials_seal_what_was_measured(tmp_path: Path) -> None:
    """The run stops with advice, keeps its trials, and goes on when it is resumed."""
    directory = record_directory(tmp_path)
    expired = ServiceError(403, "ExpiredTokenException", "The security token is expired")

    def script(invoke: Invoke) -> Answer:
        return Answer(refusal=expired) if 20 <= invoke.number < 60 else ordinary(invoke)

    with ScriptedLambda(script) as endpoint:
        with pytest.raises(Stopped, match="credentials") as caught:
            life.run(directory, endpoint.url)
        measured = len(load_record(directory).trials)
        assert 0 < measured < 36
        assert "aws sso login" in str(caught.value.hint)
        life.until_complete(directory, endpoint.url)
    life.check_complete(directory)


def test_clean_finds_a_killed_run_and_nothing_else(tmp_path: Path) -> None:
    """What a run left is found by tag and prefix, and the decoys are not."""
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        observer.make_decoys()
        before = observer.state()
        record = life.new_record(tmp_path / "records" / RUN_ID, run_id=RUN_ID)
        life.make_and_abandon(record, endpoint.url)
        assert observer.state() != before
        assert life.clean(endpoint.url, "20261120-000000-ffff") == 0
        assert life.clean(endpoint.url, RUN_ID) == 2 * len(life.copies(record)) + 1
        assert observer.state() == before


def test_a_function_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    """A copy's name that is taken by a function without our tag stops the run."""
    directory = record_directory(tmp_path)
    with ScriptedLambda() as endpoint:
        observer = life.Observer(endpoint.url)
        role = observer.client("iam").create_role(
            RoleName="theirs", AssumeRolePolicyDocument='{"Version": "2012-10-17"}'
        )["Role"]["Arn"]
        name = life.copies(load_record(directory))[3].name
        observer.client("lambda").create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Role=role,
            Handler="bootstrap",
            Code={"ZipFile": life.package("#!/bin/true\n")},
        )
        with pytest.raises(Stopped, match="has not made"):
            life.run(directory, endpoint.url)


def test_an_oversized_package_is_advice(tmp_path: Path) -> None:
    """More than a direct upload takes is refused before it is sent."""
    directory = record_directory(tmp_path)
    with ScriptedLambda() as endpoint:
        with pytest.raises(UsageError, match="direct upload"):
            life.run(directory, endpoint.url, package=bytes(51 * 1024 * 1024))
        assert "[]" in life.Observer(endpoint.url).state().functions
