"""Acceptance on real processes: false alarms, detections, and the same question to other tools."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from scipy import stats

from tests.acceptance import rivals
from tests.acceptance.load import other_load
from tests.acceptance.programs import Decision, Program, decide, python_hello, run_once, spinner
from tests.findings import Row, Section

#: Of the same tool on the same question, as a share of its wall time.
_HYPERFINE_SHARE, _PYPERF_SHARE = 0.1, 1 / 65
_FALSE = ("faster", "slower")


def check(scratch: Path, comparisons: int, duels: int) -> tuple[Section, ...]:
    """All live checks.

    Args:
        scratch: for programs and their copies.
        comparisons: live A/A comparisons in all; half of that is made of each shift.
        duels: comparisons by each other tool, A/A and shifted.
    """
    order = random.Random(comparisons)
    plain = spinner(scratch, "plain")
    with other_load():
        alarms = _false_alarms(plain, comparisons, order)
    shifts = _detections(scratch, plain, max(1, comparisons // 3), order)
    return alarms, shifts, _beside(scratch, plain, duels, order)


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


def _false_alarms(plain: Program, comparisons: int, order: random.Random) -> Section:
    hello = python_hello()
    half = comparisons // 2
    spins = [decide(plain, plain, order) for _ in range(comparisons - half)]
    hellos = [decide(hello, hello, order, margin=0.02) for _ in range(half)]
    found = spins + hellos
    alarms = sum(decision.word in _FALSE for decision in found)
    rows = (
        Row(
            what=f"false alarms, alpha = .01, {len(spins)} × 10 ms program, {len(hellos)} × Python",
            expected=f"≤ {allowed(comparisons)} of {comparisons}",
            measured=f"{alarms} of {comparisons} ({upper_bound(alarms, comparisons)})",
            ok=alarms <= allowed(comparisons),
        ),
    )
    method = "Live A/A comparisons with a process beside that is busy half of the time, at random."
    return Section(title="Nothing changed", method=method, rows=rows, notes=(_words(found),))


def allowed(comparisons: int) -> int:
    """Three of three hundred, in proportion."""
    return max(1, comparisons // 100)


def upper_bound(count: int, total: int) -> str:
    """The 95 % upper bound of a rate (Clopper-Pearson), in words."""
    bound = stats.beta.ppf(0.95, count + 1, total - count) if count < total else 1.0
    return f"a rate of at most {bound:.1%} with 95 % confidence"


def _words(decisions: Sequence[Decision]) -> str:
    counts = Counter(decision.word for decision in decisions)
    return "Verdicts: " + ", ".join(f"{count} `{word}`" for word, count in counts.most_common())


def _detections(scratch: Path, plain: Program, count: int, order: random.Random) -> Section:
    two, five, one = (spinner(scratch, f"plus{p}", p) for p in (2, 5, 1))
    plus2 = [decide(plain, two, order) for _ in range(count)]
    plus5 = [decide(plain, five, order) for _ in range(count)]
    plus1 = [decide(plain, one, order, margin=0.0) for _ in range(max(1, count // 3))]
    same = [decide(plain, plain, order, margin=0.02) for _ in range(count)]
    seconds = statistics.median(d.wall_ns for d in plus2) / 1e9
    rows = (
        _share("+2 % found within 60 rounds", plus2, 0.95, lambda d: _slower(d, 60)),
        Row(
            what="+2 %, median time to the verdict",
            expected="≤ 0.6 s",
            measured=f"{seconds:.2f} s, {statistics.median(d.rounds for d in plus2):.0f} rounds",
            ok=seconds <= 0.6,
        ),
        _share("+5 % found within 24 rounds", plus5, 0.99, lambda d: _slower(d, 24)),
        _share("+1 % found within 122 rounds, no margin", plus1, 0.90, lambda d: _slower(d, 122)),
        _share(
            "nothing changed: `same` within ±2 % by 54 rounds",
            same,
            0.90,
            lambda d: d.word == "same" and d.rounds <= 54,
        ),
    )
    method = "A static program of some 10 ms against one that does so much more work; CPU time."
    note = f"The estimates of +2 %: median {_percent([d.ratio for d in plus2])}."
    return Section(title="Something changed", method=method, rows=rows, notes=(note,))


def _slower(decision: Decision, rounds: int) -> bool:
    return decision.word == "slower" and decision.rounds <= rounds


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


def _beside(scratch: Path, plain: Program, duels: int, order: random.Random) -> Section:
    two = spinner(scratch, "duel2", 2)
    ours: list[Decision] = []
    others: dict[str, list[tuple[bool, rivals.Answer]]] = {"hyperfine": [], "pyperf": []}
    ours_same = []
    for _ in range(duels):
        for candidate, shifted in ((two, True), (plain, False)):
            (ours if shifted else ours_same).append(decide(plain, candidate, order))
            answer = rivals.hyperfine(plain, candidate, scratch)
            if answer is not None:
                others["hyperfine"].append((shifted, answer))
            others["pyperf"].append((shifted, rivals.pyperf(plain, candidate, scratch)))
    right = [d.wall_ns for d in ours if d.word == "slower"]
    seconds = statistics.median(right) / 1e9 if right else math.inf
    missed, alarms = len(ours) - len(right), sum(d.word in _FALSE for d in ours_same)
    rows = [
        Row(
            what="coldbench, wall time to a correct +2 %",
            expected="a correct verdict",
            measured=f"{seconds:.2f} s; {alarms} of {duels} false alarms, "
            f"{missed} of {duels} missed",
            ok=bool(right),
        ),
        *(
            _rival(name, seconds, share, others[name])
            for name, share in (("hyperfine", _HYPERFINE_SHARE), ("pyperf", _PYPERF_SHARE))
        ),
    ]
    return Section(
        title="The same question to other tools",
        method="The same two programs, one comparison by each tool in turn, defaults of each: "
        "`hyperfine -N` with Welch's test at .05, as its own script does it; `pyperf command` "
        "twice and `compare_to`.",
        rows=tuple(rows),
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
