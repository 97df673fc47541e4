"""Runs that went on in another session: what is on record of it, and how they are judged."""

from __future__ import annotations

import pytest

from bench.cloud.faults import Stopped
from bench.model import Record
from bench.serve.errors import ServiceError
from bench.stats.judge import judge
from bench.stats.sequential import design
from bench.store import load_record
from tests.cloud import life
from tests.cloud.scripted_lambda import Answer, Invoke, ScriptedLambda, ordinary

RUN_ID = "20261120-000000-0003"
EXPIRED = ServiceError(403, "ExpiredTokenException", "The security token is expired")


@pytest.fixture(name="resumed", scope="module")
def _resumed(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """A run of twelve rounds whose credentials expired in the fourth."""
    directory = tmp_path_factory.mktemp("resumed") / "records" / RUN_ID
    life.new_record(directory, run_id=RUN_ID, round_count=12)

    def script(invoke: Invoke) -> Answer:
        return Answer(refusal=EXPIRED) if invoke.number == 110 else ordinary(invoke)

    with ScriptedLambda(script) as endpoint:
        with pytest.raises(Stopped, match="credentials"):
            life.run(directory, endpoint.url)
        life.run(directory, endpoint.url)
    return load_record(directory)


def test_each_session_has_its_number_on_record(resumed: Record) -> None:
    """As in local runs: what a later session measured is told from what the first one did."""
    sessions = [trial.guards["session"] for trial in resumed.trials]
    assert sessions == sorted(sessions)
    assert set(sessions) == {0, 1}
    assert resumed.complete


def test_a_resumed_run_is_judged_by_the_e_process(resumed: Record) -> None:
    """Its one planned look was peeked at, as that of a local run that was interrupted."""
    assert design(resumed, 0.99).anytime


def test_trials_at_the_same_time_are_no_clock_that_went_back(resumed: Record) -> None:
    """Each round is prepared at once, and started in the order in which versions come."""
    assert not [reason for reason in judge(resumed).fit_reasons if "clock" in reason]
