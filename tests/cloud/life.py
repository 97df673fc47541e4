"""The whole life of a run on an endpoint with faults: copies, trials, kills, resuming, cleaning."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from bench.cloud.account import Account, Patience, Target
from bench.cloud.control import ControlPlane
from bench.cloud.copies import Copy, Workshop, name_of
from bench.cloud.leftovers import find, remove_all
from bench.cloud.run import CloudRun, Manner
from bench.errors import MeasurementError
from bench.model import Cell, Plan, Record
from bench.serve.faults import FAULTS, Fault, Rule, SeededFaults
from bench.session.schedule import is_control, rounds
from bench.store import create_record, load_record
from bench.subjects import Artifact, Event, Function

REGION = "eu-west-1"
ACCESS_KEY = "AKIAPLANTEDPLANTED00"
SECRET_KEY = "planted-secret-key-0123456789"
TOKEN = "planted-session-token-0123456789"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_SESSION_TOKEN": TOKEN,
    "AWS_REGION": REGION,
}
VARIANTS = ("default", "stripped")
FUNCTIONS = ("custom/first", "custom/second")
SIZES_MB = (128, 512, 1769)
#: Clients in tests need not wait for minutes.
IMPATIENT = Patience(connect_s=2.0, read_s=0.6, attempts=1, mode="standard")
HANG_S = 0.9


def faults(seed: int, share: float = 0.1) -> SeededFaults:
    """Every kind of fault at every call; hanging is rarer, because it takes time."""
    weights: dict[Fault, float] = {fault: share / len(FAULTS) for fault in FAULTS}
    weights["hang-after"] = share / 50
    return SeededFaults(seed, [Rule(weights=weights)], hang_s=HANG_S)


def new_record(
    directory: Path,
    *,
    run_id: str,
    seed: int = 7,
    round_count: int = 2,
    smoke: bool = False,
    region: str = REGION,
    endpoint: str = "127.0.0.1",
) -> Record:
    """A run over two functions with two variants each at three memory sizes, not yet begun."""
    event = directory.parent / "event.json"
    directory.parent.mkdir(parents=True, exist_ok=True)
    event.write_text("{}")
    cells = tuple(
        Cell(function=function, variant=variant, memory_mb=size, event="event")
        for function in FUNCTIONS
        for variant in VARIANTS
        for size in SIZES_MB
    )
    plan = Plan(
        seed=seed,
        rounds=round_count,
        discarded_rounds=0,
        warm_invokes=1,
        cpu_mode="on-demand",
        cells=cells,
        baselines=dict.fromkeys(FUNCTIONS, VARIANTS[0]),
        memory_sizes_mb=SIZES_MB,
        looks=(round_count,),
        smoke=smoke,
        primary="cold_total",
    )
    record = Record(
        run_id=run_id,
        started="2026-11-20T00:00:00Z",
        command="coldbench run --backend aws",
        backend="aws",
        plan=plan,
        environment={
            "hard": {"architecture": "x86_64", "region": region},
            "soft": {},
            "aws": {"region": region, "endpoint": endpoint, "method": "version"},
        },
        functions=tuple(_function(id_, event) for id_ in FUNCTIONS),
        artifacts=tuple(_artifact(f, v) for f in FUNCTIONS for v in VARIANTS),
        failed_builds=(),
        trials=(),
        complete=False,
        wall_ns=0,
        wall_in_trials_ns=0,
    )
    create_record(directory, record)
    return record


def copies(record: Record) -> tuple[Copy, ...]:
    """What the run makes."""
    arms = [
        (cell, arm)
        for cell in record.plan.cells
        for arm in (("variant", "aa") if is_control(record.plan, cell) else ("variant",))
    ]
    return tuple(
        Copy(
            name=name_of(record.run_id, number),
            function=cell.function,
            variant=cell.variant,
            arm="aa" if arm == "aa" else "variant",
            memory_mb=cell.memory_mb,
            architecture="x86_64",
            timeout_s=3,
            runtime="provided.al2023",
            handler="bootstrap",
            package=package(),
        )
        for number, (cell, arm) in enumerate(arms)
    )


def package(bootstrap: str = "#!/bin/sh\n") -> bytes:
    """A deployment package with a bootstrap."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, bootstrap)
    return target.getvalue()


def account(url: str, environ: Mapping[str, str] = ENVIRON) -> Account:
    """Clients of the endpoint."""
    return Account(Target(region=REGION, endpoint_url=url), patience=IMPATIENT, environ=environ)


def run(
    directory: Path, url: str, manner: Manner | None = None, *, package: bytes | None = None
) -> list[str]:
    """Measure what is left of a run; what it told the user."""
    said: list[str] = []
    record = load_record(directory)
    made = copies(record)
    CloudRun(
        directory,
        made if package is None else [replace(copy, package=package) for copy in made],
        account(url),
        manner or Manner(probe=False),
        observer=lambda _: None,
        say=said.append,
    ).measure()
    return said


def make_and_abandon(record: Record, url: str) -> None:
    """Make everything, as a run does that is then killed."""
    plane = ControlPlane(account(url), threading.Event())
    workshop = Workshop(plane, run_id=record.run_id, started=record.started)
    workshop.make_role(in_vpc=False)
    for copy in copies(record):
        workshop.make(copy)


def clean(url: str, run_id: str | None = None) -> int:
    """Clean as ``coldbench clean`` does; how many things were deleted."""
    plane = ControlPlane(account(url), threading.Event())
    search = find(lambda _: plane, [REGION], home=REGION)
    found = [x for x in search.found if run_id in (None, x.run_id)]
    failed = search.failed | remove_all(lambda _: plane, found, REGION)
    assert not failed, failed
    return len(found)


@dataclass(frozen=True)
class State:
    """Everything that there is in the account, as far as a run could touch it."""

    functions: str
    log_groups: str
    roles: str


class Observer:
    """Looks at the account with clients of its own, while the faults are off."""

    def __init__(self, url: str) -> None:
        self._session = boto3.Session("test", "test", region_name=REGION)
        self._url = url

    def client(self, service: str) -> Any:
        """A plain client."""
        return self._session.client(service, endpoint_url=self._url)

    def make_decoys(self) -> None:
        """Things that look like ours and are not, and things that do not."""
        role = self._make_role("coldbench-of-somebody-else", {})
        self._make_role("payments", {"coldbench:run": "20261119-000000-dead"})
        names: dict[str, dict[str, str]] = {
            "coldbench-of-somebody-else": {},
            "payments": {"coldbench:run": "20261119-000000-dead"},
            "coldbench-20261119-000000-beef-000": {"team": "not coldbench"},
        }
        for name, tags in names.items():
            self.client("lambda").create_function(
                FunctionName=name,
                Runtime="provided.al2023",
                Role=role,
                Handler="bootstrap",
                Code={"ZipFile": package()},
                Environment={"Variables": {"PASSWORD": "hunter2"}},
                Tags=tags,
            )
            self.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}", tags=tags)

    def state(self) -> State:
        """Everything, as text that can be compared."""
        functions = self.client("lambda").list_functions(FunctionVersion="ALL")["Functions"]
        groups = self.client("logs").describe_log_groups()["logGroups"]
        roles = self.client("iam").list_roles()["Roles"]
        return State(
            functions=json.dumps(functions, default=str, sort_keys=True),
            log_groups=json.dumps(groups, default=str, sort_keys=True),
            roles=json.dumps(roles, default=str, sort_keys=True),
        )

    def _make_role(self, name: str, tags: Mapping[str, str]) -> str:
        answer = self.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}',
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return str(answer["Role"]["Arn"])


def until_complete(directory: Path, url: str, attempts: int = 20) -> int:
    """Run and resume until the plan is complete; how often it was resumed."""
    for attempt in range(attempts):
        try:
            run(directory, url)
        except MeasurementError:
            continue
        return attempt
    raise AssertionError(f"not complete after {attempts} sessions")


def check_complete(directory: Path) -> None:
    """The plan is there, each trial once, and each from an invoke of its own."""
    record = load_record(directory)
    planned = {(slot.round, slot.cell, slot.arm) for slots in rounds(record.plan) for slot in slots}
    recorded = [(t.round, t.cell, t.arm) for t in record.trials]
    assert record.complete
    assert len(recorded) == len(set(recorded)), "a sample is there twice"
    assert set(recorded) == planned, "samples are missing"
    answered = [t.facts["request_id"] for t in record.trials if t.outcome == "ok"]
    assert len(answered) == len(set(answered)), "one invoke gave two samples"


def _function(id_: str, event: Path) -> Function:
    return Function(
        id=id_,
        runtime="custom",
        directory=event.parent,
        handler="bootstrap",
        events=(Event(name="event", path=event),),
        timeout_s=3.0,
    )


def _artifact(function: str, variant: str) -> Artifact:
    return Artifact(
        function=function,
        variant=variant,
        digest=f"{function} {variant}",
        zip_path=Path("package.zip"),
        tree_path=Path("tree"),
        handler="bootstrap",
        zip_bytes=200,
        unpacked_bytes=10,
        binary_bytes=10,
        toolchain={},
        recipe="made for a test",
    )
