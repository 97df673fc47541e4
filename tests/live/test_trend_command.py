"""`coldbench trend` from end to end: anchors, real runs against them, and confirmations."""

from __future__ import annotations

import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from bootstraps import write_bootstrap
from projects import Project, finished

from bench.codec import to_json
from bench.history.entries import FILE, Entry, load
from bench.history.entries import append as add
from bench.model import Commit

pytestmark = pytest.mark.live

BUSY = "sum(range(2_000_000))"
#: The fewest rounds that have an interval, and one more.
QUICKLY = ("--rounds", "9")


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    """Make a project in version control, whose function has an anchor."""
    project = Project(tmp_path)
    project.add_function()
    (project.directory / ".gitignore").write_text("reports/\n")
    git(project, "init", "-q")
    commit(project, "first")
    assert project.call("trend", "--anchor").returncode == 0
    return project


def git(project: Project, *arguments: str) -> str:
    words = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments)
    return subprocess.run(
        words, cwd=project.directory, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(project: Project, message: str, *options: str) -> str:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message, *options)
    return git(project, "rev-parse", "HEAD")


def history(project: Project) -> Path:
    return project.out / "history"


def measured(project: Project) -> Entry:
    """Measure once; a run that a busy machine makes unfit adds nothing and is repeated."""
    results = []
    while len(results) < 3 and not load(history(project)):
        results.append(project.call("trend", "--measure", *QUICKLY))
    assert results[-1].returncode == 0, [result.stderr for result in results]
    (entry,) = load(history(project))
    return entry


def forge_a_step(project: Project, entry: Entry, before: str, after: str) -> None:
    """Write a history that goes up by half from one commit to another."""
    entries = [
        replace(
            entry,
            run=f"forged-{number:03}",
            ratio=ratio,
            low=ratio * 0.985,
            high=ratio * 1.015,
            standard_error=0.006,
            commit=replace(entry.commit, id=after if ratio > 1.2 else before, dirty=False),
        )
        for number, ratio in enumerate([1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0, 1.5, 1.51, 1.49])
    ]
    (history(project) / FILE).unlink()
    add(history(project), entries)


def confirmations(project: Project) -> list[str]:
    file = history(project) / "confirmations.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line)["state"] for line in lines]


def test_a_build_is_measured_against_its_anchor(project: Project) -> None:
    """A run adds one entry with its commit, and leaves the report and the chart."""
    entry = measured(project)

    assert entry.commit.id == git(project, "rev-parse", "HEAD")
    assert not entry.commit.dirty
    assert entry.low <= entry.ratio <= entry.high
    assert sorted(path.name for path in project.out.glob("trend*")) == [
        "trend-custom-quick.svg",
        "trend.md",
    ]
    assert not (project.out / "latest.md").exists()


def interrupted(project: Project) -> subprocess.CompletedProcess[str]:
    process = project.start("trend", "--measure", "--rounds", "12")
    project.wait_for_trials(2)
    process.send_signal(signal.SIGINT)
    return finished(process)


def test_an_interrupted_measurement_can_go_on(project: Project) -> None:
    """The command of the hint finishes the run and adds it as what it was measured at."""
    first = git(project, "rev-parse", "HEAD")
    result = interrupted(project)
    run_id = project.record_directory.name
    (project.directory / "moved").touch()
    commit(project, "the checkout moved on")

    assert result.returncode == 130, result.stderr
    assert f"`coldbench run --resume {run_id} && coldbench trend --append {run_id}`" in (
        result.stderr
    )
    resumed = project.call("run", "--resume", run_id)
    assert resumed.returncode in (0, 4), resumed.stderr  # a busy machine makes it unfit
    assert project.record().complete
    appended = project.call("trend", "--append", run_id)
    assert appended.returncode == resumed.returncode, appended.stderr
    assert project.record().commit == Commit(id=first)
    added = [entry.commit for entry in load(history(project))]
    assert added == [Commit(id=first)] * (resumed.returncode == 0)


def test_a_record_that_does_not_tell_its_commit_is_taken_as_the_present_one(
    project: Project,
) -> None:
    """An older record is added at the commit of the checkout, and the user is told."""
    interrupted(project)
    header = project.record_directory / "record.json"
    fields = json.loads(header.read_text())
    header.write_text(json.dumps({k: fields[k] for k in fields.keys() - {"commit", "seal"}}))
    project.call("run", "--resume", project.record_directory.name)
    second = commit(project, "the checkout moved on", "--allow-empty")

    result = project.call("trend", "--append", project.record_directory.name)

    assert f"does not tell what it was built from, and is taken as {second[:12]}" in result.stderr
    added = [entry.commit for entry in load(history(project))]
    assert added == [Commit(id=second)] * (result.returncode == 0)


def test_a_run_is_added_once(project: Project) -> None:
    """A record that is in the history already adds nothing."""
    measured(project)
    before = (history(project) / FILE).read_bytes()

    result = project.call("trend", "--append", project.record_directory.name)

    assert result.returncode == 0, result.stderr
    assert (history(project) / FILE).read_bytes() == before


def test_a_real_change_is_confirmed_before_it_is_told(project: Project) -> None:
    """The nominated commits are measured again: exit 1, once; later it is known."""
    entry = measured(project)
    first = git(project, "rev-parse", "HEAD")
    write_bootstrap(project.directory / "functions" / "quick", init=BUSY)
    second = commit(project, "slower")
    forge_a_step(project, entry, first, second)

    result, again = project.call("trend"), project.call("trend")

    assert (result.returncode, again.returncode) == (1, 0), result.stderr
    assert "**slower** +" in result.stdout
    assert again.stdout == result.stdout
    assert confirmations(project) == ["confirmed"]
    assert f"between `{first[:12]}` and `{second[:12]}`" in (project.out / "trend.md").read_text()


def test_a_false_nomination_is_not_told(project: Project) -> None:
    """Commits that do the same work are no change, whatever the history looks like."""
    entry = measured(project)
    first = git(project, "rev-parse", "HEAD")
    write_bootstrap(project.directory / "functions" / "quick", init="# nothing")
    second = commit(project, "a comment")
    forge_a_step(project, entry, first, second)

    result = project.call("trend", "--margin", "20%")

    assert result.returncode == 0, result.stderr
    assert "slower" not in result.stdout
    assert confirmations(project) == ["refuted"]
    assert "## Changes" not in (project.out / "trend.md").read_text()


def test_an_anchor_that_was_changed_is_refused(project: Project) -> None:
    """A package that is not the pinned one would make ratios to something else."""
    (package,) = (history(project) / "anchors").iterdir()
    other = project.root / "other"
    write_bootstrap(other, init="# another")
    package.unlink()
    subprocess.run(
        ["python3", "-m", "zipfile", "-c", str(package), "bootstrap"], cwd=other, check=True
    )

    result = project.call("trend", "--measure", *QUICKLY)

    assert result.returncode == 2
    assert "is not the anchor that was pinned" in result.stderr
    assert not (history(project) / FILE).exists()


def test_a_damaged_history_is_refused(project: Project) -> None:
    """Code 2 with the line, no traceback, and the file stays."""
    file = history(project) / FILE
    file.write_text("{]\n")

    result = project.call("trend")

    assert result.returncode == 2
    assert f"{FILE}, line 1 is damaged" in result.stderr
    assert "Traceback" not in result.stderr
    assert file.read_text() == "{]\n"


def test_the_history_as_json(project: Project) -> None:
    """Every entry and every nomination with its answer, or null."""
    entry = measured(project)

    result = project.call("trend", "--json")

    (series,) = json.loads(result.stdout)["series"]
    assert series["entries"] == [to_json(entry)]
    assert series["nominations"] == []
