"""The main tables: how each variant of a function starts, against its baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from bench.judgement import Comparison, Summary, Verdict
from bench.model import Cell, Plan
from bench.planning import LONG_LOOKS
from bench.report.document import (
    Code,
    Column,
    Entry,
    Paragraph,
    Row,
    Section,
    Table,
    Text,
    Tone,
    with_code,
)
from bench.report.findings import Conditions, Findings
from bench.report.measures import (
    Scale,
    byte_scale,
    number,
    percentage,
    ratio_words,
    scale_of,
    summary_entry,
)

#: Metric, heading; each is one column.
_METRICS: tuple[tuple[str, str], ...] = (
    ("init", "init"),
    ("first_invoke", "first invoke"),
    ("cold_total", "cold total"),
    ("warm_invoke", "warm invoke"),
    ("cpu_cold_total", "CPU"),
    ("peak_memory", "peak"),
)
#: Peak memory hardly varies: its interval would cost a line of attention and tell nothing.
_WITHOUT_INTERVAL = {"peak_memory"}
_VERDICT_TONES: dict[Verdict, Tone] = {
    "faster": "good",
    "slower": "bad",
    "off-CPU change": "doubt",
    "inconclusive": "doubt",
    "incomparable": "doubt",
}


_MEANINGS: dict[Verdict, str] = {
    "same": "the whole interval is within the margin of {margin}, so any change is too small to"
    " matter",
    "small change": "the interval excludes 1, so there is a change, but not the margin of {margin},"
    " so it may be too small to matter",
    "inconclusive": "so few or noisy rounds cannot tell no change from one beyond the margin of"
    " {margin}",
    "off-CPU change": "wall time changed beyond the margin of {margin} and CPU time did not change"
    " with it",
}


def section(findings: Findings) -> Section:
    """Give one table per function and event, at the function's own memory size."""
    confidence = percentage(findings.judgement.confidence)
    legend = Paragraph(
        text=_cloud_legend(confidence, findings)
        if findings.in_cloud
        else (
            f"Times are medians with their {confidence} interval, n trials each. CPU is the CPU"
            " time of the cold total, on which verdicts rest: × is its ratio to the baseline, below"
            " 1 is faster. Peak is the largest resident memory of the function's process."
            f"{_meanings(findings)}",
        ),
        tone="quiet",
    )
    functions = findings.functions()
    alike = [f for f in functions if not findings.conditions(f) and _identical(findings, f)]
    tables = [
        _table(findings, conditions)
        for function in functions
        if function not in alike
        for conditions in findings.conditions(function) or (_unmeasured(function),)
    ]
    legends = [legend] if tables else []
    return Section(title="Cold start", blocks=(*legends, *tables, *_alike(alike)))


def _cloud_legend(confidence: str, findings: Findings) -> Text:
    return (
        f"Times are medians with their {confidence} interval, n trials each, as Lambda reported"
        " them. Verdicts rest on the cold total: × is its ratio to the baseline, below 1 is"
        f" faster. Peak is Max Memory Used.{_meanings(findings)}",
    )


def _meanings(findings: Findings) -> str:
    """Say what those verdicts mean that occur and do not speak for themselves."""
    if not findings.gives_verdicts:
        return ""
    primary = findings.primary
    found = {c.verdict for c in findings.judgement.comparisons if c.metric == primary}
    margin = percentage(findings.judgement.margin)
    return "".join(
        f" {word[0].upper()}{word[1:]}: {meaning.format(margin=margin)}."
        for word, meaning in _MEANINGS.items()
        if word in found
    )


def _metrics(findings: Findings) -> tuple[tuple[str, str], ...]:
    """The columns; Lambda tells no CPU time."""
    if not findings.in_cloud:
        return _METRICS
    return tuple(column for column in _METRICS if not column[0].startswith("cpu_"))


def _alike(functions: list[str]) -> tuple[Paragraph, ...]:
    if not functions:
        return ()
    words = "The same package in both revisions, byte for byte, and so not measured: "
    return (Paragraph(text=(words, *_listed(functions), ".")),)


def _unmeasured(function: str) -> Conditions:
    return Conditions(function=function, event="", page_cache="warm")


def _table(findings: Findings, conditions: Conditions) -> Table:
    memory_mb = findings.headline_memory_mb(conditions)
    cells = [
        conditions.cell(variant, memory_mb) for variant in findings.variants(conditions.function)
    ]
    scales = _scales(findings, cells)
    zip_scale = byte_scale(
        a.zip_bytes for f, a in findings.artifacts.items() if f[0] == conditions.function
    )
    return Table(
        title=_title(conditions, memory_mb, in_cloud=findings.in_cloud),
        columns=(
            Column(title="variant", align="left"),
            Column(title="zip", unit=zip_scale[0]),
            *(Column(title=title, unit=scales[metric][0]) for metric, title in _metrics(findings)),
            Column(title="n"),
            Column(title="verdict", align="left"),
        ),
        rows=tuple(_row(findings, cell, scales, zip_scale) for cell in cells),
        notes=_notes(findings, cells),
    )


def _identical(findings: Findings, function: str) -> bool:
    """Whether two revisions gave the same package of a function."""
    known = [a for (name, _), a in findings.artifacts.items() if name == function]
    return bool(findings.record.revisions) and any(a.identical_to for a in known)


def _title(conditions: Conditions, memory_mb: int, *, in_cloud: bool) -> Text:
    if not conditions.event:
        return (Code(conditions.function), ": nothing was measured")
    return (
        Code(conditions.function),
        ", event ",
        Code(conditions.event),
        f", {memory_mb} MB" + ("" if in_cloud else f", {conditions.page_cache} page cache"),
    )


def _scales(findings: Findings, cells: list[Cell]) -> dict[str, Scale]:
    """Choose one unit per column; init, first invoke and cold total share one, as they add up."""
    known: dict[str, list[Summary]] = {metric: [] for metric, _ in _METRICS}
    for cell in cells:
        for metric in known:
            summary = findings.summary(cell, metric)
            if summary:
                known[metric].append(summary)
    scales = {metric: scale_of(summaries) for metric, summaries in known.items()}
    cold = scales["cold_total"]
    return {**scales, "init": cold, "first_invoke": cold, "cpu_cold_total": cold}


def _row(findings: Findings, cell: Cell, scales: Mapping[str, Scale], zip_scale: Scale) -> Row:
    label = Entry(text=(cell.variant,))
    remark, tone = _remark(findings, cell)
    if remark:
        return Row(entries=(label,), remark=remark, tone=tone)
    artifact = findings.artifacts[cell.function, cell.variant]
    return Row(
        entries=(
            label,
            Entry(text=(number(artifact.zip_bytes, zip_scale),)),
            *(
                summary_entry(
                    findings.summary(cell, metric),
                    scales[metric],
                    interval=metric not in _WITHOUT_INTERVAL,
                )
                for metric, _ in _metrics(findings)
            ),
            Entry(text=(str(findings.summaries[cell].n),)),
            _verdict(findings, cell),
        )
    )


def _remark(findings: Findings, cell: Cell) -> tuple[Text, Tone]:
    """Say why a variant has no numbers here, in words; empty when it has."""
    build = findings.failed_builds.get((cell.function, cell.variant))
    if build:
        return (f"build failed: {_first_line(build.message)}",), "bad"
    artifact = findings.artifacts[cell.function, cell.variant]
    summary = findings.summaries.get(cell)
    if summary and summary.metrics:
        return (), "plain"
    if artifact.identical_to:
        return ("identical to ", Code(artifact.identical_to)), "quiet"
    failures = findings.failures.get(cell)
    if failures:
        share = f"{failures.failed} of {failures.trials}"
        return (f"{share} trials failed: {failures.reason}",), "bad"
    return ("not measured",), "quiet"


def _first_line(message: str) -> str:
    """Find the line of a compiler's message that says what is wrong, not in which package."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("#")]
    return (said or lines or ["the tool said nothing"])[0]


def _verdict(findings: Findings, cell: Cell) -> Entry:
    if cell.variant == findings.baseline(cell.function):
        return Entry(text=("baseline",), tone="quiet")
    comparison = findings.comparison(cell)
    if comparison is None:
        return Entry(text=("not compared",), tone="quiet")
    if not findings.gives_verdicts:
        return Entry(text=("no verdict",), detail=(ratio_words(comparison),), tone="doubt")
    return Entry(
        text=(comparison.verdict,),
        detail=(ratio_words(comparison),),
        tone=_VERDICT_TONES.get(comparison.verdict, "plain"),
    )


def _notes(findings: Findings, cells: list[Cell]) -> tuple[Text, ...]:
    notes: list[Text] = []
    compared = [c for c in map(findings.comparison, cells) if c is not None]
    open_ones = [c for c in compared if c.verdict not in ("faster", "slower")]
    visible = [c.smallest_detectable for c in open_ones if c.smallest_detectable is not None]
    if visible:
        notes.append(_visible(min(visible), max(visible)))
    unsettled = [c for c in compared if c.rounds_to_settle is not None]
    if unsettled and findings.gives_verdicts:
        notes.append(_settling(unsettled, findings.record.plan))
    for cell in cells:
        wall = findings.comparison(cell, "cold_total")
        if wall and "off-CPU change" in {wall.verdict, _primary_verdict(findings, cell)}:
            notes.append((Code(cell.variant), f": wall time of the cold total {ratio_words(wall)}"))
        failures = findings.failures.get(cell)
        if failures and cell in findings.summaries and findings.summaries[cell].metrics:
            share = f": {failures.failed} of {failures.trials} trials failed: "
            notes.append((Code(cell.variant), share, failures.reason))
    return (*notes, *_shared_warnings(compared))


def _settling(unsettled: list[Comparison], plan: Plan) -> Text:
    """Say what would decide the undecided; a run stops at its last look, whatever its budget."""
    most = max(unsettled, key=lambda c: c.n + (c.rounds_to_settle or 0))
    more = _rounded(most.rounds_to_settle or 0)
    total = _rounded(most.n + (most.rounds_to_settle or 0))
    enough = len(plan.looks) > 1 and most.n + (most.rounds_to_settle or 0) <= LONG_LOOKS[-1]
    try_this = ("a longer ", Code("--budget")) if enough else (Code(f"--rounds {total}"),)
    names = _listed([c.candidate for c in unsettled])
    return (f"About {more:,} more rounds would settle ", *names, ": try ", *try_this, ".")


def _rounded(count: int) -> int:
    """Up to two digits: an estimate that seems exact would be believed."""
    unit = int(f"1{'0' * (len(str(count)) - 2)}")
    return math.ceil(count / unit) * unit


def _shared_warnings(compared: list[Comparison]) -> Iterator[Text]:
    """Say each warning once, with the variants that it is about."""
    about: dict[str, list[str]] = {}
    for comparison in compared:
        for warning in comparison.warnings:
            about.setdefault(warning, []).append(comparison.candidate)
    for warning, variants in about.items():
        yield (*_listed(variants), *with_code(f": {warning}"))


def _listed(names: list[str]) -> Text:
    return tuple(part for name in names for part in (", ", Code(name)))[1:]


def _primary_verdict(findings: Findings, cell: Cell) -> Verdict | None:
    comparison = findings.comparison(cell)
    return comparison.verdict if comparison else None


def _visible(least: float, most: float) -> Text:
    if percentage(least) == percentage(most):
        return (f"Changes below about {percentage(least)} could not be told from noise.",)
    return (
        f"Changes below about {percentage(least)} to {percentage(most)}, depending on the variant,"
        " could not be told from noise.",
    )
