"""Charts: every measured cold start as a dot, beside how init and first invoke make it up."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from bench.judgement import Judgement
from bench.model import Record
from bench.report.chart_data import Strip, alt_text, charted_functions, strips
from bench.report.findings import Findings
from bench.report.measures import number
from bench.report.plain import one_line
from bench.units import duration_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Says which files are ours to replace and to remove.
MARK = "<!-- chart by coldbench -->"

# Each colour stands in the SVG as it is in light mode; a style sheet inside the file replaces it
# in dark mode. So a program that ignores style sheets still draws the light chart.
_INK, _FAINT, _INIT, _INVOKE, _DOT = "#1f2430", "#9aa2af", "#3d7dca", "#d9822b", "#6b7280"
_DARK = {_INK: "#e6e9ef", _FAINT: "#596273", _INIT: "#6ea8ee", _INVOKE: "#efa65a", _DOT: "#a3abb9"}

#: An SVG has 72 units per inch, whatever matplotlib's resolution.
_WIDTH_IN, _ROW_IN, _MARGIN_IN = 12.5, 0.42, 1.15
#: Vertical offsets of neighbouring dots in rows: a fixed cycle, so that no chart depends on chance.
_JITTER = (-0.08, 0.08, -0.2, 0.0, -0.28, 0.12, -0.12, 0.04, -0.24, -0.04, -0.16)
_LABEL_LENGTH = 40
#: The width of a label's average character, and of the room beside the labels, in inches.
_CHARACTER_IN, _LABEL_MARGIN_IN = 0.082, 0.25


def render(record: Record, judgement: Judgement) -> str:
    """Draw one SVG with the charts of all functions, one below the other."""
    findings = Findings.of(record, judgement)
    charts = [render_function(findings, function) for function in charted_functions(findings)]
    return _stacked(charts, title="Cold starts" if charts else "Cold starts: nothing was measured")


def render_function(findings: Findings, function: str) -> str:
    """Draw the chart of one function that has measured trials."""
    rows = strips(findings, function)
    height = _MARGIN_IN + _ROW_IN * len(rows)
    drawn = _draw(function, rows, height)
    title = f"Cold starts of {one_line(function)}"
    return _finished(drawn, title=title, description=one_line(alt_text(findings, function)))


def _draw(function: str, rows: Sequence[Strip], height: float) -> str:
    # matplotlib takes a second to import, which only charts should cost.
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": function,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9.0,
        "text.parse_math": False,
        "path.simplify": False,
        "axes.unicode_minus": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(_WIDTH_IN, height))
        FigureCanvasSVG(figure)
        bottom, top = 0.5 / height, 1 - 0.55 / height
        longest = max(len(_label(strip, rows)) for strip in rows)
        left = (_LABEL_MARGIN_IN + longest * _CHARACTER_IN) / _WIDTH_IN
        middle = left + 0.36 * (0.94 - left)
        bars = figure.add_axes((left, bottom, middle - left, top - bottom))
        dots = figure.add_axes((middle + 0.03, bottom, 0.91 - middle, top - bottom))
        unit, size = duration_scale([strip.cold_total.median for strip in rows])
        _phases(bars, rows, size, unit)
        _dots(dots, rows, size, unit)
        figure.text(0.008, 1 - 0.2 / height, one_line(function), color=_INK, weight="bold", size=11)
        target = io.BytesIO()
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return target.getvalue().decode()


def _phases(axes: Axes, rows: Sequence[Strip], size: int, unit: str) -> None:
    """Draw the medians of init and first invoke, one after the other from zero."""
    for position, strip in enumerate(rows):
        init = strip.init.median / size if strip.init else 0.0
        invoke = strip.first_invoke.median / size if strip.first_invoke else 0.0
        axes.barh(position, init, height=0.5, color=_INIT, linewidth=0)
        axes.barh(position, invoke, left=init, height=0.5, color=_INVOKE, linewidth=0)
    axes.set_xlim(left=0)
    _style(axes, rows, f"median of each phase, {unit}")
    axes.set_yticks(range(len(rows)), [_label(strip, rows) for strip in rows], color=_INK)
    axes.text(0, 1.02, "■ init", transform=axes.transAxes, color=_INIT, va="bottom")
    axes.text(0.18, 1.02, "■ first invoke", transform=axes.transAxes, color=_INVOKE, va="bottom")


def _dots(axes: Axes, rows: Sequence[Strip], size: int, unit: str) -> None:
    """Draw each trial's cold total, and the median with its interval over them."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    points = [
        (value / size, position + _JITTER[k % len(_JITTER)])
        for position, strip in enumerate(rows)
        for k, value in enumerate(strip.samples_ns)
    ]
    # One path of strokes without length and with round ends: a dot then costs 30 bytes, not 120.
    path = Path(
        [point for point in points for _ in range(2)], [Path.MOVETO, Path.LINETO] * len(points)
    )
    axes.add_patch(
        PathPatch(path, fill=False, edgecolor=_DOT, linewidth=4.2, capstyle="round", gid="trials")
    )
    for position, strip in enumerate(rows):
        total = strip.cold_total
        if total.low is not None and total.high is not None:
            span = (total.low / size, total.high / size)
            level = (position + 0.29, position + 0.29)
            axes.plot(span, level, color=_INK, linewidth=2.6, solid_capstyle="butt")
        middle = total.median / size
        axes.plot((middle, middle), (position - 0.34, position + 0.38), color=_INK, linewidth=1.4)
        axes.annotate(
            number(total.median, (unit, size)),
            (1.012, position),
            xycoords=("axes fraction", "data"),
            va="center",
            color=_INK,
        )
    axes.autoscale_view()
    axes.margins(x=0.06)
    _style(axes, rows, f"cold total of each trial, {unit}")
    axes.set_yticks([])
    note = "● one trial   | median   ▬ its interval".replace(" ", "\u00a0")
    axes.text(0, 1.02, note, transform=axes.transAxes, color=_INK, va="bottom")
    axes.text(1.012, 1.02, "median", transform=axes.transAxes, color=_INK, va="bottom")


def _style(axes: Axes, rows: Sequence[Strip], label: str) -> None:
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(label, color=_INK)
    axes.tick_params(colors=_INK, length=0)
    axes.tick_params(axis="x", colors=_INK, length=3)
    axes.grid(visible=True, axis="x", color=_FAINT, linewidth=0.5, alpha=0.5)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_color(_FAINT)


def _label(strip: Strip, rows: Sequence[Strip]) -> str:
    several = len({other.event for other in rows}) > 1
    label = one_line(f"{strip.variant} · {strip.event}" if several else strip.variant)
    return label if len(label) <= _LABEL_LENGTH else label[: _LABEL_LENGTH - 1] + "…"


def _finished(drawn: str, *, title: str, description: str) -> str:
    """Make a plotting library's SVG small, accessible and readable on a dark page."""
    start = drawn.index("<svg")
    body = drawn[drawn.index(">", start) + 1 :]
    view = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn[start:])
    if view is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    width, height = view.groups()
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found.group()):.2f}", body)
    used = set(re.findall(r'(?:xlink:href="|url\()#([^")]+)', body))
    body = re.sub(r' id="([^"]+)"', lambda i: i.group() if i.group(1) in used else "", body)
    body = re.sub(r"\n\s*", "\n", body)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
        f' width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img">\n{MARK}\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(description)}</desc>\n"
        f"<style>{_dark_style()}</style>{body.rstrip()}\n"
    )


def _dark_style() -> str:
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark}!important}}'
        for light, dark in _DARK.items()
        for kind in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme: dark){{{rules}}}"


def _stacked(charts: Sequence[str], *, title: str) -> str:
    sizes = [re.search(r'width="([\d.]+)" height="([\d.]+)"', chart) for chart in charts]
    heights = [float(size.group(2)) for size in sizes if size]
    width = max((float(size.group(1)) for size in sizes if size), default=0.0)
    placed = []
    for position, chart in enumerate(charts):
        top = sum(heights[:position])
        placed.append(chart.replace("<svg ", f'<svg y="{top:g}" ', 1))
    total = sum(heights)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{total:g}"'
        f' viewBox="0 0 {width:g} {total:g}">\n{MARK}\n<title>{title}</title>\n'
        + "".join(placed)
        + "</svg>\n"
    )
