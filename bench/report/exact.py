"""What the builds weigh: exact metrics, compared as such."""

from __future__ import annotations

from bench.report.document import Code, Column, Entry, Row, Section, Table, Text
from bench.report.findings import Findings
from bench.report.measures import Scale, byte_scale, number
from bench.subjects import Artifact
from bench.units import format_bytes

#: Parts of a Go binary that get a column of their own: key of the breakdown, heading.
_SECTIONS: tuple[tuple[str, str], ...] = (
    ("text", ".text"),
    ("symbols", "symbols"),
    ("debug", "debug"),
)
#: How many top-level packages of a Python package are named.
_PACKAGES = 3


def section(findings: Findings) -> Section | None:
    """Give one table per function; None when nothing was built."""
    tables = tuple(
        _table(findings, function)
        for function in findings.functions()
        if any(built == function for built, _ in findings.artifacts)
    )
    return Section(title="Packages", blocks=tables) if tables else None


def _table(findings: Findings, function: str) -> Table:
    artifacts = [
        findings.artifacts[function, variant]
        for variant in findings.variants(function)
        if (function, variant) in findings.artifacts
    ]
    packaged = findings.runtime(function) == "python"
    sizes = _size_columns(artifacts, packaged=packaged)
    scales = {title: byte_scale(values) for title, values in sizes.items()}
    columns = [
        Column(title="variant", align="left"),
        *(Column(title=title, unit=scales[title][0]) for title in sizes),
        Column(title="reproducible", align="left"),
    ]
    if packaged:
        columns.append(Column(title="largest packages", align="left"))
    rows = []
    for position, artifact in enumerate(artifacts):
        values = {title: column[position] for title, column in sizes.items()}
        rows.append(_row(artifact, values, scales, packaged=packaged))
    notes = tuple(
        (Code(artifact.variant), f": {warning}")
        for artifact in artifacts
        for warning in artifact.warnings
    )
    return Table(title=(Code(function),), columns=tuple(columns), rows=tuple(rows), notes=notes)


def _size_columns(artifacts: list[Artifact], *, packaged: bool) -> dict[str, list[int]]:
    columns = {
        "zip": [a.zip_bytes for a in artifacts],
        "unpacked": [a.unpacked_bytes for a in artifacts],
        "binary": [a.binary_bytes for a in artifacts],
    }
    if not packaged:
        for key, title in _SECTIONS:
            columns[title] = [a.breakdown.get(key, 0) for a in artifacts]
    return {title: values for title, values in columns.items() if any(values)}


def _row(
    artifact: Artifact, values: dict[str, int], scales: dict[str, Scale], *, packaged: bool
) -> Row:
    label = Entry(text=(artifact.variant,))
    if artifact.identical_to:
        remark: Text = ("identical to ", Code(artifact.identical_to))
        return Row(entries=(label,), remark=remark, tone="quiet")
    entries = [
        label,
        *(Entry(text=(number(value, scales[title]),)) for title, value in values.items()),
        _reproducible(artifact),
    ]
    if packaged:
        entries.append(Entry(text=(_largest(artifact),)))
    return Row(entries=tuple(entries))


def _reproducible(artifact: Artifact) -> Entry:
    match artifact.reproducible:
        case True:
            return Entry(text=("yes",), tone="good")
        case False:
            return Entry(text=("no",), tone="doubt")
        case None:
            return Entry(text=("not proved",), tone="quiet")


def _largest(artifact: Artifact) -> str:
    """Name the heaviest packages; ties go by name, so that the builder's order has no say."""
    ordered = sorted(artifact.breakdown.items(), key=lambda item: (-item[1], item[0]))
    named = [f"{name} {format_bytes(size)}" for name, size in ordered[:_PACKAGES]]
    rest = len(ordered) - len(named)
    return ", ".join(named) + (f", {rest} more" if rest else "")
