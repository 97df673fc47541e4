"""What a record is judged and held by: its own plan, unless a flag says otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.commands.outcome import outcome
from bench.config import Settings, load_settings
from bench.errors import ConfigError
from bench.model import Demands, Record
from bench.report.result import result
from bench.stats.judge import judge
from tests.acceptance.record_damage import sound_record

SLOWER = Demands(fail_on=("slower",))


def sealed(*, ratio: float = 1.0, **plan: object) -> Record:
    return replace(sound_record(ratio=ratio, **plan), sealed=True)


def settings(directory: Path, project: str = "", **flags: str) -> Settings:
    """The settings of a directory with this project file, under these flags."""
    (directory / "coldbench.toml").write_text(project)
    return load_settings(flags, environ={}, cwd=directory)


def code(record: Record, found: Settings) -> int:
    return outcome(record, found, SLOWER)[1]


def test_a_margin_of_the_primary_metric_is_what_a_gate_is_held_to(tmp_path: Path) -> None:
    """A general margin in the same project file does not loosen it."""
    project = 'margin = "5%"\nmargins = ["cpu_cold_total=0.5%"]\n'
    record = sealed(ratio=1.017, margin=0.05, margins={"cpu_cold_total": 0.005})

    assert code(record, settings(tmp_path, project)) == 1


def test_a_record_is_judged_alike_in_every_directory(tmp_path: Path) -> None:
    """The plan holds what was configured; another project file is of another run."""
    record = sealed(ratio=1.017)

    assert code(record, settings(tmp_path, 'margin = "5%"\n')) == 1
    assert code(record, settings(tmp_path)) == 1


def test_a_flag_changes_verdicts_and_gate_together(tmp_path: Path) -> None:
    """It stands above a margin of the primary metric, too."""
    record = sealed(ratio=1.017, margins={"cpu_cold_total": 0.005})

    judgement, found = outcome(record, settings(tmp_path, margin="5%"), SLOWER)

    assert (judgement.margin, found) == (0.05, 0)
    assert {c.verdict for c in judgement.comparisons if c.metric == judgement.primary} == {"same"}


@pytest.mark.parametrize("margin", [0.001, 0.01, 0.1])
def test_another_margin_leaves_the_estimates_as_they_are(margin: float) -> None:
    """They are corrected for what the run stopped by, which is past."""
    record = sealed(ratio=1.02, rounds=36, looks=(16, 24, 36))
    planned = judge(record)

    asked = judge(record, margin=margin)

    assert [c.ratio for c in asked.comparisons] == [c.ratio for c in planned.comparisons]


def test_the_result_file_states_the_margin_of_its_verdicts() -> None:
    """Not the one that the run was planned with."""
    record = sealed()

    assert result(record, judge(record, margin=0.05))["run"]["margin"] == 0.05


def test_controls_do_not_follow_the_confidence_of_verdicts() -> None:
    """A sound run is called unfit once in a hundred times, also if verdicts are to be bold."""
    record = sealed()

    assert judge(record, confidence=0.5).controls == judge(record).controls


def test_a_confidence_that_no_run_can_have_is_refused(tmp_path: Path) -> None:
    """It is a mistake of the user, said as such."""
    with pytest.raises(ConfigError, match="at most"):
        settings(tmp_path, confidence="0.999999999999999")
