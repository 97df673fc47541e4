"""Go benchmark text, as ``benchstat`` reads it (golang.org/x/perf, package benchfmt).

One line per judged trial, so that benchstat sees every sample; durations in ``-ns`` units, which
it scales to seconds; sizes of packages in units declared ``assume=exact``, which it compares
without statistics. ``benchstat -col /variant FILE`` sets the variants side by side. benchstat
never sets results with different configuration lines side by side, which keeps an unfit run and
another processor apart from the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from bench.judgement import Judgement
from bench.model import Cell, Record
from bench.report.exports.samples import caveat, conditions
from bench.report.plain import one_line
from bench.stats.samples import METRICS, Sample, collect, unit
from bench.subjects import Artifact

_SIZES = ("zip_bytes", "unpacked_bytes", "binary_bytes")
_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
#: What stands in a name unquoted; a space ends a name and a slash begins its next part.
_SAFE = "-._~@+,:;()[]"


def render(record: Record, judgement: Judgement) -> str:
    """Write the trials and sizes of a run as Go benchmark results."""
    lines = [*_comments(record, judgement), *_configuration(record, judgement), *_units(), ""]
    samples = collect(record.trials)
    for cell in dict.fromkeys(record.plan.cells):
        sample = samples.get((cell, "variant"))
        if sample is not None:
            lines += _trials(cell, sample)
    lines += [_package(artifact) for artifact in record.artifacts]
    return "\n".join(lines) + "\n"


def _comments(record: Record, judgement: Judgement) -> Iterator[str]:
    """Lines that are neither results nor configuration are passed over by every reader."""
    yield f"# coldbench run {record.run_id} of {record.started}: {one_line(record.command)}"
    yield "# Rounds were interleaved inside this run. Two files of different runs were not: what"
    yield "# benchstat says about those includes whatever changed on the machine between them."
    for summary in judgement.cells:
        if summary.failures:
            cell = summary.cell
            name = one_line(f"{cell.function} {cell.variant} ({conditions(cell)})")
            yield f"# {summary.failures} failed trials of {name} are not in here"


def _configuration(record: Record, judgement: Judgement) -> Iterator[str]:
    hard = record.environment.get("hard", {})
    architecture = str(hard.get("architecture", ""))
    yield "goos: linux"
    if architecture:
        yield f"goarch: {_GO_ARCHITECTURES.get(architecture, one_line(architecture))}"
    if hard.get("cpu_model"):
        yield f"cpu: {one_line(str(hard['cpu_model']))}"
    yield f"cpu-mode: {record.plan.cpu_mode}"
    reason = caveat(record, judgement)
    if reason is not None:
        yield f"unfit: {one_line(reason)}"


def _units() -> Iterator[str]:
    for metric in METRICS:
        yield f"Unit {_unit(metric)} better=lower"
    for size in _SIZES:
        yield f"Unit {size.replace('_', '-')} better=lower assume=exact"


def _unit(metric: str) -> str:
    return f"{metric.replace('_', '-')}-{unit(metric)}"


def _trials(cell: Cell, sample: Sample) -> Iterator[str]:
    name = (
        f"BenchmarkColdStart/{_identity(cell.function, cell.variant)}/event={_part(cell.event)}"
        f"/cache={cell.page_cache}/memory={cell.memory_mb}MB"
    )
    columns = {metric: column.by_round() for metric, column in sample.columns.items()}
    for number in sorted(sample.rounds):
        values = [
            f"{column[number]} {_unit(metric)}"
            for metric, column in columns.items()
            if number in column
        ]
        if values:
            yield "\t".join((name, "1", *values))


def _package(artifact: Artifact) -> str:
    # The last part must not end in a number after a dash, which benchstat takes for GOMAXPROCS.
    name = f"BenchmarkPackage/{_identity(artifact.function, artifact.variant)}/of=package"
    sizes = [(size, getattr(artifact, size)) for size in _SIZES]
    values = [f"{value} {size.replace('_', '-')}" for size, value in sizes if value]
    return "\t".join((name, "1", *values))


def _identity(function: str, variant: str) -> str:
    runtime, _, name = function.partition("/")
    return f"runtime={_part(runtime)}/function={_part(name)}/variant={_part(variant)}"


def _part(text: str) -> str:
    return quote(text, safe=_SAFE)
