"""The first lines of a report: what was found, and what must be known before reading on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from bench.gate import EXACT_METRICS, NO_COUNTERPART
from bench.judgement import Comparison, RunVerdict, Verdict
from bench.report.document import Block, Bullets, Code, Paragraph, Text, Tone, with_code
from bench.report.findings import Findings
from bench.report.measures import ratio_words
from bench.session.attempts import Attempts

_TONES: dict[RunVerdict, Tone] = {
    "no regression": "plain",
    "regression": "bad",
    "inconclusive": "doubt",
    "unfit": "bad",
    "incomparable": "doubt",
}
_ORDER: tuple[Verdict, ...] = (
    "faster",
    "slower",
    "small change",
    "off-CPU change",
    "same",
    "inconclusive",
    "incomparable",
)
#: What is said of a function that only one revision has.
#: How many of the largest changes in each direction the preamble names.
_MOVEMENTS = 3


def verdict_tone(findings: Findings) -> Tone:
    """How the verdict of the run feels."""
    return _TONES[findings.judgement.verdict]


def lead(findings: Findings) -> str:
    """The first words: the verdict of the run, or the counts of a run that was no gate.

    The variants of one run are alternatives. That none of them regressed is not what it found.
    """
    quiet = findings.judgement.verdict == "no regression" and findings.gives_verdicts
    if quiet and _primary(findings):
        return _counts(findings)
    return findings.judgement.verdict


def headline(findings: Findings) -> Text:
    """One sentence after the first words: what the comparisons came to."""
    record, judgement = findings.record, findings.judgement
    if record.plan.smoke:
        return ("a smoke run shows that everything works, and claims nothing about speed",)
    if not judgement.fit:
        reasons = "; ".join(judgement.fit_reasons) or "no reason was recorded"
        return with_code(f"this run gives no verdicts, because {reasons}")
    if record.trials and not findings.rounds_run(discarded=False):
        return ("the run ended before its first judged round, so nothing was compared",)
    alike = _alike(findings)
    if not _primary(findings):
        return (*_outgrown(findings), alike or "nothing was compared with a baseline")
    against = (*_against(findings), f"; {alike}" if alike else "")
    if judgement.verdict == "no regression":
        return against
    return (*_outgrown(findings), f"{_counts(findings)}, ", *against)


def _outgrown(findings: Findings) -> Text:
    """How many packages are larger than the gate allows; sizes have no verdict of their own."""
    gate = findings.judgement.gate
    if gate is None:
        return ()
    packages = {
        (finding.function, finding.candidate)
        for finding in gate.findings
        if finding.state == "regression" and finding.metric in EXACT_METRICS
    }
    return (f"{_some(len(packages), 'package')} larger than allowed, ",) if packages else ()


def _against(findings: Findings) -> Text:
    """What the comparisons are about; two revisions are named."""
    how = "by cold total, " if findings.in_cloud else "by CPU time of the cold total, "
    if not findings.record.revisions:
        return (f"{how}against each function's baseline",)
    old, new = (Code(revision.variant) for revision in findings.record.revisions)
    return (how, new, " against ", old)


def _alike(findings: Findings) -> str:
    """How many functions two revisions have the same packages of; empty for variants."""
    if not findings.record.revisions:
        return ""
    same = {a.function for a in findings.record.artifacts if a.identical_to is not None}
    found = len(same)
    untouched = len(findings.record.unchanged)
    parts = []
    if found:
        parts.append(f"{_some(found, 'function')} byte-identical in both and not measured")
    if untouched:
        parts.append(f"{_some(untouched, 'function')} without a changed file and not built")
    return ", ".join(parts)


def _counts(findings: Findings) -> str:
    counts = Counter(comparison.verdict for comparison in _primary(findings))
    return ", ".join(_counted(counts[verdict], verdict) for verdict in _ORDER if counts[verdict])


def _counted(count: int, verdict: Verdict) -> str:
    plural = count > 1 and verdict.endswith("change")
    return f"{count} {verdict}{'s' if plural else ''}"


def preamble(findings: Findings) -> tuple[Block, ...]:
    """Gains and regressions worth knowing, failures, interruptions and warnings."""
    blocks: list[Block] = []
    missing = not_compared(findings)
    if missing:
        blocks.append(Bullets(items=missing, tone="doubt"))
    if findings.gives_verdicts:
        blocks += _movements(findings)
    failed = failures(findings)
    if failed:
        blocks.append(Bullets(items=failed, tone="bad"))
    said = warnings(findings)
    if said:
        blocks.append(Bullets(items=said, tone="doubt"))
    blocks.append(Paragraph(text=extent(findings), tone="quiet"))
    return tuple(blocks)


def not_compared(findings: Findings, said: Container[str] = ()) -> tuple[Text, ...]:
    """Name the functions that could not be compared, but for those ``said`` already."""
    record = findings.record
    missing: dict[str, Text] = {
        function: ("incomparable: ", Code(function), " of ", Code(variant), f" {NO_COUNTERPART}")
        for function, variant in record.unpaired.items()
    }
    missing |= {
        function: ("incomparable: ", Code(function), " cannot be compared: ", *with_code(reason))
        for function, reason in record.incomparable.items()
    }
    return tuple(text for function, text in missing.items() if function not in said)


def _primary(findings: Findings) -> list[Comparison]:
    return [c for c in findings.judgement.comparisons if c.metric == findings.primary]


def _movements(findings: Findings) -> list[Block]:
    compared = [c for c in _primary(findings) if c.ratio is not None]
    slower = sorted((c for c in compared if c.verdict == "slower"), key=_by_ratio, reverse=True)
    faster = sorted((c for c in compared if c.verdict == "faster"), key=_by_ratio)
    small = sorted((c for c in compared if c.verdict == "small change"), key=_by_ratio)
    blocks: list[Block] = []
    if slower:
        blocks.append(Bullets(items=_most("slower", slower), tone="bad"))
    if faster:
        blocks.append(Bullets(items=_most("faster", faster), tone="good"))
    if small:
        blocks.append(Bullets(items=_most("small change", small), tone="plain"))
    return blocks


def _most(word: str, ordered: list[Comparison]) -> tuple[Text, ...]:
    rest = len(ordered) - _MOVEMENTS
    named = tuple(_movement(word, comparison) for comparison in ordered[:_MOVEMENTS])
    return (*named, (f"{word}: {rest} more, in the tables",)) if rest > 0 else named


def _by_ratio(comparison: Comparison) -> float:
    return comparison.ratio or 0.0


def _movement(word: str, comparison: Comparison) -> Text:
    where = f" (event {comparison.event}, {comparison.memory_mb} MB)"
    return (
        f"{word}: ",
        Code(comparison.function),
        " ",
        Code(comparison.candidate),
        where,
        f" {ratio_words(comparison)} of ",
        Code(comparison.baseline),
    )


def failures(findings: Findings) -> tuple[Text, ...]:
    """Name the builds and cells that failed, each in one sentence."""
    attempts = Attempts(findings.record.trials)
    items: list[Text] = [
        ("build failed: ", Code(build.function), " ", Code(build.variant))
        for build in findings.record.failed_builds
    ]
    for failed in findings.failures.values():
        cell = failed.cell
        given_up = attempts.warning(cell) in findings.record.warnings
        stopped = ", after which no more were made" if given_up else ""
        items.append(
            (
                f"{failed.failed} of {failed.trials} trials failed{stopped}: ",
                Code(cell.function),
                " ",
                Code(cell.variant),
                f" (event {cell.event}, {cell.memory_mb} MB): {failed.reason}",
            )
        )
    return tuple(items)


def warnings(findings: Findings) -> tuple[Text, ...]:
    """Everything that a reader must know, each thing once: what :func:`failures` says is not."""
    record, judgement = findings.record, findings.judgement
    said = dict.fromkeys([*record.warnings, *judgement.warnings])
    attempts = Attempts(record.trials)
    for cell in findings.failures:
        said.pop(attempts.warning(cell), None)
    return tuple(with_code(f"warning: {warning}") for warning in said)


def extent(findings: Findings) -> Text:
    """Name the run: how much was measured, where, with which seed."""
    record = findings.record
    share = record.wall_in_trials_ns / record.wall_ns if record.wall_ns else 0.0
    took = f" in {record.wall_ns / 1e9:.0f} s ({share * 100:.0f} % of it inside trials)"
    return (
        "Run ",
        Code(record.run_id),
        f" of {record.started}: {_some(len(findings.functions()), 'function')},"
        f" {_some(len(record.trials), 'trial')}{took if record.trials else ''},"
        f" backend {record.backend}, seed {record.plan.seed}.",
    )


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
