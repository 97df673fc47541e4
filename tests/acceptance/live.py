"""Acceptance on real processes: false alarms, detections, and the same question to other tools."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from scipy import stats

from bench.planning import LONG_LOOKS
from tests.acceptance import rivals
from tests.acceptance.load import other_load
from tests.acceptance.programs import Decision, decide, python_hello, run_once, spinner
from tests.findings import Row, Section

#: Of the same tool on the same question, as a share of its wall time.
_HYPERFINE_SHARE, _PYPERF_SHARE = 0.1, 1 / 65


def traces(scratch: Path, count: int) -> dict[str, list[int]]:
    """CPU times of one program, one process after the other, with other work beside."""
    programs = {"10 ms program": spinner(scratch, "traced"), "Python hello": python_hello()}
    with other_load():
        return {
            name: [
                run_once(program.commands[number % len(program.commands)])[0]
                for number in range(count)
            ]
            for name, program in programs.items()
        }


def alarms(scratch: Path, comparisons: int) -> Section:
    """Comparisons of equal programs beside other work, half of them of a Python hello.

    An alarm is a look whose interval excludes that nothing changed, whatever the margin says.
    """
    order = random.Random(comparisons)
    spin, hello = spinner(scratch, "plain"), python_hello()
    half = comparisons // 2
    with other_load():
        spins = [decide(spin, spin, order) for _ in range(comparisons - half)]
        hellos = [decide(hello, hello, order, margin=0.02) for _ in range(half)]
    found = spins + hellos
    wrong = sum(decision.found_rounds is not None for decision in found)
    row = Row(
        what=f"false alarms, alpha = .01, {len(spins)} × 10 ms program, {len(hellos)} × Python",
        expected=f"≤ {allowed(comparisons)} of {comparisons}",
        measured=f"{wrong} of {comparisons} ({upper_bound(wrong, comparisons)})",
        ok=wrong <= allowed(comparisons),
    )
    return Section(
        title="Nothing changed",
        method="Live A/A comparisons with a process beside that is busy half of the time, at "
        "random. An alarm is any look whose interval excludes that nothing changed; margins of "
        "1 % (program) and 2 % (Python) only say when to stop.",
        rows=(row,),
        notes=(f"Verdicts: {_counts(found)}.",),
    )


def allowed(comparisons: int) -> int:
    """Three of three hundred, in proportion."""
    return max(1, comparisons // 100)


def upper_bound(count: int, total: int) -> str:
    """The 95 % upper bound of a rate (Clopper-Pearson), in words."""
    bound = stats.beta.ppf(0.95, count + 1, total - count) if count < total else 1.0
    return f"a rate of at most {bound:.1%} with 95 % confidence"


def _counts(decisions: Sequence[Decision]) -> str:
    counts = Counter(decision.word for decision in decisions)
    return ", ".join(f"{count} `{word}`" for word, count in counts.most_common())


def shifts(scratch: Path, count: int) -> Section:
    """Comparisons of a program with one that does so much more work."""
    order = random.Random(count)
    plain = spinner(scratch, "plain")
    two, five, one = (spinner(scratch, f"plus{p}", p) for p in (2, 5, 1))
    plus2 = [decide(plain, two, order) for _ in range(count)]
    plus5 = [decide(plain, five, order) for _ in range(count)]
    plus1 = [
        decide(plain, one, order, margin=0, looks=LONG_LOOKS) for _ in range(max(1, count // 3))
    ]
    same = [decide(plain, plain, order, margin=0.02) for _ in range(count)]
    seconds = _median_s([d.found_ns for d in plus2])
    rounds = _median([d.found_rounds for d in plus2])
    rows = (
        _share("+2 % found within 60 rounds", plus2, 0.95, lambda d: _found(d, 60)),
        Row(
            what="+2 %, median time until found",
            expected="≤ 0.6 s",
            measured=f"{seconds:.2f} s, {rounds:.0f} rounds",
            ok=seconds <= 0.6,
        ),
        _share("+5 % found within 24 rounds", plus5, 0.99, lambda d: _found(d, 24)),
        _share("+1 % found within 273 rounds", plus1, 0.90, lambda d: _found(d, 273)),
        _share(
            "nothing changed: `same` within ±2 % by 54 rounds",
            same,
            0.90,
            lambda d: d.word == "same" and d.rounds <= 54,
        ),
    )
    return Section(
        title="Something changed",
        method="A static program of some 10 ms against one whose loop does so much more work, by "
        "CPU time. Found: the interval of a look excludes that nothing changed.",
        rows=rows,
        notes=(
            f"The estimates of +2 %: median {_percent([d.ratio for d in plus2])}.",
            "+2 %, on to a verdict at the margin of 1 %: "
            + _counts(plus2)
            + f"; median {_median([d.rounds for d in plus2]):.0f} rounds, "
            f"{_median_s([d.wall_ns for d in plus2]):.2f} s.",
        ),
    )


def _found(decision: Decision, rounds: int) -> bool:
    return decision.found_slower and (decision.found_rounds or math.inf) <= rounds


def _median(values: Sequence[int | None]) -> float:
    """A comparison that found nothing counts as endless."""
    return statistics.median(math.inf if value is None else value for value in values)


def _median_s(ns: Sequence[int | None]) -> float:
    return _median(ns) / 1e9


def _percent(ratios: Sequence[float]) -> str:
    return f"{(statistics.median(ratios) - 1) * 100:+.2f} %"


def _share(
    what: str, decisions: Sequence[Decision], needed: float, good: Callable[[Decision], bool]
) -> Row:
    count = sum(good(decision) for decision in decisions)
    return Row(
        what=what,
        expected=f"≥ {needed:.0%}",
        measured=f"{count} of {len(decisions)}",
        ok=count >= math.floor(needed * len(decisions)),
    )


def duels(scratch: Path, count: int) -> Section:
    """The same question, whether a program changed, to coldbench, hyperfine and pyperf in turn.

    Args:
        scratch: for programs and their copies.
        count: comparisons by each tool, of equal programs and of shifted ones.
    """
    order = random.Random(count)
    plain, two = spinner(scratch, "plain"), spinner(scratch, "plus2", 2)
    ours: list[tuple[bool, Decision]] = []
    others: dict[str, list[tuple[bool, rivals.Answer]]] = {"hyperfine": [], "pyperf": []}
    for _ in range(count):
        for candidate, shifted in ((two, True), (plain, False)):
            ours.append((shifted, decide(plain, candidate, order)))
            answer = rivals.hyperfine(plain, candidate, scratch)
            if answer is not None:
                others["hyperfine"].append((shifted, answer))
            others["pyperf"].append((shifted, rivals.pyperf(plain, candidate, scratch)))
    seconds = _median_s([d.found_ns if d.found_slower else None for shifted, d in ours if shifted])
    missed = sum(not d.found_slower for shifted, d in ours if shifted)
    wrong = sum(d.found_rounds is not None for shifted, d in ours if not shifted)
    rows = (
        Row(
            what="coldbench, wall time until +2 % is found",
            expected="a correct answer",
            measured=f"{seconds:.2f} s; {wrong} of {count} false alarms, "
            f"{missed} of {count} missed",
            ok=math.isfinite(seconds),
        ),
        _rival("hyperfine", seconds, _HYPERFINE_SHARE, others["hyperfine"]),
        _rival("pyperf", seconds, _PYPERF_SHARE, others["pyperf"]),
    )
    return Section(
        title="The same question to other tools",
        method="The same two programs, one comparison by each tool in turn, defaults of each: "
        "`hyperfine -N` with Welch's test at .05, as its own script does it; `pyperf command` "
        "twice and `compare_to`. Medians of wall time.",
        rows=rows,
    )


def _rival(
    name: str, seconds: float, share: float, answers: Sequence[tuple[bool, rivals.Answer]]
) -> Row:
    if not answers:
        return Row(what=name, expected="installed", measured="not installed here", ok=False)
    theirs = statistics.median(a.wall_ns for _, a in answers) / 1e9
    alarms = sum(a.different for shifted, a in answers if not shifted)
    missed = sum(not a.slower for shifted, a in answers if shifted)
    count = len(answers) // 2
    return Row(
        what=f"our wall time ÷ that of {name}",
        expected=f"≤ {share:.4f}",
        measured=f"{seconds / theirs:.4f} ({theirs:.1f} s; {alarms} of {count} false alarms, "
        f"{missed} of {count} missed)",
        ok=seconds / theirs <= share,
    )
