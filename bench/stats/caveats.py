"""What a reader must know about a run besides its verdicts: sentences derived from a record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.judgement import ModelCheck
from bench.model import Record, Trial

#: From this relative deviation on the modelled times at a memory size come with a warning.
MODEL_DEVIATION_MAX = 0.20


def run_warnings(record: Record) -> tuple[str, ...]:
    """What the plan, its end and the guards of the trials say about the whole run."""
    found = []
    if record.plan.smoke:
        found.append("smoke run: too few rounds for verdicts")
    if not record.complete:
        found.append("the run was interrupted before its last planned round")
    return (*found, *_unjudged(record), *_page_cache(record.trials), *_shared_tmp(record.trials))


def _unjudged(record: Record) -> tuple[str, ...]:
    budget_s = record.plan.budget_s
    if not record.complete or budget_s is None or not record.trials:
        return ()
    if not all(trial.discarded for trial in record.trials):
        return ()
    rounds = len({trial.round for trial in record.trials})
    return (
        f"the budget of {budget_s:g} s was too short: it ended after {rounds} discarded rounds,"
        " before the first judged one; give more with `--budget`",
    )


def _page_cache(trials: Iterable[Trial]) -> tuple[str, ...]:
    evicted = [trial for trial in trials if trial.page_cache == "evicted"]
    stayed = [pages for t in evicted if (pages := t.guards.get("resident_pages", 0)) > 0]
    if not stayed:
        return ()
    return (
        f"page cache: in {len(stayed)} of {len(evicted)} trials with an evicted page cache up to"
        f" {max(stayed)} pages of the package stayed cached",
    )


def _shared_tmp(trials: Iterable[Trial]) -> tuple[str, ...]:
    known = [t.guards["private_tmp"] for t in trials if "private_tmp" in t.guards]
    shared = known.count(0)
    if not shared:
        return ()
    return (
        f"/tmp was not private in {shared} of {len(known)} trials: what one trial wrote there"
        " another could see; only TMPDIR was private",
    )


def model_warnings(checks: Sequence[ModelCheck]) -> tuple[str, ...]:
    """One sentence that counts the checks in which the model was far off, and names the worst."""
    off = [check for check in checks if abs(check.deviation) > MODEL_DEVIATION_MAX]
    if not off:
        return ()
    worst = max(off, key=lambda check: abs(check.deviation))
    return (
        f"the quota model misses measured first invokes by more than {MODEL_DEVIATION_MAX:.0%} in"
        f" {len(off)} of {len(checks)} checks of few trials each, most at {worst.cell.memory_mb} MB"
        f" of {worst.cell.function} ({worst.deviation * 100:+.0f} %): take modelled times as rough,"
        " and `--memory` to measure them",
    )
