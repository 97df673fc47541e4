"""``trend.md`` and its charts: confirmed changes first, then every series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.history import chart
from bench.history.confirmations import Confirmation, Nomination
from bench.history.entries import Entry
from bench.history.trends import Trend
from bench.report.files import chart_name
from bench.report.plain import one_line
from bench.store import write_whole
from bench.units import format_change

STEM = "trend"


def write(directory: Path, trends: Sequence[Trend]) -> tuple[Path, ...]:
    """Write ``trend.md`` and one SVG per function; gives the files, the Markdown first.

    Raises:
        StorageError: the directory cannot be written to.
    """
    charts = {chart_name(f, STEM): chart.render(f, of) for f, of in _by_function(trends).items()}
    for name, drawn in charts.items():
        write_whole(directory / name, drawn.encode())
    write_whole(directory / f"{STEM}.md", markdown(trends).encode())
    return (directory / f"{STEM}.md", *(directory / name for name in charts))


def markdown(trends: Sequence[Trend]) -> str:
    """Write the trend as Markdown."""
    lines = ["# Trend", "", headline(trends), ""]
    told = [(t, n, c) for t in trends for n, c in t.confirmed]
    if told:
        lines += ["## Changes", "", *(f"- {change_words(t, n, c)}" for t, n, c in told), ""]
    waiting = [line for trend in trends for line in _open(trend)]
    if waiting:
        lines += ["## Not known", "", *waiting, ""]
    for function, of in _by_function(trends).items():
        name = chart_name(function, STEM)
        lines += [f"## {_text(function)}", "", f"![Trend of {_text(function)}]({name})", ""]
        lines += [*_table(of), ""]
    return "\n".join((*lines, *_method(trends))) + "\n"


def headline(trends: Sequence[Trend]) -> str:
    """Say in one sentence what the history came to."""
    if not trends:
        steps = "`coldbench trend --anchor`, then `coldbench trend --measure`"
        return f"There is no history yet: {steps}."
    count = sum(len(trend.confirmed) for trend in trends)
    short = sum(not trend.is_long_enough for trend in trends)
    said = f"{count} confirmed change{'s' if count != 1 else ''} in {len(trends)} series"
    return f"{said}, {short} of them too short to tell." if short else f"{said}."


def change_words(trend: Trend, nomination: Nomination, answer: Confirmation) -> str:
    """Tell one confirmed change by what the re-measurement found."""
    before, after = _commit(nomination.before), _commit(nomination.after)
    size = ""
    if answer.ratio is not None and answer.low is not None and answer.high is not None:
        size = (
            f" {format_change(answer.ratio)} [{format_change(answer.low)},"
            f" {format_change(answer.high)}]"
        )
    return (
        f"{_text(trend.name)}: **{answer.verdict}**{size}, between {before} and {after};"
        f" both measured again in run `{answer.run}`"
    )


def _open(trend: Trend) -> Iterator[str]:
    for nomination, answer in trend.nominated:
        if answer is not None and answer.state != "undecided":
            continue
        why = (
            "not measured again yet, so it may be noise"
            if answer is None
            else f"measured again without a verdict ({answer.verdict})"
        )
        yield (
            f"- {_text(trend.name)}: a candidate between {_commit(nomination.before)} and"
            f" {_commit(nomination.after)}, {why}"
        )


def _table(trends: Sequence[Trend]) -> Iterator[str]:
    yield "| series | entries | last commit | ratio to the anchor | changes | machine |"
    yield "|---|---:|---|---|---:|---|"
    for trend in trends:
        last = trend.entries[-1]
        yield (
            f"| {_text(trend.name)} | {len(trend.entries)} | {_commit(last)}"
            f" | ×{last.ratio:.3f} [{last.low:.3f}, {last.high:.3f}] | {len(trend.confirmed)}"
            f" | {_text(last.machine.get('cpu_model', 'unknown'))} |"
        )


def _method(trends: Sequence[Trend]) -> Iterator[str]:
    if not trends:
        return
    anchors = ", ".join(f"`{a[:12]}`" for a in dict.fromkeys(t.entries[-1].anchor for t in trends))
    yield "## Method"
    yield ""
    yield (
        "Each point is the CPU time of the cold total as a ratio to a pinned anchor build that was"
        " measured in the same rounds, with its interval. Change points (PELT on log ratios in"
        " standard errors) only nominate: a change stands here when both revisions were measured"
        f" again in one interleaved run. Anchors: {anchors}."
    )


def _by_function(trends: Sequence[Trend]) -> dict[str, list[Trend]]:
    found: dict[str, list[Trend]] = {}
    for trend in trends:
        found.setdefault(trend.entries[-1].function, []).append(trend)
    return found


def _commit(entry: Entry) -> str:
    if not entry.commit.id:
        return f"run `{entry.run}`"
    return f"`{entry.commit.id[:12]}`" + (" with uncommitted changes" if entry.commit.dirty else "")


def _text(text: str) -> str:
    """Somebody else's words in a Markdown table."""
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
