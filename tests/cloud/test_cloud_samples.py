"""What counts as a cold start, and what becomes of an invoke that is none."""

from __future__ import annotations

import json
from pathlib import Path

from bench.cloud.run import Manner
from bench.model import Trial
from bench.serve.errors import ServiceError
from bench.serve.faults import Rule, SeededFaults
from bench.store import load_record
from tests.cloud import life
from tests.cloud.scripted_lambda import Answer, Invoke, Script, ScriptedLambda, ordinary

RUN_ID = "20261120-000000-0002"
TRIALS = 18


def trials_of(
    tmp_path: Path, script: Script, manner: Manner | None = None
) -> tuple[tuple[Trial, ...], ScriptedLambda, dict[str, object]]:
    """One round under a script."""
    directory = tmp_path / "records" / RUN_ID
    life.new_record(directory, run_id=RUN_ID, round_count=1)
    with ScriptedLambda(script) as endpoint:
        life.run(directory, endpoint.url, manner)
    record = load_record(directory)
    return record.trials, endpoint, dict(record.environment["aws"])


def test_report_gives_the_phases(tmp_path: Path) -> None:
    """Init and first invoke come from REPORT, the round trip from the client."""
    trials, _, _ = trials_of(tmp_path, ordinary)
    assert {t.phases["init"] for t in trials} == {2_000_000}
    assert {t.phases["cold_total"] for t in trials} == {3_000_000}
    assert all(t.phases["round_trip"] >= 3_000_000 for t in trials)
    assert {t.warm_invokes_ns for t in trials} == {(1_000_000,)}
    assert {t.guards["billed_ms"] for t in trials} == {3}


def test_a_warm_sample_is_replaced_and_counted(tmp_path: Path) -> None:
    """Without Init Duration a new version is made and invoked instead."""

    def script(invoke: Invoke) -> Answer:
        return Answer(init_ms=None) if invoke.number == 1 else ordinary(invoke)

    trials, _, facts = trials_of(tmp_path, script)
    assert sum(t.guards["replaced"] for t in trials) == 1
    assert all(t.outcome == "ok" for t in trials)
    assert facts["replaced_samples"] == 1


def test_a_proactive_init_is_replaced(tmp_path: Path) -> None:
    """A caller who waited less than init and duration did not wait for the init."""

    def script(invoke: Invoke) -> Answer:
        early = invoke.count == 1 and invoke.number < 5
        return Answer(init_ms=900.0, wait_ms=5.0) if early else ordinary(invoke)

    trials, _, _ = trials_of(tmp_path, script)
    assert sum(t.guards["replaced"] for t in trials) > 0
    assert {t.phases["init"] for t in trials} == {2_000_000}


def test_a_place_without_cold_starts_is_lost_to_the_harness(tmp_path: Path) -> None:
    """After six samples the trial fails, and not by the function's doing."""
    trials, _, _ = trials_of(tmp_path, lambda invoke: Answer(init_ms=None))
    assert len(trials) == TRIALS
    assert {t.error.type for t in trials if t.error} == {"Harness.NoColdStart"}


def test_a_lost_answer_is_never_invoked_again_on_the_same_version(tmp_path: Path) -> None:
    """The invoke may have run; its version has been used."""
    directory = tmp_path / "records" / RUN_ID
    life.new_record(directory, run_id=RUN_ID, round_count=1)
    faults = SeededFaults(3, [Rule(weights={"reset-after": 0.3}, matches="/invocations")])
    with ScriptedLambda(faults=faults) as endpoint:
        life.run(directory, endpoint.url)
    assert faults.injected
    life.check_complete(directory)
    assert max(endpoint.invokes.values()) <= 2


def test_a_throttled_invoke_is_repeated_on_the_same_version(tmp_path: Path) -> None:
    """Lambda refused it, so nothing ran, and no sample is lost."""
    throttle = ServiceError(429, "TooManyRequestsException", "Rate Exceeded.")

    def script(invoke: Invoke) -> Answer:
        return Answer(refusal=throttle) if invoke.number == 1 else Answer(init_ms=2.0)

    trials, _, facts = trials_of(tmp_path, script)
    assert sum(t.guards["replaced"] for t in trials) == 0
    assert facts["throttled_invokes"] == 1


def test_a_function_error_is_a_failed_trial(tmp_path: Path) -> None:
    """The function's own failure is recorded in its words, with the end of its log."""
    payload = json.dumps({"errorType": "KeyError", "errorMessage": "'name'"}).encode()
    trials, _, _ = trials_of(
        tmp_path,
        lambda invoke: Answer(payload=payload, function_error="Unhandled", printed="oh no\n"),
    )
    assert {t.error.type for t in trials if t.error} == {"KeyError"}
    assert all("oh no" in t.error.log_tail for t in trials if t.error)


def test_the_environment_method_changes_a_variable(tmp_path: Path) -> None:
    """Without versions: every cold start is a change of the environment of $LATEST."""
    trials, endpoint, _ = trials_of(tmp_path, ordinary, Manner(method="environment", probe=False))
    assert all(t.outcome == "ok" for t in trials)
    assert {version for _, version in endpoint.invokes} == {"$LATEST"}


def test_mixed_runtime_versions_are_warned_of(tmp_path: Path) -> None:
    """An update of the runtime in the middle of a run is on record."""
    directory = tmp_path / "records" / RUN_ID
    life.new_record(directory, run_id=RUN_ID, round_count=1)

    def script(invoke: Invoke) -> Answer:
        arn = f"arn:aws:lambda:eu-west-1::runtime:{invoke.number % 2}"
        return Answer(init_ms=2.0 if invoke.count == 1 else None, runtime_arn=arn)

    with ScriptedLambda(script) as endpoint:
        life.run(directory, endpoint.url)
    assert any("versions of the runtime" in warning for warning in load_record(directory).warnings)
