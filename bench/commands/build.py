"""``coldbench build``: artifacts and their exact metrics, nothing measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bench.commands.options import BuildOptions
from bench.errors import BuildError
from bench.functions.targets import resolve_targets, select
from bench.progress import choose
from bench.subjects import Artifact, FailedBuild, Function, Variant
from bench.units import format_bytes

if TYPE_CHECKING:
    from bench.build import BuildEvent
    from bench.build.matrix import BuildResult

_HEADINGS = ("variant", "zip", "unpacked", "binary", "reproducible")


def execute(options: BuildOptions) -> tuple[str, int]:
    """Build and show sizes; a failed build is shown with the others, and makes the exit code."""
    functions = resolve_targets(options.targets, options.settings, cwd=options.cwd)
    chosen = select(functions, patterns=options.variants, keep_baseline=False, cwd=options.cwd)
    pairs = [(s.function, variant) for s in chosen for variant in s.variants]
    result = _built(pairs, options)
    if options.json:
        text = json.dumps(document(result.artifacts, result.failures), indent=2) + "\n"
    else:
        text = "\n".join(render(result.artifacts, result.failures)) + "\n"
    return text, BuildError.exit_code if result.failures else 0


def _built(pairs: Sequence[tuple[Function, Variant]], options: BuildOptions) -> BuildResult:
    from bench.build import BuildCache, build_matrix

    progress = choose(options.verbosity, sys.stderr)

    def tell(event: BuildEvent) -> None:
        if event.state == "built":
            progress.say(f"built {event.function} {event.variant} in {event.seconds:.1f} s")

    return build_matrix(
        pairs, cache=BuildCache(options.settings.cache), observer=tell, prove_reproducible=True
    )


def document(
    artifacts: Iterable[Artifact], failures: Iterable[FailedBuild]
) -> dict[str, list[dict[str, Any]]]:
    """Give the exact metrics as JSON: sizes in bytes, with the names of the result file."""
    return {
        "artifacts": [
            {
                "function": a.function,
                "variant": a.variant,
                "digest": a.digest,
                "zip": str(a.zip_path),
                "zip_bytes": a.zip_bytes,
                "unpacked_bytes": a.unpacked_bytes,
                "binary_bytes": a.binary_bytes,
                "toolchain": dict(a.toolchain),
                "recipe": a.recipe,
                "breakdown": dict(a.breakdown),
                "reproducible": a.reproducible,
                "identical_to": a.identical_to,
                "warnings": list(a.warnings),
            }
            for a in artifacts
        ],
        "failures": [
            {
                "function": f.function,
                "variant": f.variant,
                "command": f.command,
                "message": f.message,
            }
            for f in failures
        ],
    }


def render(artifacts: Sequence[Artifact], failures: Sequence[FailedBuild]) -> Iterator[str]:
    """Give one table per function, then what failed in the tool's own words."""
    for function in dict.fromkeys(a.function for a in artifacts):
        own = [a for a in artifacts if a.function == function]
        yield function
        yield from _table([_HEADINGS, *(_row(a) for a in own)])
        for artifact in own:
            for warning in artifact.warnings:
                yield f"  {artifact.variant}: {warning}"
        yield ""
    for failure in failures:
        yield f"{failure.function} {failure.variant} failed"
        yield f"  $ {failure.command}"
        yield from (f"  {line}" for line in failure.message.rstrip().splitlines())
        yield ""
    yield _total(len(artifacts), len(failures))


def _row(artifact: Artifact) -> tuple[str, ...]:
    if artifact.identical_to:
        return (artifact.variant, f"identical to {artifact.identical_to}")
    proved = {True: "yes", False: "no", None: "not proved"}[artifact.reproducible]
    return (
        artifact.variant,
        format_bytes(artifact.zip_bytes),
        format_bytes(artifact.unpacked_bytes),
        format_bytes(artifact.binary_bytes) if artifact.binary_bytes else "-",
        proved,
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Align full rows; a short one is a label and a remark across the other columns."""
    full = [row for row in rows if len(row) == len(_HEADINGS)]
    widths = [max(len(row[column]) for row in full) for column in range(len(_HEADINGS))]
    widths[0] = max(len(row[0]) for row in rows)
    for row in rows:
        label, *values = row
        if len(row) < len(_HEADINGS):
            yield f"  {label:<{widths[0]}}  {values[0]}"
            continue
        *sizes, proved = values
        aligned = "  ".join(f"{s:>{w}}" for s, w in zip(sizes, widths[1:-1], strict=True))
        yield f"  {label:<{widths[0]}}  {aligned}  {proved}"


def _total(built: int, failed: int) -> str:
    total = f"{built} artifact{'s' * (built != 1)}"
    return f"{total}, {failed} failed" if failed else total
