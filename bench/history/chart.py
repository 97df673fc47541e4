"""A small chart per function: the ratio to the anchor over the entries, without any library."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from bench.history.trends import Trend
from bench.report.chart import MARK
from bench.report.plain import one_line

_WIDTH, _HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 26, 20
#: The narrowest range of ratios that is shown, so that noise does not look like mountains.
_SPAN_MIN = 1.02
_STYLE = (
    "text{font:11px sans-serif;fill:#1f2430}.g{stroke:#9aa2af;stroke-width:.5}"
    ".i{stroke:#9aa2af}.p{fill:#3d7dca}.c{stroke:#c0392b;stroke-width:1.5}"
    ".n{stroke:#9aa2af;stroke-dasharray:3 3}.m{stroke:#d9822b;stroke-dasharray:1 3}"
    "@media(prefers-color-scheme:dark){text{fill:#e6e9ef}.p{fill:#6ea8ee}}"
)


def render(function: str, trends: Sequence[Trend]) -> str:
    """Draw the series of one function, one panel below the other."""
    panels = [_panel(trend, top=_HEIGHT * place) for place, trend in enumerate(trends)]
    height = _HEIGHT * len(panels)
    title = f"Trend of {one_line(function)}: CPU time of the cold total as a ratio to the anchor"
    described = "; ".join(_words(trend) for trend in trends)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" role="img">\n{MARK}\n<title>{escape(title)}</title>\n'
        f"<desc>{escape(described)}</desc>\n<style>{_STYLE}</style>\n"
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _words(trend: Trend) -> str:
    last = trend.entries[-1]
    return one_line(
        f"{trend.name}: {len(trend.entries)} entries, the last ×{last.ratio:.3f}"
        f" [{last.low:.3f}, {last.high:.3f}], {len(trend.confirmed)} confirmed changes"
    )


def _panel(trend: Trend, *, top: int) -> str:
    ends = [end for e in trend.entries for end in (e.low, e.high)]
    middle = math.sqrt(min(ends) * max(ends))
    reach = max(math.sqrt(max(ends) / min(ends)), math.sqrt(_SPAN_MIN)) * 1.005
    low, high = middle / reach, middle * reach
    plot = _Plot(n=len(trend.entries), low=low, high=high, top=top)
    lines = [
        f'<text x="8" y="{top + 16}">{escape(one_line(trend.name))}</text>',
        *plot.grid(),
        *plot.machines(trend),
        *plot.changes(trend),
        *plot.points(trend),
    ]
    return "\n".join(lines)


class _Plot:
    """The coordinates of one panel; ratios on a logarithmic scale."""

    def __init__(self, *, n: int, low: float, high: float, top: int) -> None:
        self._step = (_WIDTH - _LEFT - _RIGHT) / max(n, 1)
        self._low, self._high = low, high
        self._top, self._bottom = top + _TOP, top + _HEIGHT - _BOTTOM

    def _x(self, index: float) -> float:
        return _LEFT + self._step * (index + 0.5)

    def _y(self, ratio: float) -> float:
        share = math.log(ratio / self._low) / math.log(self._high / self._low)
        return self._bottom - share * (self._bottom - self._top)

    def grid(self) -> Iterator[str]:
        """Lines at the ends and in the middle, labelled with their ratios."""
        for ratio in (self._low, math.sqrt(self._low * self._high), self._high):
            y = self._y(ratio)
            yield f'<path class="g" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>'
            yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">×{ratio:.3f}</text>'

    def points(self, trend: Trend) -> Iterator[str]:
        """Draw each entry with its interval, and its commit for whoever points at it."""
        for index, e in enumerate(trend.entries):
            x = self._x(index)
            yield (
                f'<path class="i" d="M{x:.1f} {self._y(e.low):.1f}V{self._y(e.high):.1f}"/>'
                f'<circle class="p" cx="{x:.1f}" cy="{self._y(e.ratio):.1f}" r="2.4"><title>'
                f"{escape(one_line(e.commit.id[:12] or e.run))} ×{e.ratio:.4f}</title></circle>"
            )

    def changes(self, trend: Trend) -> Iterator[str]:
        """Draw confirmed changes as full lines, open nominations dashed, refuted ones not."""
        for nomination, answer in trend.nominated:
            if answer is None or answer.state != "refuted":
                told = answer is not None and answer.state == "confirmed"
                yield self._vertical("c" if told else "n", nomination.index)

    def machines(self, trend: Trend) -> Iterator[str]:
        """Mark where the machine type changed, which the ratio should not care about."""
        keys = [entry.environment for entry in trend.entries]
        for index in range(1, len(keys)):
            if keys[index] != keys[index - 1]:
                yield self._vertical("m", index)

    def _vertical(self, kind: str, index: int) -> str:
        x = self._x(index - 0.5)
        return f'<path class="{kind}" d="M{x:.1f} {self._top}V{self._bottom}"/>'
