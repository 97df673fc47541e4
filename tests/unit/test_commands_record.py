"""`coldbench report` and `judge`: finding a record, showing it, and the exit code it has."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_sample

from bench.commands import judge, report
from bench.commands.formats import FORMATS
from bench.commands.options import JudgeOptions, ReportOptions
from bench.commands.records import find_record
from bench.config import Settings, load_settings
from bench.errors import RecordError, UnknownName
from bench.gate import exit_code
from bench.judgement import Judgement
from bench.model import Demands, Record
from bench.report import FORMATS as RENDERED
from bench.store import TrialWriter, create_record


@pytest.fixture(name="recorded", scope="module")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one record of the sample run."""
    project = tmp_path_factory.mktemp("project")
    record = report_sample.record()
    directory = project / "reports" / "records" / record.run_id
    create_record(directory, record)
    writer = TrialWriter(directory)
    for trial in record.trials:
        writer.append(trial)
    writer.close()
    return project


def settings_of(project: Path) -> Settings:
    return load_settings({}, cwd=project, environ={})


def report_options(project: Path, name: str, **changes: Any) -> ReportOptions:
    return ReportOptions(
        settings=settings_of(project), cwd=project, command="", record=name, **changes
    )


def judge_options(project: Path, name: str, **changes: Any) -> JudgeOptions:
    return JudgeOptions(
        settings=settings_of(project), cwd=project, command="", record=name, **changes
    )


def run_id() -> str:
    return report_sample.record().run_id


def test_a_record_is_found_by_id_directory_or_file(recorded: Path) -> None:
    """A run id, the directory of the record and its file all mean the same run."""
    settings = settings_of(recorded)
    directory = recorded / "reports" / "records" / run_id()

    assert find_record(run_id(), settings, cwd=recorded) == directory
    assert find_record(f"reports/records/{run_id()}", settings, cwd=recorded) == directory
    assert find_record(str(directory / "record.json"), settings, cwd=Path("/")).is_file()


def test_an_unknown_record_has_near_misses(recorded: Path) -> None:
    """A run id that does not exist is answered with the nearest ones."""
    with pytest.raises(UnknownName, match="unknown record") as error:
        find_record(run_id()[:-1], settings_of(recorded), cwd=recorded)

    assert run_id() in str(error.value.hint)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"schema": "coldbench-record/99"}'])
def test_a_foreign_file_is_refused(tmp_path: Path, content: str) -> None:
    """A file that is not a record of ours is exit 2, whatever it is."""
    (tmp_path / "record.json").write_text(content)

    with pytest.raises(RecordError) as error:
        report.execute(report_options(tmp_path, "record.json"))

    assert error.value.exit_code == 2


def test_the_formats_are_those_that_exist() -> None:
    """The names checked on the command line are the names that can be rendered."""
    assert set(FORMATS) == set(RENDERED)


def test_a_report_goes_to_stdout(recorded: Path) -> None:
    """The text of a report is the text of the command."""
    text, code = report.execute(report_options(recorded, run_id(), format="json"))

    assert (code, json.loads(text)["run"]["id"]) == (0, run_id())


def test_the_same_record_gives_the_same_bytes(recorded: Path) -> None:
    """Nothing but the record decides what a report says."""
    options = report_options(recorded, run_id())

    assert report.execute(options) == report.execute(options)


def test_a_report_goes_to_a_file(recorded: Path, tmp_path: Path) -> None:
    """With a file nothing is left for stdout, and the file is neither coloured nor cut off."""
    output = tmp_path / "report.txt"

    text, _ = report.execute(
        report_options(recorded, run_id(), output=output, colour=True, width=40)
    )

    assert text == ""
    assert output.read_text() == report.execute(report_options(recorded, run_id()))[0]
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"]


def test_a_judgement_has_one_line_per_comparison(recorded: Path) -> None:
    """The first line is the verdict; each candidate has its change and its word."""
    text, _ = judge.execute(judge_options(recorded, run_id()))

    lines = text.splitlines()
    assert lines[0] in ("no regression", "inconclusive", "unfit", "incomparable", "regression")
    assert any(line.startswith("  go/hello stripped (") for line in lines)


def test_a_judgement_as_json_has_the_names_of_the_result_file(recorded: Path) -> None:
    """Scripts read the same names here and in a report."""
    text, _ = judge.execute(judge_options(recorded, run_id(), json=True))

    assert set(json.loads(text)) == {
        *("schema", "run", "controls", "comparisons", "gate", "verdict")
    }


def test_a_judgement_of_one_variant_says_that_nothing_was_compared(tmp_path: Path) -> None:
    """No comparison is no verdict, and strictly asked for one there is none."""
    sample = report_sample.record()
    cell = report_sample.go_cell("default")
    plan = replace(sample.plan, cells=(cell,), validation_cells=())
    directory = tmp_path / "reports" / "records" / run_id()
    create_record(directory, replace(sample, plan=plan, failed_builds=(), trials=()))
    writer = TrialWriter(directory)
    for trial in sample.trials:
        if trial.cell == cell:
            writer.append(trial)
            writer.append(replace(trial, arm="aa"))
    writer.close()

    text, code = judge.execute(judge_options(tmp_path, run_id(), demands=Demands(strict=True)))

    assert text == "inconclusive\n  nothing was compared with a baseline\n"
    assert code == 5


def fit_record() -> Record:
    """The sample without its failed build and failed cell."""
    record = report_sample.record()
    measured = {cell.cell for cell in report_sample.judgement().cells if cell.n}
    cells = tuple(cell for cell in record.plan.cells if cell in measured)
    return replace(record, failed_builds=(), plan=replace(record.plan, cells=cells))


def decided(**changes: Any) -> Judgement:
    """The sample's judgement with nothing left undecided and no regression."""
    found = report_sample.judgement()
    kept = tuple(c for c in found.comparisons if c.verdict != "inconclusive")
    return replace(found, **({"comparisons": kept, "verdict": "no regression"} | changes))


@pytest.mark.parametrize(
    ("judgement", "code"),
    [
        (decided(), 0),
        (decided(verdict="regression"), 1),
        (decided(fit=False, verdict="unfit"), 4),
        (decided(verdict="incomparable"), 6),
        (decided(verdict="inconclusive"), 0),
    ],
)
def test_the_verdict_has_its_exit_code(judgement: Judgement, code: int) -> None:
    """Each verdict has the code of the contract."""
    assert exit_code(fit_record(), judgement, strict=False) == code


def test_an_interrupted_run_is_exit_130() -> None:
    """Whatever was decided until then: what is missing could say otherwise."""
    record = replace(fit_record(), complete=False)

    assert exit_code(record, decided(), strict=False) == 130


def test_a_failed_build_is_exit_3() -> None:
    """A run that could not build everything says so, whatever it measured."""
    record = replace(fit_record(), failed_builds=report_sample.record().failed_builds)

    assert exit_code(record, decided(), strict=False) == 3


def test_a_cell_without_a_valid_trial_is_exit_4() -> None:
    """A cell that was planned and never worked is a failed measurement."""
    record = replace(report_sample.record(), failed_builds=())

    assert exit_code(record, decided(), strict=False) == 4


@pytest.mark.parametrize(
    ("judgement", "code"), [(decided(), 0), (decided(verdict="inconclusive"), 5)]
)
def test_strict_makes_inconclusive_exit_5(judgement: Judgement, code: int) -> None:
    """Only with --strict is an undecided run a failure."""
    assert exit_code(fit_record(), judgement, strict=True) == code


def test_a_smoke_run_is_never_inconclusive() -> None:
    """A run that promises no verdicts cannot miss one."""
    record = fit_record()
    smoke = replace(record, plan=replace(record.plan, smoke=True))

    assert exit_code(smoke, decided(verdict="inconclusive"), strict=True) == 0


def test_records_that_may_not_be_looked_at(recorded: Path) -> None:
    """What the system says comes with a way out, and is no failure of a measurement."""
    with pytest.raises(RecordError, match="File name too long") as e:
        find_record("x" * 300, settings_of(recorded), cwd=recorded)
    assert "--out DIR" in (e.value.hint or "")
