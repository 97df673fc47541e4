"""What a reader must know about a run besides its verdicts: sentences derived from a record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.model import ModelCheck, Record, Trial

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
        " another could see; TMPDIR was",
    )


def model_warnings(checks: Sequence[ModelCheck]) -> tuple[str, ...]:
    """One sentence per function and memory size at which the model was far off, by its worst."""
    worst: dict[tuple[str, int], ModelCheck] = {}
    for check in checks:
        key = (check.cell.function, check.cell.memory_mb)
        if abs(check.deviation) <= MODEL_DEVIATION_MAX:
            continue
        if key not in worst or abs(check.deviation) > abs(worst[key].deviation):
            worst[key] = check
    return tuple(
        f"{function} at {memory_mb} MB: the quota model misses measured first invokes by up to"
        f" {check.deviation * 100:+.0f} %; take modelled times at this size as rough"
        for (function, memory_mb), check in worst.items()
    )
