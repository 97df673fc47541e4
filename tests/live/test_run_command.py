"""`coldbench run` from end to end, on a function that takes milliseconds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from projects import Project, finished, planned, recorded

import bench
from bench.store import TRIALS_FILE, load_record

pytestmark = pytest.mark.live

ROUNDS = 8


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@dataclass
class Run:
    """A whole run and what it left."""

    project: Project
    result: subprocess.CompletedProcess[str]


@pytest.fixture(name="whole", scope="module")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    project = Project(tmp_path_factory.mktemp("whole"))
    directory = project.add_function()
    return Run(project, project.run(str(directory), "--rounds", str(ROUNDS)))


def test_a_directory_is_built_measured_and_reported(whole: Run) -> None:
    """The table is on stdout, the reports are files, and the code is 0."""
    assert whole.result.returncode == 0, whole.result.stderr
    assert "custom/quick" in whole.result.stdout
    assert "custom/quick" in (whole.project.out / "latest.md").read_text()


def test_the_json_report_is_as_its_schema_says(whole: Run) -> None:
    """What scripts read has the documented form."""
    schema = json.loads((Path(bench.__file__).parent / "report" / "schema.json").read_text())

    jsonschema.validate(json.loads((whole.project.out / "latest.json").read_text()), schema)


def test_every_cell_has_all_its_rounds(whole: Run) -> None:
    """The plan is done exactly, and each arm of each cell has as many judged trials as asked."""
    record = whole.project.record()
    judged = [(t.cell, t.arm) for t in record.trials if not t.discarded and t.outcome == "ok"]

    assert record.complete
    assert recorded(record) == planned(record)
    assert {judged.count(key) for key in judged} == {ROUNDS}
    assert {cell for cell, _ in judged} == set(record.plan.every_cell)


def test_measuring_is_spent_inside_trials(whole: Run) -> None:
    """At most a tenth of the measuring time goes to something else."""
    record = whole.project.record()

    assert record.wall_in_trials_ns >= 0.9 * record.wall_ns


def test_a_run_leaves_nothing_behind_but_reports_and_cache(whole: Run) -> None:
    """No process, no staged copy, no temporary file."""
    assert whole.project.processes() == []
    assert whole.project.staged() == []
    assert list(whole.project.temporary.iterdir()) == []


def test_a_report_can_be_made_again_from_the_record(whole: Run) -> None:
    """The same record gives the same text."""
    again = whole.project.call("report", whole.project.record_directory.name)

    assert (again.returncode, again.stdout) == (0, whole.result.stdout)


def test_two_runs_at_once_in_one_checkout(project: Project) -> None:
    """Both succeed, and each has its own complete record."""
    directory = str(project.add_function())
    few = ("--rounds", "2", "--memory", "1769", "-q")

    runs = [project.start("run", directory, *few) for _ in range(2)]
    results = [finished(run) for run in runs]

    assert [r.returncode for r in results] == [0, 0], [r.stderr for r in results]
    records = [load_record(path) for path in project.record_directories()]
    assert [r.complete for r in records] == [True, True]
    assert all(recorded(r) == planned(r) for r in records)
    assert project.staged() == []


def test_a_dry_run_writes_nothing(project: Project) -> None:
    """It says what would be measured, and `reports` does not come into being."""
    result = project.run(str(project.add_function()), "--dry-run")

    assert result.returncode == 0, result.stderr
    assert "custom/quick" in result.stdout
    assert not project.out.exists()


def test_a_smoke_run_leaves_the_latest_report_alone(project: Project) -> None:
    """One trial of each arm is recorded, and there is no `latest.*`."""
    result = project.run(str(project.add_function()), "--smoke")

    assert result.returncode == 0, result.stderr
    assert recorded(project.record()) == planned(project.record())
    assert list(project.out.glob("latest*")) == []


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["custom/quik"], "custom/quick"),
        (["custom/quick", "--variant", "defalt"], "default"),
        (["custom/quick", "--event", "order-O"], "order-0"),
        (["custom/quick", "--format", "markdwn"], "markdown"),
        (["custom/quick", "--memory", "127"], "128 to 10,240"),
        (["custom/quick", "--memory", "10241"], "128 to 10,240"),
        (["custom/quick", "--memory", "plenty"], "128 to 10,240"),
        (["."], "function"),
        (["--resume", "20200101-000000-dead"], "record"),
    ],
)
def test_a_mistake_gets_advice(project: Project, arguments: list[str], advice: str) -> None:
    """Code 2, the nearest name or the range on stderr, no traceback, and nothing written."""
    project.add_function()

    result = project.call("run", *arguments)

    assert result.returncode == 2, result.stderr
    assert advice in result.stderr
    assert "Traceback" not in result.stderr
    assert (result.stdout, project.out.exists()) == ("", False)


def test_reports_that_cannot_be_written(project: Project) -> None:
    """A file is where the directory should be: code 2 with advice, and the file stays."""
    project.out.write_text("mine")

    result = project.run(str(project.add_function()), "--smoke")

    assert result.returncode == 2
    assert str(project.out) in result.stderr
    assert "hint:" in result.stderr
    assert "Traceback" not in result.stderr
    assert project.out.read_text() == "mine"


def test_variables_that_lambda_reserves_are_refused_before_anything_is_built(
    project: Project,
) -> None:
    """Code 2, and no record of a run that could not be."""
    function = project.add_function()
    (function / "function.toml").write_text('[env]\nAWS_REGION = "mars-1"\n')

    result = project.run(str(function), "--smoke")

    assert result.returncode == 2
    assert "AWS_REGION" in result.stderr
    assert not project.out.exists()


def test_a_damaged_record_is_refused_and_kept(project: Project) -> None:
    """Neither a report nor `--resume` takes it; both name the file and the line."""
    project.run(str(project.add_function()), "--smoke")
    trials = project.record_directory / TRIALS_FILE
    damaged = b"{]\n" + trials.read_bytes()
    trials.write_bytes(damaged)
    name = project.record_directory.name

    results = [project.call("report", name), project.call("run", "--resume", name)]

    assert [r.returncode for r in results] == [2, 2]
    assert all(f"{TRIALS_FILE}, line 1" in r.stderr for r in results)
    assert all("Traceback" not in r.stderr for r in results)
    assert trials.read_bytes() == damaged


def test_the_measuring_process_stays_small() -> None:
    """It imports nothing heavy, because it is the one that spawns."""
    code = "import sys, bench.session; print(*sys.modules)"
    heavy = {"numpy", "pandas", "boto3", "pytest", "rich", "psutil", "matplotlib"}

    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )

    assert heavy & set(result.stdout.split()) == set()
