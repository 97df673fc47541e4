"""Why the numbers can be trusted and how to get them again: controls, method, environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.judgement import Control
from bench.model import Record, Revision
from bench.report.document import (
    Bullets,
    Code,
    Column,
    Console,
    Entry,
    Paragraph,
    Row,
    Section,
    Table,
    Text,
)
from bench.report.findings import Findings
from bench.report.measures import interval_words, percentage, rounds_words
from bench.stats.threshold import thresholds
from bench.subjects import CpuMode

#: The fingerprint's own grouping, which matters to comparisons of runs and not to readers.
_FACT_KINDS = ("hard", "soft")
_CPU_MODES: dict[CpuMode, str] = {
    "on-demand": "init runs without a CPU quota; before the first event is released the quota"
    " becomes 20 ms × memory / 1769 MB in each 20 ms, as on Lambda",
    "provisioned": "the quota of 20 ms × memory / 1769 MB in each 20 ms holds from the start,"
    " as with provisioned concurrency",
    "none": "no CPU quota: times at a memory size follow from the model only",
}


_WITHOUT_CGROUP = (
    "this machine offered no cgroup, so no quota was enforced: what was measured ran unthrottled,"
    " and times below one full CPU follow from the model only"
)


def revisions(findings: Findings) -> Section | None:
    """Name what two variants stand for; None for a run over variants."""
    found = findings.record.revisions
    if not found:
        return None
    columns = tuple(
        Column(title=title, align="left") for title in ("side", "variant", "given as", "which is")
    )
    rows = tuple(
        Row(
            entries=(
                Entry(text=(role,)),
                Entry(text=(revision.variant,)),
                Entry(text=(revision.name,)),
                Entry(text=(_identity(revision),)),
            )
        )
        for role, revision in zip(("baseline", "candidate"), found, strict=True)
    )
    return Section(title="Revisions", blocks=(Table(title=(), columns=columns, rows=rows),))


def _identity(revision: Revision) -> str:
    """What makes it findable again: the commit, and what was on top of it."""
    match revision.kind:
        case "commit":
            return f"commit {revision.commit}"
        case "worktree":
            state = "with uncommitted changes" if revision.dirty else "without changes"
            return f"the tree on commit {revision.commit or 'none'}, {state}"
        case "zip":
            return f"the file {revision.path.name}, SHA-256 {revision.digest}"
        case "directory":
            return f"the directory {revision.path.name}"


def controls(findings: Findings) -> Section | None:
    """Show the comparisons whose answer is known beforehand; None when the run had none."""
    found = findings.judgement.controls
    if not found:
        return None
    legend = Paragraph(text=(_controls_legend(found, findings.primary),), tone="quiet")
    columns = (
        Column(title="control", align="left"),
        Column(title="function", align="left"),
        Column(title="event", align="left"),
        Column(title="metric", align="left"),
        Column(title="memory", unit="MB"),
        Column(title="n"),
        Column(title="ratio", align="left"),
        Column(title="result", align="left"),
    )
    table = Table(title=(), columns=columns, rows=tuple(_control(control) for control in found))
    return Section(title="Controls", blocks=(legend, table))


def _controls_legend(found: Sequence[Control], primary: str) -> str:
    parts = [
        "Comparisons whose answer is known, from the same rounds: if one comes out wrong, the run"
        " is unfit and gives no verdicts. A/A is the baseline against a second copy of itself; its"
        " interval must contain 1."
    ]
    shift = next((c.expected for c in found if c.kind == "known-shift"), None)
    if shift is not None:
        parts.append(
            "The known shift is a small program of ours against itself with"
            f" {percentage(shift - 1)} more work; its interval must contain {shift:g}."
        )
    if any(c.metric != primary for c in found):
        parts.append("A difference in wall time alone is a warning.")
    parts.append(
        "The intervals hold for all controls together, which makes each wider than that of a single"
        " comparison."
    )
    return " ".join(parts)


def _control(control: Control) -> Row:
    kind = "A/A" if control.kind == "aa" else "known shift"
    expected = "nothing found" if control.kind == "aa" else "shift found"
    wrong = "difference found" if control.kind == "aa" else "shift missed"
    return Row(
        entries=(
            Entry(text=(kind,)),
            Entry(text=(control.function,)),
            Entry(text=(control.event,)),
            Entry(text=(control.metric.replace("_", " "),)),
            Entry(text=(str(control.memory_mb),)),
            Entry(text=(str(control.n),)),
            Entry(text=(interval_words(control.ratio, control.low, control.high),)),
            Entry(
                text=(_result(control, expected, wrong),),
                tone=("good" if control.judged else "doubt") if control.ok else "bad",
            ),
        )
    )


def _result(control: Control, expected: str, wrong: str) -> str:
    if not control.ok:
        return f"not ok: {wrong}"
    return f"ok: {expected}" if control.judged else "not judged: the rounds were too few or noisy"


def failures(findings: Findings) -> Section | None:
    """Show what failed, in the tools' own words; None when nothing did."""
    blocks: list[Paragraph | Console] = []
    for build in findings.record.failed_builds:
        title = ("Build of ", Code(build.function), " ", Code(build.variant), " failed:")
        blocks.append(Paragraph(text=title, tone="bad"))
        blocks.append(Console(text=f"$ {build.command}\n{build.message.rstrip()}"))
    for failed in findings.failures.values():
        cell, error = failed.cell, failed.first.error
        blocks.append(
            Paragraph(
                text=(
                    Code(cell.function),
                    " ",
                    Code(cell.variant),
                    f", event {cell.event}, {cell.memory_mb} MB: {failed.failed} of"
                    f" {failed.trials} trials failed, first in round {failed.first.round}: ",
                    failed.reason,
                ),
                tone="bad",
            )
        )
        if error and error.log_tail.strip():
            blocks.append(Console(text=error.log_tail.rstrip()))
        if error and error.log_path:
            blocks.append(Paragraph(text=("Full log: ", Code(error.log_path)), tone="quiet"))
    return Section(title="Failures", blocks=tuple(blocks)) if blocks else None


def method(findings: Findings) -> Section | None:
    """Say what each number means and in which order it was taken; None without numbers."""
    record = findings.record
    plan = record.plan
    if not plan.cells:
        return None
    if findings.in_cloud:
        return _cloud_method(findings)
    states = " and ".join(sorted({cell.page_cache for cell in plan.cells})) or "warm"
    items: list[Text] = [
        ("Init: from exec of the runtime to its first request for an event.",),
        ("First invoke: from release of the event to the response received.",),
        ("Cold total: init + first invoke, in one fresh execution environment per trial.",),
        (f"Warm invoke: the median of {plan.warm_invokes} further invokes of each environment.",),
        (f"CPU: {_CPU_MODES[plan.cpu_mode] if findings.has_quota() else _WITHOUT_CGROUP}.",),
        (f"Page cache: {states}. Every variant runs from fresh copies, staged alike.",),
        _order(findings),
        (
            f"Intervals: {percentage(findings.judgement.confidence)}, order statistics for medians;"
            " ratios on paired rounds. Verdicts rest on CPU time of the cold total.",
        ),
    ]
    items += _round_trip(record.environment)
    if len(plan.looks) > 1:
        items.append(_stopping(findings))
    if plan.validation_cells:
        items.append(
            (
                f"Model: checked on {len(plan.validation_cells)} cells with"
                f" {plan.validation_rounds} rounds each, which give no verdicts.",
            )
        )
    return Section(title="Method", blocks=(Bullets(items=tuple(items)),))


def _round_trip(facts: Mapping[str, Any]) -> list[Text]:
    """Say what of an invoke is ours; nothing for records that do not know."""
    match facts.get("round_trip"):
        case {"p50_ns": int(p50_ns), "p99_ns": int(p99_ns), "n": int(n)}:
            return [
                (
                    f"Our own round trip: p50 {p50_ns / 1_000:.0f} µs, p99 {p99_ns / 1_000:.0f} µs"
                    f" over {n} invokes of a runtime that does nothing, before the first trial;"
                    " each invoke time has one in it.",
                )
            ]
        case _:
            return []


def _cloud_method(findings: Findings) -> Section:
    """Say the same of a run on real Lambda, where REPORT is what can be known."""
    plan = findings.record.plan
    items: list[Text] = [
        ("Init and first invoke: Init Duration and Duration of the invoke's own REPORT line.",),
        ("Cold total: their sum, or with SnapStart that of Restore Duration and Duration.",),
        (
            f"Warm invoke: the median Duration of {plan.warm_invokes} further invokes of the same"
            " execution environment.",
        ),
        (
            "Each trial is one new version of a throw-away copy, invoked once: it counts if the"
            " version is the one made for it, REPORT has an Init Duration, and the caller waited"
            " for it; others are replaced.",
        ),
        _order(findings),
        (
            f"Intervals: {percentage(findings.judgement.confidence)}, order statistics for medians;"
            " ratios on paired rounds. Lambda tells no CPU time: verdicts rest on the cold total,"
            " which is noisier.",
        ),
    ]
    return Section(title="Method", blocks=(Bullets(items=tuple(items)),))


def _stopping(findings: Findings) -> Text:
    """Say when a comparison ended, and what its interval is worth although it was looked at."""
    looks = findings.record.plan.looks
    numbers = ", ".join(str(look) for look in looks)
    edges = [findings.judgement.margin, *(t - 1 for t in thresholds(findings.record))]
    known = list(dict.fromkeys(percentage(edge) for edge in edges))
    clear = f"the margin of {known[0]}" + "".join(f" and the gate of {edge}" for edge in known[1:])
    return (
        f"Stop: a comparison is judged after {numbers} rounds, and gets no more once its interval"
        f" is clear of {clear}. Each of these {len(looks)} looks is a chance to be wrong and takes"
        " its share of the error allowed, so intervals and p values of ratios hold wherever a"
        " comparison stopped.",
    )


def _order(findings: Findings) -> Text:
    """Say which rounds ran, which a budget or an interruption makes fewer than were planned."""
    plan = findings.record.plan
    judged = findings.rounds_run(discarded=False)
    ended = "" if findings.record.complete else ", the run was interrupted"
    most = "at most " if len(plan.looks) > 1 else ""
    each = " for each variant" if judged > plan.rounds else ""
    planned = f" ({most}{plan.rounds}{each} were planned{ended})" if judged != plan.rounds else ""
    first = findings.rounds_run(discarded=True)
    discarded = f"; {rounds_words(first)} before them discarded" if first else ""
    return (
        f"Order: {rounds_words(judged, 'judged ')}{planned}, each over its variants in random order"
        f" (seed {plan.seed}), rounds of different functions interleaved{discarded}.",
    )


def environment(findings: Findings) -> Section:
    """List the machine, the harness and the toolchains."""
    record = findings.record
    facts: dict[str, str] = {}
    machine = {name: facts for name, facts in record.environment.items() if name != "pythons"}
    known = (*_flat(machine), *_toolchains(record), *_interpreters(record))
    for name, value in known:
        # What the session found out comes first, and is surer than the fingerprint before it.
        facts.setdefault(name, value)
    rows = tuple(Row(entries=(Entry(text=(n,)), Entry(text=(v,)))) for n, v in facts.items())
    columns = (Column(title="fact", align="left"), Column(title="value", align="left"))
    table = Table(title=(), columns=columns, rows=rows)
    return Section(title="Environment", blocks=(table,), folded=True)


def reproduction(findings: Findings) -> Section:
    """Give the command that makes this report again."""
    record = findings.record
    command = record.command
    if "--seed" not in command:
        command = f"{command} --seed {record.plan.seed}"
    return Section(title="Reproduce", blocks=(Console(text=f"$ {command}"),))


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        match value:
            case Mapping():
                yield from _flat(value, prefix if name in _FACT_KINDS else f"{prefix}{name}.")
            case list() | tuple():
                yield f"{prefix}{name}", ", ".join(str(item) for item in value)
            case None:
                yield f"{prefix}{name}", "unknown"
            case bool():
                yield f"{prefix}{name}", "yes" if value else "no"
            case _:
                yield f"{prefix}{name}", str(value)


def _toolchains(record: Record) -> list[tuple[str, str]]:
    versions: dict[str, set[str]] = {}
    for artifact in record.artifacts:
        for tool, version in artifact.toolchain.items():
            versions.setdefault(tool, set()).add(version)
    return [(f"toolchain.{tool}", ", ".join(sorted(versions[tool]))) for tool in sorted(versions)]


def _interpreters(record: Record) -> list[tuple[str, str]]:
    """Say what functions ran on, where they ask for a Python or their package does not tell it."""
    built = {a.function: a.toolchain["python"] for a in record.artifacts if a.python_minor}
    served = {**built, **record.environment.get("pythons", {})}
    rows = []
    for function in record.functions:
        wanted, version = function.runtime_version, served.get(function.id)
        if version is None or (wanted is None and function.id in built):
            continue
        is_right = wanted is None or version == wanted or version.startswith(f"{wanted}.")
        instead = "" if is_right else f", which served instead of {wanted}"
        rows.append((f"python of {function.id}", f"{version}{instead}"))
    return rows
