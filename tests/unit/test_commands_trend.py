"""What `coldbench trend` measures again, and what it takes a record to be built from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import report_sample
from history_sample import entry

from bench.commands.trend_measure import commit_of, comparison_of
from bench.commands.trend_options import TrendOptions
from bench.config import load_settings
from bench.history.confirmations import Nomination
from bench.model import Commit
from bench.store import create_record, load_record


def options(project: Path) -> TrendOptions:
    (project / "coldbench.toml").touch()
    settings = load_settings({}, cwd=project, environ={})
    return TrendOptions(settings=settings, cwd=project, command="coldbench trend")


def nomination(**conditions: Any) -> Nomination:
    before, after = entry(18, **conditions), entry(21, **conditions)
    return Nomination(series=after.series, index=20, ratio=1.05, before=before, after=after)


def test_a_candidate_is_measured_again_as_its_series_was(tmp_path: Path) -> None:
    """Memory size, event, build and state of the page cache are those of the series."""
    found = nomination(page_cache="evicted", memory_mb=512, event="used", variant="lazy")

    asked = comparison_of(found, options(tmp_path), tmp_path / "result.json")

    assert asked.settings.page_cache == "evicted"
    assert asked.settings.memory_sizes_mb == (512,)
    # As asked for by name: the size that the function is configured with does not join it.
    assert asked.settings.sources["memory"] == "--memory"
    assert (asked.event, asked.variants) == ("used", ("lazy",))
    assert asked.baseline_revision == found.before.commit.id
    assert asked.candidate_revision == found.after.commit.id


def test_a_record_tells_what_it_was_built_from(tmp_path: Path) -> None:
    """Wherever the checkout is by now."""
    commit = Commit(id="c" * 40, dirty=True)

    assert commit_of(replace(report_sample.record(), commit=commit), tmp_path) == commit


def test_the_commit_is_kept_with_the_record(tmp_path: Path) -> None:
    """It is there when the run is resumed or added by another process."""
    commit = Commit(id="c" * 40)

    create_record(tmp_path / "run", replace(report_sample.record(), commit=commit))

    assert load_record(tmp_path / "run").commit == commit


def test_a_record_that_does_not_tell_is_taken_as_the_present_commit(tmp_path: Path) -> None:
    """Without version control that is none."""
    assert commit_of(report_sample.record(), tmp_path) == Commit()
